//! Where the records are: a file, PostgreSQL or MariaDB; and the way from one to the other.

use creel_testkit::database::{self, DatabaseServer};
use creel_tests::up::Up;

/// An instance outlives a restart on this server, and no password is in the log.
async fn a_home_on(server: &DatabaseServer) {
    let up = Up::builder()
        .env("CREEL_DATABASE_URL", &server.database())
        .start()
        .await;
    let instance = up.create("a").await;
    assert!(!up.home().join("creel.db").exists());
    let log = up.log().so_far();
    assert!(!log.contains(database::PASSWORD), "{log}");
    let up = up.kill().await.start().await;
    up.status_is("a", "running").await;
    assert!(instance.says("hello").await.contains("hello"));
}

#[tokio::test]
async fn a_home_may_keep_its_records_in_postgresql() {
    a_home_on(database::postgres()).await;
}

#[tokio::test]
async fn a_home_may_keep_its_records_in_mariadb() {
    a_home_on(database::mariadb()).await;
}

#[tokio::test]
async fn records_move_to_postgresql_in_one_command() {
    let url = database::postgres().database();
    let up = Up::start().await;
    up.create("a").await;
    let (code, said) = up.creel_refuses(&["records", "move", "--to", &url]).await;
    assert!(
        code == Some(2) && said.contains("already used by another creel"),
        "{said}"
    );

    let builder = up.kill().await;
    std::fs::write(builder.home().join("creel.toml"), format!("database = \"{url}\"\n")).unwrap();
    let moved = builder.creel(&["records", "move"]).await;
    let said = format!("{moved:?}");
    assert!(moved.status.success() && !said.contains(database::PASSWORD), "{said}");
    assert!(String::from_utf8_lossy(&moved.stdout).starts_with("Moved "), "{said}");
    let again = builder.creel(&["records", "move"]).await;
    assert_eq!(again.status.code(), Some(2), "{again:?}");

    let up = builder.start().await;
    up.status_is("a", "running").await;
}

#[tokio::test]
async fn a_database_that_cannot_be_is_refused_in_one_line() {
    let secret = "wr0ng";
    let gone = format!("postgres://ann:{secret}@127.0.0.1:1/creel");
    for (url, code, reason) in [
        (gone.as_str(), 1, "does not answer"),
        (
            "oracle://ann:wr0ng@host/creel",
            2,
            "CREEL_DATABASE_URL: not a database URL: its scheme is unknown",
        ),
        ("postgres://ann:wr0ng@host/creel?pasword=wr0ng", 2, "pasword"),
    ] {
        let (ended, said) = Up::builder().env("CREEL_DATABASE_URL", url).refused().await;
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(reason) && !said.contains(secret), "{said}");
    }
}
