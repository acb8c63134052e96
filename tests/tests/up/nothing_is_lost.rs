//! The control plane dies, the disk fills up, an instance crashes: nothing is lost, and nothing runs twice.

use creel_tests::up::{Up, kill_instances};
use creel_tests::wait::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Whether a process runs. One that has ended and that nobody has waited for yet (`Z`) does not.
fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn instances_outlive_the_control_plane_and_are_adopted() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    let pid = up.pid("a").await;
    let builder = up.kill().await;
    assert!(
        instance.says("still there?").await.contains("still there?"),
        "it goes on serving"
    );

    let up = builder.start().await;
    assert_eq!(up.status_is("a", "running").await["pid"], pid);
    assert!(instance.says("and now?").await.contains("and now?"));
    // The new control plane is in charge of it: it can stop a process that is not its child.
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    assert!(!alive(pid));
}

#[tokio::test]
async fn what_died_with_the_control_plane_is_started_again() {
    let up = Up::start().await;
    up.create("a").await;
    let pid = up.pid("a").await;
    let builder = up.kill().await;
    kill_instances(&builder.home());
    until("end of the instance", || async { (!alive(pid)).then_some(()) }).await;
    let up = builder.start().await;
    assert_ne!(up.status_is("a", "running").await["pid"], pid);
}

#[tokio::test]
async fn a_killed_instance_comes_back() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    let pid = up.pid("a").await;
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    until("another process", || async {
        (up.show("a").await["pid"].as_i64()? != i64::from(pid)).then_some(())
    })
    .await;
    up.status_is("a", "running").await;
    assert!(instance.says("hello").await.contains("hello"));
}

#[tokio::test]
async fn one_that_cannot_start_stops_trying_and_says_why() {
    let up = Up::start().await;
    up.create("a").await;
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    let config = up.home().join("instances/a/data/openclaw.json");
    std::fs::write(config, "{ gateway: { port: \"many\" } }").unwrap();
    let refused = up.post("/api/instances/a/start", &json!({})).await;
    assert_eq!(refused.status, 502, "{refused:?}");
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("openclaw.json:1:20"),
        "{refused:?}"
    );
    assert_eq!(up.show("a").await["status"], "error");
}

#[tokio::test]
async fn a_restart_stops_nothing_for_a_broken_configuration() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    let pid = up.pid("a").await;
    let config = up.home().join("instances/a/data/openclaw.json");
    std::fs::write(config, "{\n  gateway: { port: \"many\" }\n}").unwrap();
    let refused = up.post("/api/instances/a/restart", &json!({})).await;
    assert_eq!(refused.problem(), (422, "broken_config".to_owned()), "{refused:?}");
    assert_eq!(
        (&refused.json()["line"], &refused.json()["column"]),
        (&json!(2), &json!(20))
    );
    assert_eq!(up.status_is("a", "running").await["pid"], pid);
    assert!(instance.says("hello").await.contains("hello"));
}

#[tokio::test]
async fn a_restart_stops_nothing_on_a_full_disk() {
    let up = Up::builder().disk(24).start().await;
    let instance = up.create("a").await;
    let pid = up.pid("a").await;
    let filler = up.disk().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    let full = std::io::copy(&mut std::io::repeat(b'x'), &mut file).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let refused = up.post("/api/instances/a/restart", &json!({})).await;
    assert_eq!(refused.problem(), (507, "disk_full".to_owned()), "{refused:?}");
    assert_eq!(up.status_is("a", "running").await["pid"], pid);
    drop(file);
    std::fs::remove_file(filler).unwrap();
    let restarted = up.post("/api/instances/a/restart", &json!({})).await.ok();
    assert_ne!(restarted["pid"], pid);
    assert!(instance.says("hello").await.contains("hello"));
}

#[tokio::test]
async fn ctrl_c_stops_all_and_the_next_start_brings_them_back() {
    let up = Up::start().await;
    up.create("a").await;
    up.create("b").await;
    let pids = [up.pid("a").await, up.pid("b").await];
    let (home, builder) = (up.home(), Up::builder_of(&up));
    let ended = up.interrupt().await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(pids.iter().all(|pid| !alive(*pid)), "all are stopped");
    assert!(home.join("instances/a/data").exists());
    let up = builder.start().await;
    up.status_is("a", "running").await;
    up.status_is("b", "running").await;
}

#[tokio::test]
async fn a_second_control_plane_on_the_same_home_is_refused() {
    let up = Up::start().await;
    up.create("a").await;
    let (code, said) = Up::builder_of(&up).refused().await;
    assert_eq!(code, Some(2));
    assert!(said.contains("already used by another creel"), "{said}");
    assert_eq!(up.show("a").await["status"], "running");
}

#[tokio::test]
async fn a_home_that_cannot_be_written_is_refused() {
    let (code, said) = Up::builder().env("CREEL_HOME", "/proc/creel").refused().await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("/proc/creel"), "{said}");
}

#[tokio::test]
async fn the_history_survives_too() {
    let up = Up::start().await;
    up.create("a").await;
    let builder = up.kill().await;
    let up = builder.start().await;
    // What the fleet does by itself is written down in the background.
    let kinds = until("the adoption in the history", || async {
        let events = up.get("/api/activity").await.ok()["events"].take();
        let events = events.as_array()?.iter();
        let kinds: Vec<Value> = events.map(|event| event["kind"].clone()).collect();
        kinds.contains(&"instance.adopted".into()).then_some(kinds)
    })
    .await;
    assert!(kinds.contains(&"instance.create".into()), "{kinds:?}");
}
