//! A control plane that dies leaves its instances serving; the next one takes them over, and never starts a second one.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

#[expect(dead_code, reason = "the files of tests share it, each uses a part")]
mod support;

use std::process::Command;

use creel_fleet::{ChangeInstance, CreateInstance, FleetError, Home, Status};
use creel_records::{InstanceChange, Observed};
use support::control_plane::{ControlPlane, STEPS};
use support::{World, gateways, get, id, is_running, lives, settled, start_failure};

/// One that made alice, saw her run, and was killed.
fn killed_control_plane(world: &World) -> u32 {
    let mut control_plane = ControlPlane::up(world, "alice");
    assert_eq!(control_plane.line(), "creating");
    let pid = control_plane
        .line()
        .strip_prefix("alice running ")
        .unwrap()
        .parse()
        .unwrap();
    control_plane.kill_9();
    pid
}

#[tokio::test]
async fn the_next_control_plane_adopts_the_same_process() {
    let world = World::new();
    let pid = killed_control_plane(&world);
    assert!(lives(pid));
    let fleet = world.open().await;
    let adopted = fleet.get(&id("alice")).unwrap();
    assert_eq!((adopted.status, adopted.pid), (Status::Running, Some(pid)));
    assert!(adopted.started_at.is_some());
    assert!(get(&adopted, "/env").await.is_some());
    assert_eq!(gateways(&world, "alice"), [pid]);
    // Its end is seen although it is nobody's child here.
    get(&adopted, "/crash").await;
    let next = support::until(&fleet, "alice", |now| is_running(now) && now.pid != Some(pid)).await;
    assert_eq!(gateways(&world, "alice"), [next.pid.unwrap()]);
    fleet.stop(&id("alice")).await.unwrap();
    assert!(gateways(&world, "alice").is_empty());
}

#[tokio::test]
async fn what_it_used_is_known_to_the_next_control_plane() {
    let world = World::new();
    let mut control_plane = ControlPlane::up(&world, "alice");
    assert_eq!(control_plane.line(), "creating");
    assert!(control_plane.line().starts_with("alice running "));
    let files = || {
        let entries = std::fs::read_dir(world.path().join("usage")).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_none());
        paths.sort();
        paths
    };
    let written = async {
        while files().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, written).await.unwrap();
    control_plane.kill_9();
    // More than alice could use: nobody measures it anew.
    let path = files().remove(0);
    let line = std::fs::read_to_string(&path).unwrap();
    let (front, _) = line.trim_end().rsplit_once(' ').unwrap();
    assert!(front.starts_with("alice "), "{line}");
    std::fs::write(&path, format!("{front} {}\n", 1_u64 << 50)).unwrap();
    let fleet = world.open().await;
    let day = fleet.stats_of_day(&id("alice"));
    assert_eq!(day[0].memory_bytes, 1 << 50, "{day:?}");
    fleet.remove(&id("alice"), true).await.unwrap();
    assert!(fleet.stats_of_day(&id("alice")).is_empty());
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_goes_on_keeps_to_the_limits_it_was_started_with() {
    let world = World::new();
    killed_control_plane(&world);
    let other = InstanceChange {
        memory_bytes: Some(Some(96 << 20)),
        ..InstanceChange::default()
    };
    world.records().await.update_instance("alice", &other).await.unwrap();
    let fleet = world.open().await;
    let adopted = fleet.get(&id("alice")).unwrap();
    let message = "the new limits hold from its next start on";
    assert_eq!(adopted.message.as_deref(), Some(message));
    // Whoever measures has looked for drift before, and who is asked after that has heard of it.
    let measured = async {
        while fleet.stats(&id("alice")).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, measured).await.unwrap();
    let change = ChangeInstance {
        name: Some("Alice".to_owned()),
        ..ChangeInstance::default()
    };
    let seen = fleet.change(&id("alice"), change).await.unwrap();
    assert_eq!((seen.drift, seen.message.as_deref()), (vec![], Some(message)));
    let restarted = fleet.restart(&id("alice")).await.unwrap();
    assert_eq!(restarted.message, None);
    fleet.shutdown().await;
}

#[tokio::test]
async fn one_that_was_never_recorded_is_found_by_its_lock() {
    for with_pid_file in [true, false] {
        let world = World::new();
        let pid = killed_control_plane(&world);
        let forgotten = Observed {
            status: Status::Starting,
            pid: None,
            pid_started: None,
            external_id: None,
            error: None,
        };
        world.records().await.set_observed("alice", &forgotten).await.unwrap();
        if !with_pid_file {
            std::fs::remove_file(world.of("alice", "pid")).unwrap();
        }
        let fleet = world.open().await;
        let adopted = settled(&fleet, "alice").await;
        assert_eq!((adopted.status, adopted.pid), (Status::Running, Some(pid)));
        assert_eq!(gateways(&world, "alice"), [pid]);
        fleet.shutdown().await;
        assert!(!lives(pid));
    }
}

