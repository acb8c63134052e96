//! Asleep and awake: the same processes, stopped and let go on, whatever becomes of their control plane meanwhile.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

#[expect(dead_code, reason = "the files of tests share it, each uses a part")]
mod support;

use std::time::Duration;

use creel_fleet::{ChangeInstance, Channel, CreateInstance, Desired, Fleet, FleetError, Idle, Instance, Status};
use support::{World, gateways, get, id, is_running, lives, running, settled, until};

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.chars().next().unwrap()
}

fn is_asleep(instance: &Instance) -> bool {
    let pid = instance.pid.unwrap();
    instance.status == Status::Sleeping && state(pid) == 'T'
}

async fn asleep(fleet: &Fleet, name: &str) -> Instance {
    let before = running(fleet, name).await;
    let after = fleet.sleep(&id(name)).await.unwrap();
    assert_eq!((after.pid, after.desired), (before.pid, Desired::Sleeping));
    assert!(is_asleep(&after), "{after:?}");
    after
}

/// What `of` does in the life of a control plane that is killed afterwards.
async fn in_an_earlier_life<T: Send + 'static>(world: &World, of: impl AsyncFnOnce(Fleet) -> T + Send + 'static) -> T {
    let opening = world.opening();
    let life = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let left = runtime.block_on(async { of(opening.open().await).await });
        // Every task ends where it is, as a process that is killed does; what it started goes on.
        runtime.shutdown_timeout(support::PATIENCE);
        left
    });
    tokio::task::spawn_blocking(|| life.join().unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_sleeps_stays_where_it_is_and_goes_on() {
    let world = World::new();
    let fleet = world.open().await;
    let slept = asleep(&fleet, "alice").await;
    let mut again = fleet.sleep(&id("alice")).await.unwrap();
    // What it uses may have been measured meanwhile.
    again.memory_used_bytes = slept.memory_used_bytes;
    again.cpu_percent = slept.cpu_percent;
    assert_eq!(again, slept, "what sleeps sleeps");
    let woken = fleet.wake(&id("alice")).await.unwrap();
    assert_eq!((woken.status, woken.pid), (Status::Running, slept.pid));
    assert!(get(&woken, "/env").await.is_some());
    fleet.sleep(&id("alice")).await.unwrap();
    let started = fleet.start(&id("alice")).await.unwrap();
    assert_eq!(started.pid, slept.pid, "what is started while it sleeps is woken");
    fleet.shutdown().await;
}

#[tokio::test]
async fn whoever_calls_wakes_it() {
    let world = World::new();
    let fleet = world.open().await;
    let slept = asleep(&fleet, "alice").await;
    let answer = tokio::time::timeout(support::PATIENCE, get(&slept, "/env"))
        .await
        .unwrap();
    assert!(answer.is_some(), "who connects to its port is answered");
    let woken = until(&fleet, "alice", is_running).await;
    assert_eq!((woken.pid, woken.desired), (slept.pid, Desired::Running));

    fleet.sleep(&id("alice")).await.unwrap();
    let engaged = fleet.engage(&id("alice")).await.unwrap();
    assert!(is_running(&fleet.get(&id("alice")).unwrap()), "a request through Creel");
    drop(engaged);
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_sleeps_can_be_stopped_restarted_and_removed() {
    let world = World::new();
    let fleet = world.open().await;
    let alice = id("alice");
    let slept = asleep(&fleet, "alice").await;
    let stopped = fleet.stop(&alice).await.unwrap();
    assert_eq!((stopped.status, stopped.pid), (Status::Stopped, None));
    assert_eq!(
        fleet.tail_logs(&alice, 1).unwrap(),
        ["drained"],
        "it heard that it is to end"
    );
    assert!(!lives(slept.pid.unwrap()));

    fleet.start(&alice).await.unwrap();
    let slept = fleet.sleep(&alice).await.unwrap();
    let restarted = fleet.restart(&alice).await.unwrap();
    assert!(is_running(&restarted) && restarted.pid != slept.pid);

    let slept = fleet.sleep(&alice).await.unwrap();
    let token = fleet.rotate_token(&alice).await.unwrap();
    let again = until(&fleet, "alice", |now| {
        now.pid != slept.pid && now.status == Status::Sleeping
    })
    .await;
    let woken = fleet.wake(&alice).await.unwrap();
    assert_eq!(woken.pid, again.pid, "it sleeps again, with its new token");
    assert!(get(&woken, "/env").await.unwrap().contains(token.expose()));

    let slept = fleet.sleep(&alice).await.unwrap();
    fleet.remove(&alice, true).await.unwrap();
    assert!(!lives(slept.pid.unwrap()) && gateways(&world, "alice").is_empty());
    fleet.shutdown().await;
}

#[tokio::test]
async fn one_that_ends_in_its_sleep_is_started_and_sleeps_again() {
    let world = World::new();
    let fleet = world.open().await;
    let slept = asleep(&fleet, "alice").await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(slept.pid.unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let again = until(&fleet, "alice", |now| {
        now.status == Status::Sleeping && now.pid != slept.pid
    })
    .await;
    assert!(again.pid.is_some());
    fleet.shutdown().await;
}

#[tokio::test]
async fn who_sleeps_is_adopted_asleep() {
    let world = World::new();
    let pid = in_an_earlier_life(&world, async |fleet| asleep(&fleet, "alice").await.pid).await;
    assert_eq!(state(pid.unwrap()), 'T', "nobody has woken it");
    let fleet = world.open().await;
    let adopted = fleet.get(&id("alice")).unwrap();
    assert!(is_asleep(&adopted) && adopted.pid == pid, "{adopted:?}");
    let woken = fleet.wake(&id("alice")).await.unwrap();
    assert_eq!(woken.pid, pid);
    assert!(get(&woken, "/env").await.is_some());
    fleet.shutdown().await;
}

#[tokio::test]
async fn nobody_is_left_stopped_who_should_not_sleep() {
    for desired in [Desired::Running, Desired::Stopped] {
        let world = World::new();
        let pid = in_an_earlier_life(&world, async |fleet| asleep(&fleet, "alice").await.pid.unwrap()).await;
        // As it is recorded while it is being woken, or stopped.
        world.records().await.set_desired("alice", desired).await.unwrap();
        let fleet = world.open().await;
        match desired {
            Desired::Running => {
                let adopted = until(&fleet, "alice", is_running).await;
                assert_eq!(adopted.pid, Some(pid));
                assert!(get(&adopted, "/env").await.is_some());
            }
            _ => {
                until(&fleet, "alice", |now| now.status == Status::Stopped).await;
                assert!(!lives(pid));
                assert_eq!(fleet.tail_logs(&id("alice"), 1).unwrap(), ["drained"]);
            }
        }
        fleet.shutdown().await;
    }
}

#[tokio::test]
async fn one_that_was_not_stopped_to_the_end_is() {
    let world = World::new();
    let pid = in_an_earlier_life(&world, async |fleet| running(&fleet, "alice").await.pid).await;
    world
        .records()
        .await
        .set_desired("alice", Desired::Sleeping)
        .await
        .unwrap();
    let fleet = world.open().await;
    let slept = until(&fleet, "alice", |now| now.status == Status::Sleeping).await;
    assert!(is_asleep(&slept) && slept.pid == pid);
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_ends_those_who_sleep_and_the_next_start_has_them_asleep() {
    let world = World::new();
    let fleet = world.open().await;
    let slept = asleep(&fleet, "alice").await;
    fleet.shutdown().await;
    assert!(!lives(slept.pid.unwrap()));
    drop(fleet);
    let fleet = world.open().await;
    let again = until(&fleet, "alice", |now| now.status == Status::Sleeping).await;
    assert!(is_asleep(&again) && again.pid != slept.pid);
    fleet.shutdown().await;
}

#[tokio::test]
async fn whoever_is_woken_while_falling_asleep_is_awake() {
    let world = World::new();
    let fleet = world.open().await;
    let pid = running(&fleet, "alice").await.pid;
    let alice = id("alice");
    for _ in 0..20 {
        let (slept, woken) = tokio::join!(fleet.sleep(&alice), fleet.wake(&alice));
        assert!(matches!(slept, Ok(_) | Err(FleetError::Superseded { .. })), "{slept:?}");
        woken.unwrap();
        let now = fleet.wake(&alice).await.unwrap();
        assert_eq!((now.pid, now.status), (pid, Status::Running));
        assert!(get(&now, "/env").await.is_some());
    }
    fleet.shutdown().await;
}

#[tokio::test]
async fn who_has_nothing_to_do_sleeps_or_stops_as_its_policy_says() {
    let mut world = World::new();
    world.timing.minute = Duration::from_millis(100);
    let fleet = world.open().await;
    let make = |name: &str, idle: &str| CreateInstance {
        idle: idle.parse().unwrap(),
        ..CreateInstance::new(id(name))
    };
    for (name, idle) in [
        ("always", "always"),
        ("sleeper", "sleep:2"),
        ("stopper", "stop:2"),
        ("busy", "sleep:1"),
    ] {
        fleet.create(make(name, idle)).await.unwrap();
    }
    // Nobody recorded this channel: it is in its file alone, from before its first start on.
    let poller = CreateInstance {
        start: false,
        ..make("poller", "sleep:1")
    };
    fleet.create(poller).await.unwrap();
    let telegram = "{ channels: { telegram: { botToken: '1:x' } } }";
    fleet.set_config(&id("poller"), telegram, None).await.unwrap();
    fleet.start(&id("poller")).await.unwrap();
    let engaged = fleet.engage(&id("busy")).await.unwrap();
    let slept = until(&fleet, "sleeper", |now| now.status == Status::Sleeping).await;
    assert_eq!(slept.desired, Desired::Sleeping);
    let stopped = until(&fleet, "stopper", |now| now.status == Status::Stopped).await;
    assert_eq!(stopped.desired, Desired::Stopped);
    assert!(is_running(&settled(&fleet, "always").await));
    assert!(is_running(&settled(&fleet, "busy").await), "a request is under way");
    assert!(is_running(&settled(&fleet, "poller").await), "it polls a platform");
    drop(engaged);
    until(&fleet, "busy", |now| now.status == Status::Sleeping).await;

    let change = ChangeInstance {
        idle: Some(Idle::Always),
        ..ChangeInstance::default()
    };
    let changed = fleet.change(&id("busy"), change).await.unwrap();
    assert_eq!((changed.idle, changed.status), (Idle::Always, Status::Sleeping));
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_cannot_sleep_is_told_why() {
    let world = World::new();
    let fleet = world.open().await;
    let telegram = Channel {
        kind: "telegram".into(),
        config: serde_json::json!({"botToken": "1:x"}),
    };
    let connected = CreateInstance {
        channels: vec![telegram],
        idle: "sleep:30".parse().unwrap(),
        ..CreateInstance::new(id("bot"))
    };
    let refused = fleet.create(connected.clone()).await.unwrap_err().to_string();
    assert!(
        refused.starts_with("idle: ") && refused.contains("(telegram)"),
        "{refused}"
    );
    assert!(fleet.list().is_empty());

    let connected = CreateInstance {
        idle: Idle::Always,
        ..connected
    };
    fleet.create(connected).await.unwrap();
    settled(&fleet, "bot").await;
    let refused = fleet.sleep(&id("bot")).await.unwrap_err().to_string();
    assert!(refused.contains("(telegram)"), "{refused}");
    let change = |idle: &str| ChangeInstance {
        idle: Some(idle.parse().unwrap()),
        name: Some("Bot".into()),
        ..ChangeInstance::default()
    };
    assert!(fleet.change(&id("bot"), change("stop:5")).await.is_err());
    let bot = fleet.get(&id("bot")).unwrap();
    assert_eq!(
        (bot.name.as_str(), bot.idle, bot.status),
        ("openclaw-bot-telegram", Idle::Always, Status::Running)
    );

    fleet.stop(&id("bot")).await.unwrap();
    for result in [fleet.sleep(&id("bot")).await, fleet.wake(&id("bot")).await] {
        let error = result.unwrap_err();
        assert!(matches!(error, FleetError::NotRunning { .. }), "{error}");
        assert!(error.to_string().contains("\"bot\" is stopped"), "{error}");
    }
    fleet.shutdown().await;
}
