//! The scenarios. Each is told only which driver it is about, and how to do something behind its back.

use std::path::Path;
use std::time::Duration;

use creel_fleet::{
    ChangeInstance, CreateInstance, Driver, Fleet, FleetError, Instance, LogQuery, Runtime, Status, Upgrade,
};
use creel_testkit::docker::{Engine, Kind};
use creel_testkit::groups;
use creel_testkit::railway::Recorder;
use creel_testkit::swap::Swap;
use futures_util::StreamExt as _;
use serde_json::json;

use crate::support::{World, fake_creel, gateways, get, id, is_running, settled, start_failure, until};

/// A world whose instances run by one driver.
pub struct Place {
    pub world: World,
    pub driver: Driver,
    pub engine: Option<&'static Engine>,
    pub recorder: Option<Recorder>,
}

impl Place {
    #[expect(clippy::unused_async, reason = "as every driver's place is made")]
    pub async fn new(driver: Driver) -> Self {
        Self {
            world: World::new(),
            driver,
            engine: None,
            recorder: None,
        }
    }

    pub fn wanted(&self, name: &str) -> CreateInstance {
        CreateInstance {
            driver: self.driver,
            // Railway keeps none, and runs what can be pulled.
            memory_limit_bytes: self.recorder.is_none().then_some(64 << 20),
            image: self.recorder.is_some().then(|| "ghcr.io/acme/creel:1".to_owned()),
            ..CreateInstance::new(id(name))
        }
    }

    /// An instance that plays this role and was not started.
    pub async fn cast(&self, fleet: &Fleet, name: &str, role: &str) {
        let wanted = CreateInstance {
            start: false,
            ..self.wanted(name)
        };
        fleet.create(wanted).await.unwrap();
        self.world.set(name, &format!("FAKE=\"{role}\""));
    }

    pub async fn running(&self, fleet: &Fleet, name: &str) -> Instance {
        fleet.create(self.wanted(name)).await.unwrap();
        let instance = settled(fleet, name).await;
        assert_eq!((instance.status, &instance.error), (Status::Running, &None));
        instance
    }

    /// What runs it, as nothing else is called.
    pub async fn life(&self, name: &str) -> Option<String> {
        if let Some(recorder) = &self.recorder {
            return crate::railway::life(recorder, name);
        }
        match self.engine {
            None => gateways(&self.world, name).first().map(u32::to_string),
            Some(engine) => {
                let container = crate::docker::container(engine, name, &self.world).await?;
                (container["State"]["Running"] == true).then(|| container["Id"].as_str().unwrap().to_owned())
            }
        }
    }

    /// Ends it as an operator's mistake would.
    async fn kill(&self, life: &str) {
        if let Some(recorder) = &self.recorder {
            return recorder.crash("alice");
        }
        match self.engine {
            None => {
                let pid = rustix::process::Pid::from_raw(life.parse().unwrap()).unwrap();
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            }
            Some(engine) => drop(
                engine
                    .act("POST", &format!("/containers/{life}/kill"), json!(null))
                    .await,
            ),
        }
    }

    /// An instance called alice, and what it can be upgraded to: something that runs, and something that does not.
    async fn versions(&self) -> (CreateInstance, Upgrade, Upgrade) {
        let wanted = self.wanted("alice");
        if self.recorder.is_some() {
            let image = |tag: &str| Upgrade::Image(format!("ghcr.io/acme/creel:{tag}"));
            return (wanted, image("good"), image("bad"));
        }
        let Some(engine) = self.engine else {
            for (version, program) in [
                ("1.0.0", Some(fake_creel())),
                ("1.1.0", Some(fake_creel())),
                ("2.0.0", None),
            ] {
                crate::support::install_openclaw(&self.world, version, program.as_deref());
            }
            let wanted = CreateInstance {
                runtime: Runtime::Openclaw,
                version: Some("1.0.0".into()),
                ..wanted
            };
            return (
                wanted,
                Upgrade::Version("1.1.0".into()),
                Upgrade::Version("2.0.0".into()),
            );
        };
        crate::docker::image(engine, &fake_creel(), "creel:good").await;
        crate::docker::image(engine, Path::new("/bin/true"), "creel:bad").await;
        (
            wanted,
            Upgrade::Image("creel:good".into()),
            Upgrade::Image("creel:bad".into()),
        )
    }

