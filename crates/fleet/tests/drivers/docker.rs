//! What is the container engine's alone.

use std::path::Path;

use creel_fleet::{CreateInstance, Driver, Fleet, LogQuery, Status};
use creel_testkit::docker::{self, Engine};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::suite::Place;
use crate::support::{PATIENCE, World, fake_creel, get, id, until};

const IMAGE: &str = concat!("creel:", env!("CARGO_PKG_VERSION"));

/// Podman, with the same. Where it is asked for there is a network of the tests' own.
pub async fn podman_place() -> Place {
    static READY: OnceCell<()> = OnceCell::const_new();
    let engine = docker::podman();
    READY.get_or_init(|| with_image(engine)).await;
    place_on(engine)
}

/// The engine of these tests, with the stand-in as the native image.
async fn engine() -> &'static Engine {
    static READY: OnceCell<()> = OnceCell::const_new();
    let engine = docker::engine();
    READY.get_or_init(|| with_image(engine)).await;
    engine
}

pub async fn with_image(engine: &Engine) {
    image(engine, &fake_creel(), IMAGE).await;
}

pub async fn image(engine: &Engine, program: &Path, name: &str) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    engine.native_image(&repository, program, name).await;
}

pub fn place_on(engine: &'static Engine) -> Place {
    let mut world = World::new();
    world.docker_host = Some(engine.host());
    Place {
        world,
        driver: Driver::Docker,
        engine: Some(engine),
        recorder: None,
    }
}

pub async fn place() -> Place {
    place_on(engine().await)
}

/// Its log, once it has this.
pub async fn log_with(fleet: &Fleet, wanted: &str) -> String {
    let mut lines = fleet.follow_logs(&id("alice"), LogQuery::tail(1000)).await.unwrap();
    let all = async {
        let mut all = String::new();
        while !all.contains(wanted) {
            all += &lines.next().await.unwrap().join("\n");
            all += "\n";
        }
        all
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap()
}

/// The container of an instance, by its labels.
pub async fn container(engine: &Engine, name: &str, world: &World) -> Option<Value> {
    let all = engine.get("/containers/json?all=true").await?;
    let data = world.of(name, "data").display().to_string();
    for found in all.as_array()? {
        let path = format!("/containers/{}/json", found["Id"].as_str()?);
        let Some(inspected) = engine.get(&path).await else {
            continue;
        };
        let mounts = inspected["Mounts"].as_array().cloned().unwrap_or_default();
        if mounts.iter().any(|mount| mount["Source"] == data.as_str()) {
            return Some(inspected);
        }
    }
    None
}

#[tokio::test]
async fn a_container_can_do_nothing_that_it_need_not_and_no_listing_has_its_secrets() {
    let place = place().await;
    let fleet = place.world.open().await;
    let instance = place.running(&fleet, "alice").await;
    assert!(
        instance
            .image
            .as_deref()
            .is_some_and(|image| image.starts_with(&format!("{IMAGE}@sha256:"))),
        "{instance:?}"
    );
    let container = container(engine().await, "alice", &place.world).await.unwrap();
    let host = &container["HostConfig"];
    assert_eq!((&host["CapDrop"], &host["CapAdd"]), (&json!(["ALL"]), &json!(null)));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!((&host["ReadonlyRootfs"], &host["Init"]), (&json!(true), &json!(true)));
    assert_eq!((&host["Memory"], &host["PidsLimit"]), (&json!(64 << 20), &json!(512)));
    assert_eq!(container["Config"]["User"], "65532:65532");
    let port = instance.port.unwrap();
    let published = &container["NetworkSettings"]["Ports"][format!("{port}/tcp")];
    assert_eq!(
        *published,
        json!([{"HostIp": "127.0.0.1", "HostPort": port.to_string()}])
    );
    let networks: Vec<&String> = container["NetworkSettings"]["Networks"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(networks, [container["Name"].as_str().unwrap().trim_start_matches('/')]);

    let token = fleet.endpoint(&id("alice")).unwrap().token;
    let environment = get(&instance, "/env").await.unwrap();
    for secret in [token.expose(), "sk-given-to-all"] {
        assert!(environment.contains(secret), "it knows it");
        assert!(
            !container.to_string().contains(secret),
            "and the engine does not tell it"
        );
    }
    fleet.remove(&id("alice"), true).await.unwrap();
    let networks = engine().await.get("/networks").await.unwrap().to_string();
    assert!(
        !networks.contains(container["Name"].as_str().unwrap().trim_start_matches('/')),
        "its network went too"
    );
}

#[tokio::test]
async fn a_container_of_the_same_name_is_left_alone() {
    let place = place().await;
    let engine = place.engine.unwrap();
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let ours = container(engine, "alice", &place.world).await.unwrap();
    let name = ours["Name"].as_str().unwrap().trim_start_matches('/').to_owned();
    fleet.stop(&id("alice")).await.unwrap();
    let body = json!({"Image": IMAGE, "Cmd": ["x"], "Labels": {"dev.creel.instance": "alice"}});
    let theirs = engine
        .act("POST", &format!("/containers/create?name={name}"), body)
        .await;

    let (reason, _) = crate::support::start_failure(fleet.start(&id("alice")).await);
    assert_eq!(
        reason,
        format!("docker: there is a container \"{name}\" that creel did not make; rename or remove it")
    );
    fleet.remove(&id("alice"), true).await.unwrap();
    let path = format!("/containers/{}", theirs["Id"].as_str().unwrap());
    assert!(
        engine.get(&format!("{path}/json")).await.is_some(),
        "it was not touched"
    );
    engine.act("DELETE", &path, Value::Null).await;
}

#[tokio::test]
async fn a_container_that_was_removed_is_shown_and_not_made_again_until_someone_asks() {
    let place = place().await;
    let engine = place.engine.unwrap();
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let life = place.life("alice").await.unwrap();
    engine
        .act("DELETE", &format!("/containers/{life}?force=true"), Value::Null)
        .await;
    let shown = until(&fleet, "alice", |now| {
        now.status == Status::Error && !now.drift.is_empty()
    })
    .await;
    assert_eq!(shown.drift, ["what ran it in docker was removed behind creel's back"]);
    assert_eq!(place.life("alice").await, None);
    let again = fleet.start(&id("alice")).await.unwrap();
    assert_eq!(again.drift, [""; 0]);
    fleet.remove(&id("alice"), true).await.unwrap();
}

#[tokio::test]
async fn an_image_that_is_not_there_is_said() {
    let place = place().await;
    let fleet = place.world.open().await;
    // Of a registry that refuses at once: no name server is asked, which may take its time.
    let closed = creel_testkit::ports::Closed::any();
    let wanted = format!("{}/creel:9", closed.address());
    let new = CreateInstance {
        image: Some(wanted.clone()),
        ..place.wanted("alice")
    };
    fleet.create(new).await.unwrap();
    let failed = until(&fleet, "alice", |now| now.status == Status::Error).await;
    let reason = failed.error.unwrap();
    assert!(
        reason.starts_with(&format!("docker: the image {wanted} is not here and cannot be pulled")),
        "{reason}"
    );
    fleet.remove(&id("alice"), true).await.unwrap();
}
