//! Where the records are: a file, PostgreSQL or MariaDB; and the way from one to the other.

use std::process::Stdio;

use creel_testkit::database::{self, DatabaseServer};
use creel_tests::up::{Instance, Up};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

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

/// While the records cannot be written, making and stopping are refused; what runs goes on, and all of it works afterwards.
async fn nothing_hangs_and_nothing_is_lost(up: &Up, instance: &Instance, held: impl Sized) {
    let create = up.post("/api/instances", &json!({"id": "b"}));
    let stop = up.post("/api/instances/a/stop", &json!({}));
    let remove = up.delete("/api/instances/a");
    let (create, stop, remove) = tokio::join!(create, stop, remove);
    for refused in [create, stop, remove] {
        assert_eq!(refused.problem(), (503, "records".to_owned()), "{refused:?}");
        assert!(
            refused.json()["detail"].as_str().unwrap().contains("does not answer"),
            "{refused:?}"
        );
    }
    assert_eq!(instance.get("/healthz").without_token().await.status, 200, "it goes on");
    drop(held);
    let made = up.create("b").await;
    assert!(made.says("hello").await.contains("hello"));
    assert_eq!(up.status_is("a", "running").await["status"], "running");
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    let instances = up.get("/api/instances").await.ok();
    assert_eq!(instances["instances"].as_array().unwrap().len(), 2);
    assert_eq!(up.delete("/api/instances/a?purge=true").await.status, 204);
    assert!(!up.home().join("instances/a").exists() && !up.home().join("instances/.new-b").exists());
}

#[tokio::test]
async fn a_database_that_stands_still_holds_nobody() {
    let server = DatabaseServer::postgres();
    let up = Up::builder()
        .env("CREEL_DATABASE_URL", &server.database())
        .start()
        .await;
    let instance = up.create("a").await;
    nothing_hangs_and_nothing_is_lost(&up, &instance, server.freeze()).await;
}

#[tokio::test]
async fn a_file_that_another_program_holds_holds_nobody() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    let script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], 60, isolation_level=None); db.execute('BEGIN EXCLUSIVE'); \
                  print('held', flush=True); sys.stdin.read()";
    let held = sqlite(&up, script).await;
    nothing_hangs_and_nothing_is_lost(&up, &instance, held).await;
}

#[tokio::test]
async fn a_removal_that_ends_half_way_says_what_is_so() {
    let up = Up::start().await;
    up.create("a").await;
    let trigger = |sql: &str| {
        format!(
            "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], 60); db.execute(\"\"\"{sql}\"\"\"); db.commit(); print('done', flush=True)"
        )
    };
    let refuse = "CREATE TRIGGER full BEFORE DELETE ON instances BEGIN SELECT RAISE(ABORT, 'no'); END";
    drop(sqlite(&up, &trigger(refuse)).await);
    let half = up.delete("/api/instances/a").await;
    let said = half.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        said.contains("is stopped, but not removed to the end") && !said.contains("nothing was changed"),
        "{said}"
    );
    assert_eq!(up.show("a").await["status"], "error");
    drop(sqlite(&up, &trigger("DROP TRIGGER full")).await);
    assert_eq!(up.delete("/api/instances/a").await.status, 204);
}

/// Python at work on the home's database, once it has said its first line. It ends when it is dropped.
async fn sqlite(up: &Up, script: &str) -> Child {
    let mut child = Command::new("python3")
        .args(["-c", script])
        .arg(up.home().join("creel.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().is_some(), "it has said nothing");
    child
}
