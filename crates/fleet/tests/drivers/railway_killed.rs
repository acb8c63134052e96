//! Control planes that are killed while they make an instance on Railway.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::railway::place;
use crate::suite::Place;
use crate::support::{fake_creel, fake_railway, get, id, is_running, until};

/// Where a control plane is killed while it makes an instance.
const STEPS: [&str; 11] = [
    "railway named",
    "railway project made",
    "railway project recorded",
    "railway service made",
    "railway service claimed",
    "railway volume made",
    "railway domain made",
    "railway variables set",
    "process started",
    "process recorded",
    "railway deployed",
];

#[tokio::test]
async fn a_control_plane_killed_at_any_step_leaves_nothing_lost_and_nothing_doubled() {
    for step in STEPS {
        let place = place().await;
        killed(&place, step).await;
        finished(&place, step).await;
    }
}

/// The client of a control plane that is killed goes on, and is waited for.
#[tokio::test]
async fn a_client_that_outlives_its_control_plane_is_waited_for() {
    for command in ["init", "add", "up"] {
        let place = place().await;
        let recorder = place.recorder();
        recorder.change(|account| account.held.insert(command.to_owned()));
        let mut child = control_plane(&place).spawn().unwrap();
        while recorder.calls_of(command) == 0 {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let let_go = async {
            // The next control plane waits for the lock by then, or comes to find that it is not held any more.
            recorder.change(|account| account.held.clear());
        };
        tokio::join!(finished(&place, command), let_go);
    }
}

fn control_plane(place: &Place) -> Command {
    let mut command = Command::new(fake_creel());
    let path = place.world.path().to_str().unwrap();
    command.args(["up", path, "alice"]).stdout(Stdio::null());
    command
        .env("FAKE_RAILWAY", fake_railway())
        .env("FAKE_RAILWAY_HOME", place.recorder().environment()[0].1.clone());
    command
}

async fn killed(place: &Place, step: &str) {
    let mut child = control_plane(place).env("CREEL_DIE_AT", step).spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let ended = tokio::time::timeout(crate::support::PATIENCE, ended)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.signal(), Some(9), "{ended:?}");
}

/// The next control plane comes to one instance that serves, with one of everything.
async fn finished(place: &Place, step: &str) {
    let fleet = place.world.open().await;
    let instance = until(&fleet, "alice", is_running).await;
    assert!(get(&instance, "/readyz").await.is_some(), "{step}");
    let project = place.one_project();
    assert_eq!(project.services.len(), 1, "{step}: {project:?}");
    let deployments = &project.services[0].deployments;
    assert_eq!(deployments.len(), 1, "{step}: {deployments:?}");
    let recorder = place.recorder();
    for command in ["init", "add", "volume"] {
        assert_eq!(recorder.calls_of(&format!("{command} ")), 1, "{step}: {command}");
    }
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}
