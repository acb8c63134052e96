//! What the engines must do alike, below any subject. Each scenario runs on every one of them.

use creel_testkit::database;
use tempfile::TempDir;

use super::{Access, Engine, Query, migrate, query, violates};
use crate::sql::rows;
use crate::sql::sequence::Sequence;
use crate::{DatabaseUrl, RecordsError};

/// One test per scenario and engine.
macro_rules! on_every_engine {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $scenario() {
                    let dir = super::TempDir::new().unwrap();
                    super::$scenario(super::DatabaseUrl::file(dir.path().join("creel.db"))).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario(super::database::postgres().database().parse().unwrap()).await;
                }
            )+
        }
        mod mariadb {
            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario(super::database::mariadb().database().parse().unwrap()).await;
                }
            )+
        }
    };
}

/// One test per scenario and server.
macro_rules! on_every_server {
    ($($scenario:ident => $postgres:expr, $mariadb:expr);+ $(;)?) => {$(
        mod $scenario {
            #[tokio::test]
            async fn postgres() {
                super::$scenario(super::database::postgres().database().parse().unwrap(), $postgres).await;
            }
            #[tokio::test]
            async fn mariadb() {
                super::$scenario(super::database::mariadb().database().parse().unwrap(), $mariadb).await;
            }
        }
    )+};
}

on_every_server!(
    a_full_disk_is_told_from_other_errors =>
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
         CREATE TRIGGER no_space BEFORE INSERT ON administrators FOR EACH ROW EXECUTE FUNCTION no_space()",
        "CREATE TRIGGER no_space BEFORE INSERT ON administrators FOR EACH ROW
             SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'no space left'";
    two_that_wait_for_each_other_are_parted => "SELECT 1", "SELECT 1";
);

/// The server is made to answer as it does when its disk is full.
async fn a_full_disk_is_told_from_other_errors(url: DatabaseUrl, trigger: &'static str) {
    let engine = Engine::open(&url).await.unwrap();
    engine
        .connection(Access::Write)
        .await
        .unwrap()
        .raw(trigger)
        .await
        .unwrap();
    let insert = query("INSERT INTO administrators (name, password_phc, created_at) VALUES ('a', 'b', 1)");
    let error = insert.execute(&engine).await.unwrap_err();
    assert!(matches!(error, RecordsError::Full(_)), "{error:?}");
}

async fn two_that_wait_for_each_other_are_parted(url: DatabaseUrl, _: &str) {
    let engine = Engine::open(&url).await.unwrap();
    add(&engine, "other").await.unwrap();
    let locked = |name: &'static str| query("SELECT value FROM sequences WHERE name = ? FOR UPDATE").bind(name);
    let both = tokio::sync::Barrier::new(2);
    let (engine, both) = (&engine, &both);
    let work = |first: &'static str, second: &'static str| async move {
        let mut transaction = engine.begin().await.unwrap();
        locked(first).optional(&mut transaction).await.unwrap();
        both.wait().await;
        let outcome = locked(second).optional(&mut transaction).await;
        transaction.finish(outcome.map(drop)).await
    };
    let (one, other) = tokio::join!(work("changes", "other"), work("other", "changes"));
    let lost = one.and(other).unwrap_err();
    assert!(matches!(lost, RecordsError::Conflict(_)), "{lost:?}");
}

on_every_engine!(
    an_unfinished_transaction_changes_nothing,
    a_failed_transaction_changes_nothing,
    numbers_become_visible_in_order,
    many_rows_go_in_at_once,
    the_clock_is_the_databases,
    records_of_every_version_are_brought_up,
    records_of_a_newer_creel_are_refused,
);

async fn add(engine: &Engine, name: &str) -> Result<(), RecordsError> {
    let mut transaction = engine.begin().await?;
    let added = query("INSERT INTO sequences (name, value) VALUES (?, ?)")
        .bind(name)
        .bind(1_i64)
        .execute(&mut transaction)
        .await;
    transaction.finish(added).await.map(drop)
}

async fn count(engine: &Engine) -> i64 {
    let rows = query("SELECT count(*) AS n FROM sequences")
        .optional(engine)
        .await
        .unwrap();
    rows.unwrap().get("n").unwrap()
}

async fn an_unfinished_transaction_changes_nothing(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let before = count(&engine).await;
    let mut transaction = engine.begin().await.unwrap();
    query("DELETE FROM sequences").execute(&mut transaction).await.unwrap();
    drop(transaction);
    assert_eq!(count(&engine).await, before);
    add(&engine, "other").await.unwrap();
    assert_eq!(count(&engine).await, before + 1);
}

