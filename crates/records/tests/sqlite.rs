//! The SQLite engine against the conformance suite, and what is special about a file.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod conformance;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use creel_records::{
    Accounts as _, DatabaseUrl, Desired, Events as _, Idle, Instances as _, NewUser, RecordsError, SqlRecords,
    Users as _,
};
use tempfile::TempDir;

async fn fresh() -> (TempDir, SqlRecords) {
    let dir = TempDir::new().unwrap();
    let store = SqlRecords::open(&DatabaseUrl::file(dir.path().join("creel.db")))
        .await
        .unwrap();
    (dir, store)
}

suite!(fresh);

#[tokio::test]
async fn every_file_is_for_the_owner_alone() {
    let (dir, store) = fresh().await;
    store
        .insert_instance(&conformance::instance("alice", 18789))
        .await
        .unwrap();
    let modes: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name(),
                entry.metadata().unwrap().permissions().mode() & 0o777,
            )
        })
        .collect();
    assert!(modes.len() >= 2, "the write-ahead log is beside it: {modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let (dir, store) = fresh().await;
    store
        .insert_instance(&conformance::instance("alice", 18789))
        .await
        .unwrap();
    store.set_desired("alice", Desired::Stopped).await.unwrap();
    // Not closed: as after kill -9, the write-ahead log is all there is.
    let again = SqlRecords::open(&DatabaseUrl::file(dir.path().join("creel.db")))
        .await
        .unwrap();
    assert_eq!(
        again.instance("alice").await.unwrap().unwrap().desired,
        Desired::Stopped
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("creel.db");
    fs::write(&path, "these are someone's notes, not a database\n".repeat(50)).unwrap();
    let Err(error) = SqlRecords::open(&DatabaseUrl::file(&path)).await else {
        panic!("opened notes as a database")
    };
    assert!(matches!(error, RecordsError::Open { .. }), "{error}");
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("these are someone's notes")
    );
}

#[tokio::test]
async fn a_directory_that_does_not_exist_is_named() {
    let Err(error) = SqlRecords::open(&DatabaseUrl::file("/nonexistent/creel.db")).await else {
        panic!("opened nothing")
    };
    assert!(error.to_string().contains("/nonexistent/creel.db"), "{error}");
}

#[tokio::test]
async fn records_of_a_newer_creel_are_refused() {
    let (dir, store) = fresh().await;
    store.close().await;
    let path = dir.path().join("creel.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let Err(error) = SqlRecords::open(&DatabaseUrl::file(path)).await else {
        panic!("opened records it cannot know")
    };
    assert!(matches!(error, RecordsError::Newer { version: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_changes_nothing() {
    let (dir, store) = fresh().await;
    store.close().await;
    let path = dir.path().join("creel.db");
    let store = SqlRecords::open_bounded(&path, 40).await.unwrap();
    let mut kept = 0;
    let error = loop {
        match store
            .insert_instance(&conformance::instance(&format!("i-{kept}"), 2000 + kept))
            .await
        {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 5000, "the file is bounded");
    };
    assert!(matches!(error, RecordsError::Full(_)), "{error}");
    assert_eq!(store.instances().await.unwrap().len(), usize::from(kept));
}

/// The text of each file is what that version's Creel had written, its own account of migrations included.
#[tokio::test]
async fn files_of_every_earlier_version_are_brought_up() {
    for (version, left) in [
        (1, include_str!("fixtures/sqlite-1.sql")),
        (2, include_str!("fixtures/sqlite-2.sql")),
    ] {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("creel.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::raw_sql(left).execute(&pool).await.unwrap();
        pool.close().await;
        let store = SqlRecords::open(&DatabaseUrl::file(&path)).await.unwrap();
        let alice = store.instance("alice").await.unwrap().unwrap();
        assert_eq!(
            (alice.name.as_str(), alice.port, alice.cpus),
            ("张三", 18789, Some(0.5))
        );
        assert_eq!(alice.idle, Idle::Always);
        assert_eq!(
            store.administrator("admin").await.unwrap().unwrap().password_phc,
            "$argon2id$phc"
        );
        assert_eq!(store.api_token(&[1; 32]).await.unwrap().unwrap().name, "first");
        assert_eq!(store.login(&[2; 32], 0).await.unwrap().unwrap().administrator, "admin");
        let event = store.recent_events(1).await.unwrap().remove(0);
        assert_eq!((event.message.as_str(), event.data.is_empty()), ("made", version == 1));
    }
}

/// A backup of the records that is restored counts again, and nobody who has followed the lost changes takes the new ones for them.
#[tokio::test]
async fn what_was_restored_is_another_history() {
    let dir = tempfile::tempdir().unwrap();
    let (file, backup) = (dir.path().join("creel.db"), dir.path().join("backup.db"));
    let url = DatabaseUrl::file(&file);
    let user = |id: &str| NewUser {
        id: id.to_owned(),
        name: String::new(),
        password_phc: None,
        config: "{}".to_owned(),
    };
    let store = SqlRecords::open(&url).await.unwrap();
    store.insert_user(&user("a")).await.unwrap();
    store.close().await;
    std::fs::copy(&file, &backup).unwrap();

    let store = SqlRecords::open(&url).await.unwrap();
    store.insert_user(&user("lost")).await.unwrap();
    let (before, lost) = (
        store.user_change_tag(1).await.unwrap(),
        store.user_change_tag(2).await.unwrap(),
    );
    store.close().await;
    std::fs::copy(&backup, &file).unwrap();

    let store = SqlRecords::open(&url).await.unwrap();
    store.insert_user(&user("other")).await.unwrap();
    assert_eq!(
        store.user_change_tag(1).await.unwrap(),
        before,
        "that is still the same"
    );
    assert_ne!(store.user_change_tag(2).await.unwrap(), lost);
}

#[tokio::test]
async fn who_only_looks_makes_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let url = DatabaseUrl::file(dir.path().join("creel.db"));
    let error = SqlRecords::look(&url).await.err().unwrap().to_string();
    assert!(error.contains("there is no such file"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

    let store = SqlRecords::open(&url).await.unwrap();
    store
        .insert_instance(&conformance::instance("alice", 18789))
        .await
        .unwrap();
    let looking = SqlRecords::look(&url).await.unwrap();
    assert_eq!(looking.instances().await.unwrap()[0].id, "alice");
    looking.close().await;
    store.close().await;

    fs::write(dir.path().join("other.db"), "").unwrap();
    let other = DatabaseUrl::file(dir.path().join("other.db"));
    let error = SqlRecords::look(&other).await.err().unwrap().to_string();
    assert!(error.contains("no records of Creel"), "{error}");
}