    /// Gives it another memory limit. `false` where that cannot be: Podman 4.3 has no call for it.
    async fn change_limit(&self, life: &str, bytes: u64) -> bool {
        match self.engine {
            None => {
                let group = groups::of(life.parse().unwrap());
                let file = group
                    .iter()
                    .flat_map(|group| ["memory.limit_in_bytes", "memory.max"].map(|name| group.join(name)));
                let file = file
                    .into_iter()
                    .find(|file| file.exists())
                    .expect("this host keeps limits of memory");
                std::fs::write(file, bytes.to_string()).unwrap();
            }
            Some(engine) if engine.kind() == Kind::Podman => return false,
            Some(engine) => {
                let body = json!({"Memory": bytes, "MemorySwap": bytes * 2});
                drop(engine.act("POST", &format!("/containers/{life}/update"), body).await);
            }
        }
        true
    }
}

pub async fn a_life_from_create_to_remove(place: Place) {
    let fleet = place.world.open().await;
    let instance = place.running(&fleet, "alice").await;
    assert_eq!(instance.driver, place.driver);
    assert!(
        get(&instance, "/readyz").await.unwrap().contains("true"),
        "it answers on its port"
    );
    let first = place.life("alice").await.unwrap();

    let stopped = fleet.stop(&id("alice")).await.unwrap();
    assert_eq!(stopped.status, Status::Stopped);
    assert_eq!(place.life("alice").await, None);
    assert_eq!(get(&instance, "/readyz").await, None);

    fleet.start(&id("alice")).await.unwrap();
    let second = place.life("alice").await.unwrap();
    assert_ne!(second, first);
    fleet.restart(&id("alice")).await.unwrap();
    let third = place.life("alice").await.unwrap();
    assert_ne!(third, second);
    // What it wrote is there yet, and is its own.
    let home = match &place.recorder {
        Some(recorder) => recorder.volumes().pop().unwrap(),
        None => place.world.of("alice", "home"),
    };
    assert!(home.join("started").exists());

    fleet.stop(&id("alice")).await.unwrap();
    fleet.remove(&id("alice"), true).await.unwrap();
    assert!(fleet.get(&id("alice")).is_none() && !place.world.of("alice", "").exists());
}

pub async fn it_is_removed_while_it_runs(place: Place) {
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    fleet.remove(&id("alice"), true).await.unwrap();
    assert_eq!(place.life("alice").await, None);
    assert!(!place.world.of("alice", "").exists());
}

pub async fn what_it_says_and_what_it_uses_are_known(place: Place) {
    let fleet = place.world.open().await;
    let (_, token) = fleet.create(place.wanted("alice")).await.unwrap();
    let instance = settled(&fleet, "alice").await;
    // The stand-in says its whole environment, and so its token, when asked.
    let said = get(&instance, "/say-environment").await.unwrap();
    assert!(said.contains(token.expose()), "it has its token");
    let mut lines = fleet.follow_logs(&id("alice"), LogQuery::tail(1000)).await.unwrap();
    let shown = async {
        let mut all = String::new();
        while !all.contains("OPENCLAW_GATEWAY_TOKEN=") {
            all += &lines.next().await.unwrap().join("\n");
            all += "\n";
        }
        all
    };
    let shown = tokio::time::timeout(crate::support::PATIENCE, shown).await.unwrap();
    assert!(shown.contains("fake gateway as"), "{shown}");
    assert!(!shown.contains(token.expose()), "the token is in the log");

    let used = async {
        while fleet.stats(&id("alice")).is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        fleet.stats(&id("alice"))
    };
    let used = tokio::time::timeout(crate::support::PATIENCE, used).await.unwrap();
    assert!(used[0].memory_bytes > 10_000, "{used:?}");
    fleet.remove(&id("alice"), true).await.unwrap();
}

pub async fn what_ends_is_started_again(place: Place) {
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let first = place.life("alice").await.unwrap();
    place.kill(&first).await;
    until(&fleet, "alice", |now| now.status == Status::Starting).await;
    until(&fleet, "alice", is_running).await;
    assert_ne!(place.life("alice").await.unwrap(), first);
    fleet.remove(&id("alice"), true).await.unwrap();
}