async fn a_failed_transaction_changes_nothing(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let before = count(&engine).await;
    let mut transaction = engine.begin().await.unwrap();
    query("DELETE FROM sequences").execute(&mut transaction).await.unwrap();
    let insert = |name: &'static str| query("INSERT INTO sequences (name, value) VALUES (?, 0)").bind(name);
    insert("twice").execute(&mut transaction).await.unwrap();
    let twice = insert("twice").execute(&mut transaction).await;
    assert!(twice.is_err());
    let error = transaction.finish(twice).await.unwrap_err();
    assert!(!violates(&error, "value"), "{error}");
    assert_eq!(count(&engine).await, before);
}

/// Writers take numbers side by side and pause before they commit; a reader never sees a number without its predecessors.
async fn numbers_become_visible_in_order(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let writes = (0..20).map(|_| async {
        let mut transaction = engine.begin().await.unwrap();
        let number = Sequence::Changes.next(&mut transaction).await.unwrap();
        query("INSERT INTO sequences (name, value) VALUES (?, ?)")
            .bind(format!("written-{number}"))
            .bind(number)
            .execute(&mut transaction)
            .await
            .unwrap();
        tokio::task::yield_now().await;
        transaction.finish(Ok(())).await.unwrap();
    });
    let reads = async {
        loop {
            let last = Sequence::Changes.last(&engine).await.unwrap();
            let row = query("SELECT count(*) AS n FROM sequences WHERE name LIKE 'written-%' AND value <= ?")
                .bind(last)
                .optional(&engine)
                .await
                .unwrap();
            assert_eq!(row.unwrap().get::<i64>("n").unwrap(), last);
            if last == 20 {
                return;
            }
        }
    };
    tokio::join!(futures_util::future::join_all(writes), reads);
}

async fn many_rows_go_in_at_once(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let bind = |insert: Query, number: &i64| insert.bind(format!("row-{number}")).bind(*number);
    let before = count(&engine).await;
    for (from, to) in [(0, 1234), (500, 2000)] {
        let mut transaction = engine.begin().await.unwrap();
        let tail = "ON CONFLICT (name) DO UPDATE SET value = sequences.value + excluded.value";
        let all: Vec<i64> = (from..to).collect();
        let head = "INSERT INTO sequences (name, value)";
        let inserted = rows::insert(&mut transaction, head, 2, tail, &all, bind).await;
        transaction.finish(inserted).await.unwrap();
    }
    assert_eq!(count(&engine).await, before + 2000);
    let sum = query("SELECT CAST(SUM(value) AS BIGINT) AS total FROM sequences")
        .optional(&engine)
        .await
        .unwrap();
    let expected = (0..2000).sum::<i64>() + (500..1234).sum::<i64>();
    assert_eq!(sum.unwrap().get::<i64>("total").unwrap(), expected);
}

async fn the_clock_is_the_databases(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    let before = crate::now_ms();
    let row = query("SELECT NOW_MS() AS now")
        .optional(&engine)
        .await
        .unwrap()
        .unwrap();
    let now: i64 = row.get("now").unwrap();
    // One machine, one clock; SQLite's and MariaDB's are cut to whole milliseconds.
    assert!(
        (before - 1..=crate::now_ms() + 1).contains(&now),
        "{now} is not about {before}"
    );
}

async fn records_of_every_version_are_brought_up(url: DatabaseUrl) {
    let engine = Engine::connect(&url).await.unwrap();
    engine.migrate(1, &url).await.unwrap();
    query("INSERT INTO administrators (name, password_phc, created_at) VALUES ('admin', 'phc', 1)")
        .execute(&engine)
        .await
        .unwrap();
    query("INSERT INTO events (at, kind, actor, message) VALUES (1, 'kind', 'admin', 'of the first version')")
        .execute(&engine)
        .await
        .unwrap();
    for version in 2..=migrate::NEWEST {
        engine.migrate(version, &url).await.unwrap();
    }
    engine.close().await;
    let engine = Engine::open(&url).await.unwrap();
    let row = query("SELECT message, data FROM events")
        .optional(&engine)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<String>("message").unwrap(), "of the first version");
    assert_eq!(row.get::<Option<String>>("data").unwrap(), None);
    let row = query("SELECT name FROM administrators")
        .optional(&engine)
        .await
        .unwrap();
    assert_eq!(row.unwrap().get::<String>("name").unwrap(), "admin");
    // Again: nothing is left to do.
    Engine::open(&url).await.unwrap();
}

async fn records_of_a_newer_creel_are_refused(url: DatabaseUrl) {
    let engine = Engine::open(&url).await.unwrap();
    query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, ?, 0)",
    )
    .bind(vec![0_u8])
    .execute(&engine)
    .await
    .unwrap();
    engine.close().await;
    let Err(error) = Engine::open(&url).await else {
        panic!("opened records that it cannot know")
    };
    assert!(matches!(error, RecordsError::Newer { version: 9999, .. }), "{error}");
}
