//! An instance on Railway, from the command line, with the recorder in the place of Railway's client.

use creel_tests::railway::{IMAGE, Railway};
use creel_tests::up::Up;
use creel_tests::wait::until;
use serde_json::json;

#[tokio::test]
async fn an_instance_on_railway_is_made_watched_and_removed_from_the_command_line() {
    let railway = Railway::new(env!("CARGO_BIN_EXE_railway"));
    let up = railway.of(Up::builder()).start().await;
    let made = up
        .creel(&["instance", "create", "alice", "--driver", "railway", "--image", IMAGE])
        .await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown = up.status_is("alice", "running").await;
    assert_eq!(
        (&shown["driver"], &shown["image"]),
        (&json!("railway"), &json!(IMAGE)),
        "{shown:#}"
    );
    let account = railway.recorder.account();
    assert_eq!(account.projects_named("creel-alice-").len(), 1, "{account:?}");
    let port = account.projects_named("creel-alice-")[0].services[0].port.unwrap();
    assert_eq!(shown["url"], format!("http://127.0.0.1:{port}"), "{shown:#}");
    assert!(
        shown.get("port").is_none(),
        "it listens on no port of this host: {shown:#}"
    );
    let listed = up.creel(&["instance", "list"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    let row: Vec<&str> = listed.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(row[..4], ["alice", "running", "native", "railway"], "{listed}");
    assert_eq!(row.last(), shown["url"].as_str().as_ref(), "{listed}");

    until("its log", || async {
        let logs = up.creel(&["instance", "logs", "alice"]).await;
        let said = String::from_utf8(logs.stdout).unwrap();
        said.contains("gateway ready").then_some(())
    })
    .await;

    let removed = up.creel(&["instance", "rm", "alice", "--purge"]).await;
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
    assert_eq!(up.get("/api/instances/alice").await.status, 404);
    assert!(railway.recorder.account().projects_named("creel-alice-").is_empty());
    assert_eq!(railway.recorder.violations(), [""; 0]);
}