pub async fn what_never_gets_ready_is_an_error_with_its_last_words(mut place: Place) {
    // Long enough to say something on a busy machine.
    place.world.timing.native_start = Duration::from_secs(8);
    place.world.timing.railway_start = Duration::from_secs(8);
    let fleet = place.world.open().await;
    place.cast(&fleet, "alice", "html").await;
    let (reason, log) = start_failure(fleet.start(&id("alice")).await);
    assert!(reason.contains("was not ready within 8 s"), "{reason}");
    assert!(
        log.iter().any(|line| line.contains("fake gateway as \"html\"")),
        "{log:?}"
    );
    assert_eq!(place.life("alice").await, None, "it is not left running");
    fleet.remove(&id("alice"), true).await.unwrap();
}

pub async fn what_refuses_its_configuration_says_so(place: Place) {
    let fleet = place.world.open().await;
    place.cast(&fleet, "bob", "configuration").await;
    let (reason, log) = start_failure(fleet.start(&id("bob")).await);
    assert!(reason.contains("refuses its configuration"), "{reason}");
    assert!(
        log.iter().any(|line| line.contains("gateway.prot is not known")),
        "{log:?}"
    );
    fleet.remove(&id("bob"), true).await.unwrap();
}

pub async fn a_limit_that_was_changed_is_shown_and_left(place: Place) {
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let life = place.life("alice").await.unwrap();
    // One that is to hold from its next start on is no drift.
    let change = ChangeInstance {
        memory_limit_bytes: Some(Some(96 << 20)),
        ..ChangeInstance::default()
    };
    fleet.change(&id("alice"), change).await.unwrap();
    if !place.change_limit(&life, 128 << 20).await {
        return fleet.remove(&id("alice"), true).await.unwrap();
    }
    let drifted = until(&fleet, "alice", |now| !now.drift.is_empty()).await;
    let [line] = &drifted.drift[..] else {
        panic!("{:?}", drifted.drift)
    };
    assert!(line.contains("134217728, not 67108864"), "{line}");
    assert_eq!(
        (drifted.status, place.life("alice").await),
        (Status::Running, Some(life))
    );
    // The next start is as it should be.
    fleet.restart(&id("alice")).await.unwrap();
    assert_eq!(fleet.get(&id("alice")).unwrap().drift, [""; 0]);
    fleet.remove(&id("alice"), true).await.unwrap();
}

pub async fn it_sleeps_and_wakes_in_the_same_life(place: Place) {
    let fleet = place.world.open().await;
    let instance = place.running(&fleet, "alice").await;
    let life = place.life("alice").await;
    assert_eq!(fleet.sleep(&id("alice")).await.unwrap().status, Status::Sleeping);
    assert_eq!(fleet.wake(&id("alice")).await.unwrap().status, Status::Running);
    assert_eq!(place.life("alice").await, life);
    assert!(get(&instance, "/readyz").await.is_some());
    // One that sleeps is ended like any other.
    fleet.sleep(&id("alice")).await.unwrap();
    fleet.remove(&id("alice"), true).await.unwrap();
    assert_eq!(place.life("alice").await, None);
}

pub async fn whoever_calls_one_that_sleeps_wakes_it(place: Place) {
    let fleet = place.world.open().await;
    let instance = place.running(&fleet, "alice").await;
    let life = place.life("alice").await;
    fleet.sleep(&id("alice")).await.unwrap();
    let answer = tokio::time::timeout(crate::support::PATIENCE, get(&instance, "/env")).await;
    assert!(answer.unwrap().is_some(), "who connects to its port is answered");
    until(&fleet, "alice", is_running).await;
    assert_eq!(place.life("alice").await, life);
    fleet.remove(&id("alice"), true).await.unwrap();
}