#[tokio::test]
async fn one_that_should_not_run_any_more_is_stopped() {
    let world = World::new();
    let pid = killed_control_plane(&world);
    world
        .records()
        .await
        .set_desired("alice", creel_fleet::Desired::Stopped)
        .await
        .unwrap();
    let fleet = world.open().await;
    support::until(&fleet, "alice", |now| now.status == Status::Stopped).await;
    assert!(!lives(pid));
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_finished() {
    let world = World::new();
    let pid = killed_control_plane(&world);
    world
        .records()
        .await
        .set_desired("alice", creel_fleet::Desired::Purged)
        .await
        .unwrap();
    let fleet = world.open().await;
    let mut events = fleet.subscribe();
    while fleet.get(&id("alice")).is_some() {
        events.recv().await.unwrap();
    }
    assert!(!lives(pid) && !world.of("alice", "").exists());
}

#[tokio::test]
async fn a_reused_pid_is_not_mistaken_for_an_instance() {
    let world = World::new();
    let fleet = world.open().await;
    fleet
        .create(CreateInstance {
            start: false,
            ..CreateInstance::new(id("alice"))
        })
        .await
        .unwrap();
    fleet.shutdown().await;
    drop(fleet);
    let mut other = Command::new("sleep").arg("3600").spawn().unwrap();
    let wrong = Observed {
        status: Status::Running,
        pid: Some(other.id()),
        pid_started: Some(1),
        external_id: None,
        error: None,
    };
    world.records().await.set_observed("alice", &wrong).await.unwrap();
    let fleet = world.open().await;
    assert_eq!(fleet.get(&id("alice")).unwrap().status, Status::Stopped);
    assert!(lives(other.id()));
    let started = fleet.start(&id("alice")).await.unwrap();
    assert_ne!(started.pid, Some(other.id()));
    fleet.shutdown().await;
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_stranger_in_the_directory_keeps_it_to_itself() {
    let world = World::new();
    let fleet = world.open().await;
    fleet
        .create(CreateInstance {
            start: false,
            ..CreateInstance::new(id("alice"))
        })
        .await
        .unwrap();
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(world.of("alice", "lock"))
        .unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (reason, _) = start_failure(fleet.start(&id("alice")).await);
    assert!(reason.contains("another process runs in its directory"), "{reason}");
    // Not by closing it: what another test forks just now has it open too.
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).unwrap();
    assert!(is_running(&fleet.start(&id("alice")).await.unwrap()));
    fleet.shutdown().await;
}

#[test]
fn no_step_of_a_creation_is_left_out() {
    let sources = [
        include_str!("../src/fleet/create.rs"),
        include_str!("../src/actor/start.rs"),
    ];
    let named = sources
        .iter()
        .flat_map(|source| source.split("fault::point(\"").skip(1));
    let named: Vec<&str> = named.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(named, STEPS.map(|(point, _)| point));
}

#[tokio::test]
async fn killed_anywhere_in_a_creation_it_is_there_whole_or_not_at_all() {
    for (point, made) in STEPS {
        let world = World::new();
        ControlPlane::killed_at(&world, point);
        let fleet = world.open().await;
        let names = || -> Vec<_> {
            let entries = std::fs::read_dir(world.of("", "")).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect()
        };
        assert_eq!(
            (fleet.list().len(), names().len()),
            (usize::from(made), usize::from(made)),
            "{point}"
        );
        if !made {
            fleet.create(CreateInstance::new(id("alice"))).await.unwrap();
        }
        let instance = settled(&fleet, "alice").await;
        assert!(is_running(&instance), "{point}: {instance:?}");
        assert_eq!(gateways(&world, "alice"), [instance.pid.unwrap()], "{point}");
        assert_eq!(names(), ["alice"], "{point}");
        fleet.shutdown().await;
        assert!(gateways(&world, "alice").is_empty(), "{point}");
    }
}

#[tokio::test]
async fn a_home_has_one_control_plane() {
    let world = World::new();
    let mut control_plane = ControlPlane::up(&world, "alice");
    assert_eq!(control_plane.line(), "creating");
    let error = Home::open(world.path()).unwrap_err();
    assert!(
        matches!(&error, FleetError::HomeInUse { pid, .. } if *pid == control_plane.id().to_string()),
        "{error}"
    );
    control_plane.line();
    control_plane.kill_9();
    world.open().await.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_stops_all_and_the_next_start_brings_them_back() {
    let world = World::new();
    let fleet = world.open().await;
    for name in ["alice", "bob", "carol"] {
        fleet.create(CreateInstance::new(id(name))).await.unwrap();
    }
    let mut pids = Vec::new();
    for name in ["alice", "bob", "carol"] {
        pids.push(settled(&fleet, name).await.pid.unwrap());
    }
    fleet.stop(&id("bob")).await.unwrap();
    fleet.shutdown().await;
    assert!(pids.iter().all(|pid| !lives(*pid)));
    assert!(matches!(fleet.start(&id("alice")).await, Err(FleetError::ShuttingDown)));
    drop(fleet);
    let fleet = world.open().await;
    assert!(is_running(&settled(&fleet, "alice").await) && is_running(&settled(&fleet, "carol").await));
    assert_eq!(fleet.get(&id("bob")).unwrap().status, Status::Stopped);
    fleet.shutdown().await;
}
