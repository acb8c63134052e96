//! A control plane that dies leaves its containers serving; the next one takes them over, and never makes a second one.

use creel_fleet::Status;
use creel_testkit::docker::Engine;

use crate::docker;
use crate::support::control_plane::{ControlPlane, STEPS};
use crate::support::{World, get, id, is_running, settled, until};

/// Steps that only a container has, in the same order.
const CONTAINER_STEPS: [&str; 2] = ["network made", "container started"];

#[test]
fn no_step_of_a_container_is_left_out() {
    let source = include_str!("../../src/driver/docker/mod.rs");
    let named: Vec<&str> = source
        .split("fault::point(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(named, CONTAINER_STEPS);
}

/// The containers that the engine has for an instance of this home, running or not.
async fn containers(engine: &Engine, world: &World) -> Vec<String> {
    let data = world.of("alice", "data").display().to_string();
    let all = engine.get("/containers/json?all=true").await.unwrap();
    let ids = all.as_array().unwrap().iter();
    let of_alice = ids.filter(|one| one["Mounts"].to_string().contains(&data));
    of_alice.map(|one| one["Id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn killed_anywhere_in_a_creation_there_is_one_container_and_the_same_token() {
    let steps = STEPS.iter().filter(|(_, made)| *made).map(|(step, _)| *step);
    for point in steps.chain(CONTAINER_STEPS) {
        let place = docker::place().await;
        let (world, engine) = (&place.world, place.engine.unwrap());
        ControlPlane::killed_at(world, point);
        let left = containers(engine, world).await;
        let recorded = world.records().await.instances().await.unwrap().remove(0);

        let fleet = world.open().await;
        let instance = settled(&fleet, "alice").await;
        assert!(is_running(&instance), "{point}: {instance:?}");
        let now = containers(engine, world).await;
        assert_eq!(now.len(), 1, "{point}: {now:?}");
        assert_eq!(place.life("alice").await.as_ref(), now.first(), "{point}");
        if point == "process released" {
            assert_eq!(now, left, "what ran goes on");
        }
        let token = fleet.endpoint(&id("alice")).unwrap().token;
        assert_eq!(token.sha256(), recorded.token_sha256, "{point}");
        let environment = get(&instance, "/env").await.unwrap();
        assert!(
            environment.contains(token.expose()),
            "{point}: its gateway has that token"
        );
        fleet.remove(&id("alice"), true).await.unwrap();
        assert_eq!(containers(engine, world).await, [""; 0], "{point}");
    }
}

#[tokio::test]
async fn the_next_control_plane_takes_over_the_same_container_and_what_it_said_meanwhile() {
    let place = docker::place().await;
    let world = &place.world;
    let mut control_plane = ControlPlane::up(world, "alice");
    assert_eq!(control_plane.line(), "creating");
    let line = control_plane.line();
    assert!(line.starts_with("alice running "), "{line}");
    let life = place.life("alice").await.unwrap();
    control_plane.kill_9();

    let port = world.records().await.instances().await.unwrap()[0].port;
    crate::support::get_from(port, "/say-environment").await.unwrap();
    let fleet = world.open().await;
    let adopted = fleet.get(&id("alice")).unwrap();
    assert_eq!((adopted.status, adopted.port), (Status::Running, Some(port)));
    assert_eq!(place.life("alice").await.as_ref(), Some(&life));
    assert!(adopted.started_at.is_some());
    let log = docker::log_with(&fleet, "OPENCLAW_GATEWAY_PORT=").await;
    assert_eq!(log.matches("fake gateway as").count(), 1, "each line once: {log}");

    // Its end is seen although this one did not start it.
    get(&adopted, "/crash").await;
    until(&fleet, "alice", |now| {
        is_running(now) && now.started_at != adopted.started_at
    })
    .await;
    let next = place.life("alice").await.unwrap();
    assert_ne!(next, life);
    assert_eq!(containers(place.engine.unwrap(), world).await, [next]);
    fleet.remove(&id("alice"), true).await.unwrap();
}

#[tokio::test]
async fn one_that_should_not_run_any_more_is_stopped() {
    let place = docker::place().await;
    let world = &place.world;
    ControlPlane::killed_at(world, "process released");
    let records = world.records().await;
    records
        .set_desired("alice", creel_fleet::Desired::Stopped)
        .await
        .unwrap();
    let fleet = world.open().await;
    until(&fleet, "alice", |now| now.status == Status::Stopped).await;
    assert_eq!(containers(place.engine.unwrap(), world).await, [""; 0]);
    fleet.remove(&id("alice"), true).await.unwrap();
}