pub async fn its_memory_is_moved_to_swap(place: Place) {
    const HOARD: u64 = 96 << 20;
    let swap = Swap::with_free(&std::env::temp_dir(), 4 * HOARD);
    let _swap = swap.expect("as root, with room for a swap file among the temporary files");
    let fleet = place.world.open().await;
    let wanted = CreateInstance {
        start: false,
        memory_limit_bytes: Some(4 * HOARD),
        ..place.wanted("alice")
    };
    fleet.create(wanted).await.unwrap();
    place.world.set("alice", &format!("FAKE=\"hoard {}\"", HOARD >> 20));
    let instance = fleet.start(&id("alice")).await.unwrap();
    let resident = || gateways(&place.world, "alice").into_iter().map(resident).sum::<u64>();
    assert!(resident() > HOARD);
    let slept = fleet.sleep(&id("alice")).await.unwrap();
    assert_eq!(slept.message, None, "nothing kept it from that");
    assert!(resident() < HOARD / 4, "{} bytes are left", resident());
    let swapped = gateways(&place.world, "alice").into_iter().map(swapped).sum::<u64>();
    assert!(swapped > HOARD * 3 / 4, "{swapped} bytes are in swap");
    let woken = fleet.wake(&id("alice")).await.unwrap();
    assert_eq!((woken.pid, woken.message.as_deref()), (instance.pid, None));
    assert!(get(&woken, "/env").await.is_some());
    fleet.remove(&id("alice"), true).await.unwrap();
}

/// Bytes of its own that a process has in memory.
fn resident(pid: u32) -> u64 {
    of_status(pid, "RssAnon:")
}

/// Bytes of its own that a process has in swap.
fn swapped(pid: u32) -> u64 {
    of_status(pid, "VmSwap:")
}

fn of_status(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

pub async fn who_has_nothing_to_do_sleeps_or_stops_as_its_policy_says(mut place: Place) {
    place.world.timing.minute = Duration::from_millis(100);
    let fleet = place.world.open().await;
    for (name, idle) in [("sleeper", "sleep:2"), ("stopper", "stop:2"), ("busy", "sleep:1")] {
        let wanted = CreateInstance {
            idle: idle.parse().unwrap(),
            ..place.wanted(name)
        };
        fleet.create(wanted).await.unwrap();
    }
    let engaged = fleet.engage(&id("busy")).await.unwrap();
    until(&fleet, "sleeper", |now| now.status == Status::Sleeping).await;
    until(&fleet, "stopper", |now| now.status == Status::Stopped).await;
    assert_eq!(place.life("stopper").await, None);
    let life = place.life("sleeper").await;
    assert!(life.is_some(), "what sleeps is there");
    assert!(is_running(&settled(&fleet, "busy").await), "a request is under way");
    drop(engaged);
    let busy = until(&fleet, "busy", |now| now.status == Status::Sleeping).await;
    // What sleeps has no work until somebody wakes it, and is as it was then.
    fleet.wake(&id("busy")).await.unwrap();
    let again = until(&fleet, "busy", |now| now.status == Status::Sleeping).await;
    assert_eq!(again.pid, busy.pid);
    assert_eq!(place.life("sleeper").await, life);
    for name in ["sleeper", "stopper", "busy"] {
        fleet.remove(&id(name), true).await.unwrap();
    }
}

pub async fn an_upgrade_that_does_not_get_ready_is_taken_back(mut place: Place) {
    place.world.timing.crash_limit = 2;
    let fleet = place.world.open().await;
    let (wanted, good, bad) = place.versions().await;
    fleet.create(wanted).await.unwrap();
    let before = settled(&fleet, "alice").await;
    assert_eq!(before.status, Status::Running, "{before:?}");
    let life = place.life("alice").await;
    let refused = fleet.upgrade(&id("alice"), bad).await.unwrap_err();
    let FleetError::RolledBack { runs, .. } = refused else {
        panic!("{refused}")
    };
    let after = fleet.get(&id("alice")).unwrap();
    assert!(runs && after.status == Status::Running, "{after:?}");
    assert_eq!((&after.version, &after.image), (&before.version, &before.image));
    let upgraded = fleet.upgrade(&id("alice"), good).await.unwrap();
    assert_ne!((&upgraded.version, &upgraded.image), (&before.version, &before.image));
    assert_ne!(place.life("alice").await, life);
    fleet.remove(&id("alice"), true).await.unwrap();
}
