//! What an instance does when it is asked, and what it does when things go wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

#[path = "lifecycle/kept_data.rs"]
mod kept_data;
#[expect(dead_code, reason = "the files of tests share it, each uses a part")]
mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use creel_fleet::{ConfigVersion, CreateInstance, Desired, FleetError, FleetEvent, LogQuery, Status};
use futures_util::StreamExt as _;
use support::{World, cast, get, id, is_running, lives, running, settled, start_failure, until};

#[tokio::test]
async fn it_is_made_started_stopped_started_and_removed() {
    let (world, id) = (World::new(), id("alice"));
    let fleet = world.open().await;
    let (made, token) = fleet.create(CreateInstance::new(id.clone())).await.unwrap();
    assert_eq!(
        (made.status, made.desired, token.expose().len()),
        (Status::Created, Desired::Running, 64)
    );
    let first = settled(&fleet, "alice").await;
    assert_eq!(
        (first.status, first.url.as_deref()),
        (
            Status::Running,
            Some(format!("http://127.0.0.1:{}", first.port.unwrap()).as_str())
        )
    );
    assert!(first.started_at.is_some() && first.error.is_none());
    assert!(get(&first, "/env").await.unwrap().contains(token.expose()));

    let stopped = fleet.stop(&id).await.unwrap();
    assert_eq!((stopped.status, stopped.pid), (Status::Stopped, None));
    assert!(!lives(first.pid.unwrap()));
    assert_eq!(fleet.tail_logs(&id, 1).unwrap(), ["drained"]);

    let second = fleet.start(&id).await.unwrap();
    let third = fleet.restart(&id).await.unwrap();
    assert!(is_running(&third) && second.pid != third.pid && second.port == third.port);
    assert_eq!(
        fleet.start(&id).await.unwrap().pid,
        third.pid,
        "what runs is not started again"
    );

    fleet.remove(&id, true).await.unwrap();
    assert!(!lives(third.pid.unwrap()));
    assert!(fleet.get(&id).is_none() && fleet.list().is_empty());
    assert!(!world.of("alice", "").exists());
    assert!(world.records().await.instances().await.unwrap().is_empty());
    assert!(matches!(fleet.start(&id).await, Err(FleetError::NotFound(_))));
}

#[tokio::test]
async fn its_files_are_private_and_hold_no_token() {
    let world = World::new();
    let fleet = world.open().await;
    let (_, token) = fleet.create(CreateInstance::new(id("alice"))).await.unwrap();
    let instance = settled(&fleet, "alice").await;
    let mut files = vec![world.path().to_owned()];
    let mut seen = 0;
    while let Some(path) = files.pop() {
        let mode = path.symlink_metadata().unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            files.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            let bytes = std::fs::read(&path).unwrap();
            let holds_it = bytes.windows(64).any(|part| part == token.expose().as_bytes());
            assert!(!holds_it, "{} holds the token", path.display());
            seen += 1;
        }
    }
    assert!(seen > 6);
    let arguments = std::fs::read(format!("/proc/{}/cmdline", instance.pid.unwrap())).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains(token.expose()));
    fleet.shutdown().await;
}

