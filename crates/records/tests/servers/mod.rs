//! What a database on a server adds: it goes away and comes back, and others use it at the same time.

use creel_records::{
    Accounts as _, DatabaseUrl, Events as _, Instances as _, MoveError, NewEvent, RecordsError, SqlRecords,
};
use creel_testkit::database::{self, DatabaseServer};
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::conformance::instance;

/// One test per scenario on the server that `$shared` gives; an outage on one that `$own` makes.
#[macro_export]
macro_rules! server_suite {
    ($shared:path, $own:path) => {
        $crate::server_suite!($shared:
            many_processes_that_open_one_database_migrate_it_once, a_wrong_password_is_said_and_not_repeated,
            all_records_move_from_a_file, records_are_not_moved_onto_others);

        #[tokio::test]
        async fn an_outage_is_survived() {
            $crate::servers::an_outage_is_survived(&$own()).await;
        }
    };
    ($shared:path: $($scenario:ident),+) => {
        $(
            #[tokio::test]
            async fn $scenario() {
                let server = $shared();
                let _turn = server.turn().await;
                $crate::servers::$scenario(server).await;
            }
        )+
    };
}

fn url(server: &DatabaseServer) -> DatabaseUrl {
    server.database().parse().unwrap()
}

fn event(message: &str) -> NewEvent {
    NewEvent {
        kind: "instance.created".into(),
        instance: Some("alice".into()),
        actor: "admin".into(),
        message: message.into(),
        data: serde_json::Map::new(),
    }
}

pub async fn many_processes_that_open_one_database_migrate_it_once(server: &DatabaseServer) {
    let url = url(server);
    for opened in join_all((0..8).map(|_| SqlRecords::open(&url))).await {
        opened.unwrap().put_administrator("admin", "$argon2id$").await.unwrap();
    }
}

pub async fn a_wrong_password_is_said_and_not_repeated(server: &DatabaseServer) {
    let url = server.database().replace(database::PASSWORD, "wr0ng");
    let Err(error) = SqlRecords::open(&url.parse().unwrap()).await else {
        panic!("opened with a wrong password")
    };
    assert!(matches!(error, RecordsError::Open { .. }), "{error:?}");
    let said = format!("{error} {error:?}");
    assert!(said.contains("127.0.0.1") && !said.contains("wr0ng"), "{said}");
}

/// A file with one record of each kind, and a gap in the ids of the events.
async fn a_file(dir: &TempDir) -> SqlRecords {
    let store = SqlRecords::open(&DatabaseUrl::file(dir.path().join("creel.db")))
        .await
        .unwrap();
    store.insert_instance(&instance("alice", 18789)).await.unwrap();
    store.insert_instance(&instance("bob", 18790)).await.unwrap();
    store.set_token("bob", &[9; 32], &[0, 255, 39, 92]).await.unwrap();
    store.put_administrator("admin", "$argon2id$").await.unwrap();
    for number in 0..4_500 {
        store
            .append_event(&event(&format!("the {number}th 事件")))
            .await
            .unwrap();
    }
    store
}

pub async fn all_records_move_from_a_file(server: &DatabaseServer) {
    let dir = TempDir::new().unwrap();
    let source = a_file(&dir).await;
    let target = SqlRecords::open(&url(server)).await.unwrap();
    let mut told = Vec::new();
    let rows = source.move_to(&target, |moving| told.push(moving)).await.unwrap();
    let sequences = told.last().unwrap();
    assert_eq!(sequences.table, "sequences");
    assert_eq!(
        rows,
        2 + 1 + 4_500 + 1 + sequences.rows,
        "instances, administrators, events, an era, sequences"
    );
    let events: Vec<_> = told
        .iter()
        .filter(|moving| moving.table == "events")
        .map(|moving| moving.rows)
        .collect();
    assert_eq!(events, [0, 2_000, 4_000, 4_500]);
    assert_eq!(target.instances().await.unwrap(), source.instances().await.unwrap());
    assert_eq!(
        target.administrators().await.unwrap(),
        source.administrators().await.unwrap()
    );
    assert_eq!(
        target.recent_events(5_000).await.unwrap(),
        source.recent_events(5_000).await.unwrap()
    );
    // The ids go on where they were.
    let next = target.append_event(&event("after")).await.unwrap();
    assert!(next.id > source.recent_events(1).await.unwrap()[0].id);
    source.append_event(&event("the source goes on")).await.unwrap();
}

pub async fn records_are_not_moved_onto_others(server: &DatabaseServer) {
    let dir = TempDir::new().unwrap();
    let source = a_file(&dir).await;
    let target = SqlRecords::open(&url(server)).await.unwrap();
    target.put_administrator("someone", "$argon2id$").await.unwrap();
    let refused = source.move_to(&target, |_| ()).await;
    let table = "administrators";
    assert!(
        matches!(refused, Err(MoveError::NotEmpty { table: found, rows: 1 }) if found == table),
        "{refused:?}"
    );
    assert_eq!(target.instances().await.unwrap(), []);
    assert_eq!(target.administrators().await.unwrap().len(), 1);
}

/// The server is killed and started again while two tasks hold connections.
pub async fn an_outage_is_survived(server: &DatabaseServer) {
    let store = SqlRecords::open(&url(server)).await.unwrap();
    store.insert_instance(&instance("alice", 18789)).await.unwrap();
    // Several connections, each of which is dead afterwards.
    join_all((0..8).map(|_| store.instances())).await;
    server.stop();
    for result in join_all((0..20).map(|_| store.instance("alice"))).await {
        assert!(matches!(result, Err(RecordsError::Unavailable(_))), "{result:?}");
    }
    let error = store.put_administrator("admin", "$argon2id$").await.unwrap_err();
    assert!(matches!(error, RecordsError::Unavailable(_)), "{error:?}");
    server.start();
    assert!(store.instance("alice").await.unwrap().is_some());
    store.put_administrator("admin", "$argon2id$").await.unwrap();
    for result in join_all((0..20).map(|_| store.instance("alice"))).await {
        assert!(result.unwrap().is_some());
    }
}
