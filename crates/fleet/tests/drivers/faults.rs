//! An engine that stops or hangs in the middle of everything, and is back again; a stranger where it should listen.

use creel_fleet::{CreateInstance, Desired, Driver, Fleet, FleetError, Instance, Status};
use creel_testkit::docker::{Engine, Stranger};
use futures_util::future::join_all;

use crate::docker::{log_with, place_on, with_image};
use crate::suite::Place;
use crate::support::{World, get, id, is_running, until};

/// One that a test may stop.
async fn engine() -> &'static Engine {
    let engine: &'static Engine = Box::leak(Box::new(Engine::start_new()));
    with_image(engine).await;
    engine
}

fn is_away(instance: &Instance) -> bool {
    let reason = instance.error.as_deref().unwrap_or_default();
    instance.status == Status::Error && reason.starts_with("Docker does not answer on /") && reason.lines().count() == 1
}

async fn remove_all(fleet: &Fleet, names: &[&str]) {
    for name in names {
        fleet.remove(&id(name), true).await.unwrap();
    }
}

/// How many containers the engine has of this world's instances.
async fn count(engine: &Engine, place: &Place) -> usize {
    let all = engine.get("/containers/json?all=true").await.unwrap();
    let of_world = place.world.of("", "").display().to_string();
    let is_ours = |one: &&serde_json::Value| one["Mounts"].to_string().contains(&of_world);
    all.as_array().unwrap().iter().filter(is_ours).count()
}

#[tokio::test]
async fn an_engine_that_stops_is_one_clear_line_and_what_it_ran_comes_back_with_it() {
    let engine = engine().await;
    let place = place_on(engine);
    let fleet = place.world.open().await;
    let alice = place.running(&fleet, "alice").await;
    place.cast(&fleet, "bob", "").await;
    place.running(&fleet, "dora").await;
    fleet.sleep(&id("dora")).await.unwrap();
    get(&alice, "/say-environment").await.unwrap();
    engine.stop();
    for name in ["alice", "dora"] {
        until(&fleet, name, is_away).await;
    }
    for refused in [
        fleet.stop(&id("alice")).await,
        fleet.start(&id("alice")).await,
        fleet.restart(&id("alice")).await,
    ] {
        assert!(matches!(refused, Err(FleetError::Away { .. })), "{refused:?}");
    }
    assert!(matches!(
        fleet.sleep(&id("alice")).await,
        Err(FleetError::NotRunning { .. })
    ));
    assert_eq!(fleet.list().len(), 3);
    let wanted = CreateInstance {
        start: false,
        ..place.wanted("carol")
    };
    fleet.create(wanted).await.unwrap();
    engine.start();
    until(&fleet, "alice", is_running).await;
    log_with(&fleet, "OPENCLAW_GATEWAY_PORT=").await;
    let slept = until(&fleet, "dora", |now| now.status == Status::Sleeping).await;
    assert_eq!(slept.desired, Desired::Sleeping);
    fleet.start(&id("bob")).await.unwrap();
    remove_all(&fleet, &["alice", "bob", "carol", "dora"]).await;
    assert_eq!(count(engine, &place).await, 0);
}

#[tokio::test]
async fn an_engine_that_stops_while_instances_are_made_has_one_container_of_each_when_it_is_back() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let engine = engine().await;
    let place = place_on(engine);
    let fleet = place.world.open().await;
    let made = join_all(NAMES.map(|name| fleet.create(place.wanted(name)))).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    // Some are being started by now, or have been.
    until(&fleet, "a", |now| {
        matches!(now.status, Status::Starting | Status::Running)
    })
    .await;
    engine.stop();
    for name in NAMES {
        until(&fleet, name, is_away).await;
    }
    engine.start();
    for name in NAMES {
        until(&fleet, name, is_running).await;
    }
    assert_eq!(count(engine, &place).await, NAMES.len());
    remove_all(&fleet, &NAMES).await;
}

#[tokio::test]
async fn an_engine_that_hangs_keeps_nobody_waiting_and_goes_on_where_it_was() {
    let engine = engine().await;
    let place = place_on(engine);
    let fleet = place.world.open().await;
    let alice = place.running(&fleet, "alice").await;
    let dora = place.running(&fleet, "dora").await;
    let life = place.life("dora").await;
    engine.freeze();
    let drivers = fleet.drivers().await;
    let docker = drivers.iter().find(|facts| facts.driver == Driver::Docker).unwrap();
    let reason = docker.reason.as_deref().unwrap_or_default();
    assert!(
        !docker.available && reason.contains("no answer within 2 s"),
        "{docker:?}"
    );
    let (alice_id, dora_id) = (id("alice"), id("dora"));
    let (stopped, slept, created) = tokio::join!(
        fleet.stop(&alice_id),
        fleet.sleep(&dora_id),
        fleet.create(place.wanted("bob"))
    );
    assert!(matches!(stopped, Err(FleetError::Away { .. })), "{stopped:?}");
    assert!(
        matches!(slept, Err(FleetError::Sleepless { .. } | FleetError::Away { .. })),
        "{slept:?}"
    );
    created.unwrap();
    // Its containers don't hang with it.
    assert!(get(&alice, "/env").await.is_some() && get(&dora, "/env").await.is_some());
    until(&fleet, "bob", is_away).await;
    engine.thaw();
    // What was wanted of it meanwhile.
    until(&fleet, "alice", |now| now.status == Status::Stopped).await;
    until(&fleet, "dora", is_running).await;
    assert_eq!(place.life("dora").await, life, "the same container");
    until(&fleet, "bob", is_running).await;
    remove_all(&fleet, &["alice", "bob", "dora"]).await;
    assert_eq!(count(engine, &place).await, 0);
}

#[tokio::test]
async fn a_stranger_on_the_socket_is_told_from_an_engine() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\n<!doctype",
        "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ok\": true}",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    ] {
        let mut world = World::new();
        let stranger = Stranger::says(Some(answer.to_owned()));
        world.docker_host = Some(stranger.host());
        let fleet = world.open().await;
        let wanted = CreateInstance {
            driver: Driver::Docker,
            ..CreateInstance::new(id("alice"))
        };
        fleet.create(wanted).await.unwrap();
        let refused = until(&fleet, "alice", |now| now.status == Status::Error).await;
        let expected = format!(
            "what answers on {} is no container engine",
            stranger.host().trim_start_matches("unix://")
        );
        assert!(
            refused
                .error
                .as_deref()
                .is_some_and(|error| error.starts_with(&expected)),
            "{refused:?}"
        );
        let drivers = fleet.drivers().await;
        let docker = drivers.iter().find(|facts| facts.driver == Driver::Docker).unwrap();
        assert_eq!((docker.available, &docker.version), (false, &None));
        assert!(
            docker
                .reason
                .as_deref()
                .is_some_and(|reason| reason.starts_with(&expected)),
            "{docker:?}"
        );
        // Nothing was made of it that could be left behind.
        fleet.remove(&id("alice"), true).await.unwrap();
        assert!(!world.of("alice", "").exists());
    }
}