#[tokio::test]
async fn its_environment_is_made_from_nothing() {
    let world = World::new();
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "").await;
    world.set("alice", "HOME=/root");
    world.set("alice", "OPENAI_API_KEY=sk-own");
    let instance = fleet.start(&id("alice")).await.unwrap();
    let environment = get(&instance, "/env").await.unwrap();
    let names: Vec<_> = environment.lines().filter_map(|line| line.split_once('=')).collect();
    let value = |name: &str| names.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
    assert_eq!(
        value("HOME"),
        world.of("alice", "home").to_str(),
        "its home is the fleet's to say"
    );
    assert_eq!(value("TMPDIR"), world.of("alice", "tmp").to_str());
    assert_eq!(
        value("OPENAI_API_KEY"),
        Some("sk-own"),
        "its own key goes before everybody's"
    );
    assert!(
        value("CARGO_MANIFEST_DIR").is_none() && value("USER").is_none(),
        "nothing is inherited: {environment}"
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_crash_is_followed_by_a_restart() {
    let world = World::new();
    let fleet = world.open().await;
    let first = running(&fleet, "alice").await;
    get(&first, "/crash").await;
    let second = until(&fleet, "alice", |now| is_running(now) && now.pid != first.pid).await;
    assert_eq!((second.port, second.error), (first.port, None));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_crash_at_the_start_is_tried_again() {
    let world = World::new();
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "crash once").await;
    assert!(is_running(&fleet.start(&id("alice")).await.unwrap()));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_crash_loop_ends_with_its_own_last_words() {
    let (world, id) = (World::new(), id("alice"));
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "crash").await;
    let (reason, log) = start_failure(fleet.start(&id).await);
    assert_eq!(reason, "exited with code 1, 5 times in a row without staying healthy");
    assert_eq!(log.iter().filter(|line| *line == "boom").count(), 5);
    let failed = fleet.get(&id).unwrap();
    assert_eq!(
        (failed.status, failed.desired, failed.pid),
        (Status::Error, Desired::Running, None)
    );
    // Whoever asks again gets a fresh count, and stopping it clears the reason.
    assert!(start_failure(fleet.start(&id).await).0.contains("5 times"));
    let stopped = fleet.stop(&id).await.unwrap();
    assert_eq!((stopped.status, stopped.error), (Status::Stopped, None));
}

#[tokio::test]
async fn a_refused_configuration_is_not_tried_again() {
    let world = World::new();
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "configuration").await;
    let (reason, log) = start_failure(fleet.start(&id("alice")).await);
    assert!(reason.contains("refuses its configuration"), "{reason}");
    assert_eq!(log.last().unwrap(), "gateway.prot is not known");
    assert_eq!(log.iter().filter(|line| line.contains("prot")).count(), 1);
}

#[tokio::test]
async fn a_web_page_is_no_readiness() {
    let mut world = World::new();
    world.timing.native_start = Duration::from_millis(300);
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "html").await;
    let (reason, _) = start_failure(fleet.start(&id("alice")).await);
    assert_eq!(reason, "was not ready within 0.3 s");
    assert!(support::gateways(&world, "alice").is_empty());
}

#[tokio::test]
async fn who_does_not_drain_in_time_is_ended() {
    let mut world = World::new();
    world.timing.grace = Duration::from_millis(100);
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "stubborn").await;
    let started = fleet.start(&id("alice")).await.unwrap();
    let child: u32 = get(&started, "/leave-a-child-behind").await.unwrap().parse().unwrap();
    fleet.stop(&id("alice")).await.unwrap();
    assert!(!lives(started.pid.unwrap()) && !lives(child));
}

#[tokio::test]
async fn what_it_started_ends_with_it() {
    let world = World::new();
    let fleet = world.open().await;
    let started = running(&fleet, "alice").await;
    let child: u32 = get(&started, "/leave-a-child-behind").await.unwrap().parse().unwrap();
    assert!(lives(child));
    get(&started, "/crash").await;
    until(&fleet, "alice", |now| is_running(now) && now.pid != started.pid).await;
    assert!(!lives(child));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_port_in_use_is_said_or_avoided() {
    let world = World::new();
    let fleet = world.open().await;
    // None that the kernel would give to whoever connects somewhere.
    let taken = creel_testkit::ports::range();
    let other = TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let chosen = CreateInstance {
        port: Some(taken),
        ..CreateInstance::new(id("alice"))
    };
    let error = fleet.create(chosen).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("port {taken} is in use by another program")),
        "{error}"
    );
    assert!(
        fleet.list().is_empty() && !world.of("alice", "").exists(),
        "nothing is left behind"
    );

    // Taken while it is stopped: another one if it was automatic, an error if it was chosen.
    let automatic = running(&fleet, "alice").await;
    fleet.stop(&id("alice")).await.unwrap();
    let thief = TcpListener::bind(("127.0.0.1", automatic.port.unwrap())).unwrap();
    let moved = fleet.start(&id("alice")).await.unwrap();
    assert_ne!(moved.port, automatic.port);
    assert_eq!(
        Some(world.records().await.instance("alice").await.unwrap().unwrap().port),
        moved.port
    );
    creel_testkit::ports::let_go(other);
    let fixed = CreateInstance {
        port: Some(taken),
        start: false,
        ..CreateInstance::new(id("bob"))
    };
    fleet.create(fixed).await.unwrap();
    let other = TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let (reason, _) = start_failure(fleet.start(&id("bob")).await);
    assert!(reason.contains(&format!("port {taken} is in use")), "{reason}");
    assert!(
        reason.contains("make the instance anew"),
        "nobody can choose now: {reason}"
    );
    drop(thief);
    creel_testkit::ports::let_go(other);
    assert_eq!(fleet.start(&id("bob")).await.unwrap().port, Some(taken));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_port_taken_between_the_look_and_the_use_is_left_or_said() {
    let world = World::new();
    let fleet = world.open().await;
    cast(&world, &fleet, "automatic", "gated").await;
    let fixed = CreateInstance {
        port: Some(creel_testkit::ports::range()),
        start: false,
        ..CreateInstance::new(id("fixed"))
    };
    fleet.create(fixed).await.unwrap();
    world.set("fixed", "FAKE=gated");
    for name in ["automatic", "fixed"] {
        let own = id(name);
        let gate = world.of(name, "home/gate");
        let made = std::process::Command::new("mkfifo").arg(&gate).status().unwrap();
        assert!(made.success());
        let port = fleet.get(&own).unwrap().port.unwrap();
        let robbed = async {
            let mut lines = fleet.follow_logs(&own, LogQuery::tail(9)).await.unwrap();
            while !lines
                .next()
                .await
                .unwrap()
                .iter()
                .any(|line| line == "waits at the gate")
            {}
            let thief = TcpListener::bind(("127.0.0.1", port)).unwrap();
            tokio::task::spawn_blocking(|| std::fs::write(gate, ""))
                .await
                .unwrap()
                .unwrap();
            thief
        };
        let both = async { tokio::join!(fleet.start(&own), robbed) };
        let (started, _thief) = tokio::time::timeout(support::PATIENCE, both).await.unwrap();
        match name {
            "automatic" => assert!(started.unwrap().port != Some(port), "it has another"),
            _ => {
                let (reason, _) = start_failure(started);
                assert!(reason.contains(&format!("port {port} is in use")), "{reason}");
            }
        }
    }
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_is_taken_or_cannot_be_is_refused_and_changes_nothing() {
    let world = World::new();
    let fleet = world.open().await;
    let first = running(&fleet, "alice").await;
    let again = fleet.create(CreateInstance::new(id("alice"))).await;
    assert_eq!(
        again.unwrap_err().to_string(),
        "instance id \"alice\" is taken; choose another"
    );
    let same_port = CreateInstance {
        port: first.port,
        ..CreateInstance::new(id("bob"))
    };
    let error = fleet.create(same_port).await.unwrap_err().to_string();
    assert!(error.contains("in use by instance \"alice\""), "{error}");
    let wrong = CreateInstance {
        model: Some("gpt".into()),
        ..CreateInstance::new(id("bob"))
    };
    assert!(matches!(
        fleet.create(wrong).await,
        Err(FleetError::Invalid { field: "model", .. })
    ));
    assert_eq!(fleet.list().len(), 1);
    assert_eq!(std::fs::read_dir(world.of("", "")).unwrap().count(), 1);
    fleet.shutdown().await;
}

#[tokio::test]
async fn two_at_once_with_one_id_make_one_instance() {
    let world = World::new();
    let fleet = world.open().await;
    let new = || fleet.create(CreateInstance::new(id("alice")));
    let (one, two, three) = tokio::join!(new(), new(), new());
    let results = [one.map(|_| ()), two.map(|_| ()), three.map(|_| ())];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(is_running(&settled(&fleet, "alice").await));
    fleet.shutdown().await;
}

#[tokio::test]
async fn whoever_comes_last_has_their_way() {
    let world = World::new();
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "html").await;
    let starting = tokio::spawn({
        let fleet = fleet.clone();
        async move { fleet.start(&id("alice")).await }
    });
    until(&fleet, "alice", |now| {
        now.status == Status::Starting && now.pid.is_some()
    })
    .await;
    let stopped = fleet.stop(&id("alice")).await.unwrap();
    assert_eq!(stopped.status, Status::Stopped);
    let overtaken = starting.await.unwrap().unwrap_err();
    assert!(
        matches!(overtaken, FleetError::Superseded { instead: "stopped", .. }),
        "{overtaken}"
    );
}

#[tokio::test]
async fn a_configuration_is_checked_before_it_is_kept() {
    let (world, id) = (World::new(), id("alice"));
    let fleet = world.open().await;
    cast(&world, &fleet, "alice", "").await;
    let before = fleet.config_text(&id).await.unwrap();
    let error = fleet
        .set_config(&id, "{\n  gateway: { mode: \"local\" \n", None)
        .await
        .unwrap_err();
    let FleetError::Config(error) = error else {
        panic!("{error}")
    };
    assert!(error.line.is_some() && error.column.is_some(), "{error}");
    assert_eq!(fleet.config_text(&id).await.unwrap(), before);
    fleet
        .set_config(&id, "{ gateway: { mode: \"local\" } } // kept", None)
        .await
        .unwrap();
    assert!(fleet.config_text(&id).await.unwrap().ends_with("// kept"));

    let read = ConfigVersion::of(&fleet.config_text(&id).await.unwrap());
    fleet
        .set_config(&id, "{} // one", Some(vec![read.clone()]))
        .await
        .unwrap();
    let late = fleet.set_config(&id, "{} // two", Some(vec![read])).await;
    assert!(matches!(late, Err(FleetError::Changed(_))), "{late:?}");
    assert_eq!(fleet.config_text(&id).await.unwrap(), "{} // one");
}

#[tokio::test]
async fn init_brings_back_what_is_missing() {
    let (world, id) = (World::new(), id("alice"));
    let fleet = world.open().await;
    let first = running(&fleet, "alice").await;
    std::fs::remove_file(world.of("alice", "data/openclaw.json")).unwrap();
    std::fs::write(world.of("alice", "data/workspace/agent/IDENTITY.md"), "mine").unwrap();
    let second = fleet.init(&id).await.unwrap();
    assert!(is_running(&second) && second.pid != first.pid);
    assert!(fleet.config_text(&id).await.unwrap().contains("gateway"));
    assert_eq!(
        std::fs::read_to_string(world.of("alice", "data/workspace/agent/IDENTITY.md")).unwrap(),
        "mine"
    );
    fleet.stop(&id).await.unwrap();
    assert_eq!(
        fleet.init(&id).await.unwrap().status,
        Status::Stopped,
        "init starts nothing that should not run"
    );
}

#[tokio::test]
async fn a_rotated_token_voids_the_old_one() {
    let (world, id) = (World::new(), id("alice"));
    let fleet = world.open().await;
    let (_, old) = fleet.create(CreateInstance::new(id.clone())).await.unwrap();
    let first = settled(&fleet, "alice").await;
    let new = fleet.rotate_token(&id).await.unwrap();
    assert_ne!(old, new);
    let second = until(&fleet, "alice", |now| is_running(now) && now.pid != first.pid).await;
    let environment = get(&second, "/env").await.unwrap();
    assert!(environment.contains(new.expose()) && !environment.contains(old.expose()));
    assert_eq!(fleet.endpoint(&id).unwrap().token, new);
    let record = world.records().await.instance("alice").await.unwrap().unwrap();
    assert_eq!(record.token_sha256, new.sha256());
    fleet.shutdown().await;
}

#[tokio::test]
async fn changes_are_told_and_the_log_is_followed() {
    let world = World::new();
    let fleet = world.open().await;
    let mut events = fleet.subscribe();
    let started = running(&fleet, "alice").await;
    let mut seen = Vec::new();
    while seen.last() != Some(&Status::Running) {
        match events.recv().await.unwrap() {
            FleetEvent::Changed(instance) => seen.push(instance.status),
            FleetEvent::Noted(_) => {}
            FleetEvent::Removed(_) => panic!("nothing was removed"),
        }
    }
    seen.dedup();
    assert_eq!(seen, [Status::Created, Status::Starting, Status::Running]);
    let mut lines = fleet.follow_logs(&id("alice"), LogQuery::tail(10)).await.unwrap();
    assert!(lines.next().await.unwrap()[0].starts_with("fake gateway"));
    get(&started, "/crash").await;
    assert_eq!(lines.next().await.unwrap()[0], "crashed as asked");
    fleet.shutdown().await;
    let kinds: Vec<_> = world
        .records()
        .await
        .recent_events(50)
        .await
        .unwrap()
        .into_iter()
        .map(|e| e.kind)
        .collect();
    for kind in ["instance.running", "instance.crashed", "instance.stopped"] {
        assert!(
            kinds.iter().any(|found| found == kind),
            "{kind} is missing in {kinds:?}"
        );
    }
}

#[tokio::test]
async fn what_runs_is_measured() {
    let world = World::new();
    let fleet = world.open().await;
    running(&fleet, "alice").await;
    let measured = async {
        while fleet.stats(&id("alice")).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, measured).await.unwrap();
    let instance = fleet.get(&id("alice")).unwrap();
    assert!(instance.memory_used_bytes.unwrap() > 100_000 && instance.cpu_percent.is_some());
    assert!(!fleet.host_stats().is_empty());
    fleet.shutdown().await;
}

#[tokio::test]
async fn the_api_sees_the_documented_names() {
    let world = World::new();
    let fleet = world.open().await;
    let json = serde_json::to_value(running(&fleet, "alice").await).unwrap();
    for name in [
        "id",
        "name",
        "runtime",
        "driver",
        "status",
        "port",
        "url",
        "pid",
        "channels",
        "version",
        "created_at",
    ] {
        assert!(json.get(name).is_some(), "{name} is missing in {json}");
    }
    assert_eq!(
        (&json["runtime"], &json["driver"], &json["status"]),
        (&"native".into(), &"process".into(), &"running".into())
    );
    assert!(json["created_at"].as_str().unwrap().ends_with('Z'));
    assert!(json.get("error").is_none());
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_could_not_start_again_is_not_stopped() {
    let (world, id) = (World::new(), id("alice"));
    let fleet = world.open().await;
    let first = running(&fleet, "alice").await;
    world.set("alice", "BROKEN");
    for refused in [
        fleet.restart(&id).await.map(drop),
        fleet.rotate_token(&id).await.map(drop),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(
            error.starts_with("instance \"alice\" was not restarted and goes on as it was: instance.env:"),
            "{error}"
        );
    }
    let now = fleet.get(&id).unwrap();
    assert_eq!((now.status, now.pid), (Status::Running, first.pid));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_hundred_at_once_are_all_made() {
    let world = World::large();
    let fleet = world.open().await;
    let names: Vec<String> = (0..100).map(|number| format!("i{number}")).collect();
    let made = names.iter().map(|name| fleet.create(CreateInstance::new(id(name))));
    let made = futures_util::future::join_all(made).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    let mut ports = std::collections::BTreeSet::new();
    for name in &names {
        let instance = settled(&fleet, name).await;
        assert!(is_running(&instance), "{instance:?}");
        ports.insert(instance.port);
    }
    assert_eq!(ports.len(), names.len());
    fleet.shutdown().await;
}

#[tokio::test]
async fn nothing_that_is_made_during_a_shutdown_goes_on() {
    let world = World::new();
    let fleet = world.open().await;
    let names: Vec<String> = (0..20).map(|number| format!("i{number}")).collect();
    let making = names.iter().map(|name| fleet.create(CreateInstance::new(id(name))));
    let (made, ()) = tokio::join!(futures_util::future::join_all(making), fleet.shutdown());
    for (name, made) in names.iter().zip(made) {
        assert!(matches!(made, Ok(_) | Err(FleetError::ShuttingDown)), "{made:?}");
        assert!(support::gateways(&world, name).is_empty(), "{name} goes on");
    }
    let late = fleet.create(CreateInstance::new(id("late"))).await;
    assert!(matches!(late, Err(FleetError::ShuttingDown)), "{late:?}");
}
