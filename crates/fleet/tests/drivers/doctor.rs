//! What the doctor says of containers, on a real engine, after somebody has tampered with them.

use creel_fleet::doctor::{Check, Finding, Patient, Severity};
use creel_fleet::{CreateInstance, Fleet, Status};
use creel_records::InstanceRecord;
use creel_testkit::docker::Engine;
use serde_json::{Value, json};

use crate::docker::{container, place};
use crate::suite::Place;
use crate::support::{World, fake_creel, id, until};

/// Of these checks, what is worse than ok.
fn complaints(findings: &[Finding]) -> Vec<&Finding> {
    let of_instances = [
        Check::Hardening,
        Check::Ports,
        Check::Permissions,
        Check::Drift,
        Check::Versions,
    ];
    let worse = |finding: &&Finding| of_instances.contains(&finding.check) && finding.severity != Severity::Ok;
    findings.iter().filter(worse).collect()
}

fn one<'a>(findings: &'a [Finding], code: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.what.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {findings:#?}"))
}

/// Their codes.
fn codes(findings: &[Finding]) -> Vec<&str> {
    let mut codes: Vec<&str> = complaints(findings).iter().map(|finding| finding.what.code).collect();
    codes.sort_unstable();
    codes
}

/// As `creel doctor` finds where no control plane runs.
async fn without_up(world: &World) -> Vec<Finding> {
    alone(world, world.records().await.instances().await.unwrap()).await
}

async fn alone(world: &World, records: Vec<InstanceRecord>) -> Vec<Finding> {
    let patient = Patient {
        home: world.path().canonicalize().unwrap(),
        records,
        features: Vec::new(),
        creel_exe: fake_creel(),
        docker_host: world.docker_host.clone(),
        openclaw_cache: None,
        is_supervised: false,
    };
    patient.examine().await.unwrap()
}

/// Stops the instance and puts a container of the same name and labels in its place, otherwise made.
async fn replaced(place: &Place, fleet: &Fleet, otherwise: impl FnOnce(&mut Value)) -> String {
    let engine = place.engine.unwrap();
    let ours = container(engine, "alice", &place.world).await.unwrap();
    let name = name_of(&ours);
    let mut body = ours["Config"].clone();
    body["HostConfig"] = ours["HostConfig"].clone();
    // Nobody feeds it: it waits for its standard input, which is what a test needs of it.
    body["StdinOnce"] = json!(false);
    otherwise(&mut body);
    fleet.stop(&id("alice")).await.unwrap();
    if engine.get(&format!("/networks/{name}")).await.is_none() {
        let network = json!({"Name": name, "Labels": body["Labels"]});
        engine.act("POST", "/networks/create", network).await;
    }
    made(engine, &name, body).await;
    name
}

async fn made(engine: &Engine, name: &str, body: Value) -> String {
    let made = engine
        .act("POST", &format!("/containers/create?name={name}"), body)
        .await;
    let made = made["Id"].as_str().unwrap().to_owned();
    engine
        .act("POST", &format!("/containers/{made}/start"), Value::Null)
        .await;
    made
}

fn name_of(container: &Value) -> String {
    container["Name"].as_str().unwrap().trim_start_matches('/').to_owned()
}

async fn removed(engine: &Engine, name: &str) {
    let path = format!("/containers/{name}?force=true");
    engine.act("DELETE", &path, Value::Null).await;
}

#[tokio::test]
async fn a_container_as_creel_makes_it_has_nothing_to_complain_of() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    for findings in [fleet.examine().await.unwrap(), without_up(&place.world).await] {
        assert_eq!(codes(&findings), [""; 0], "{findings:#?}");
        let confined = one(&findings, "confined");
        for said in [
            "no capabilities",
            "no new privileges",
            "a root file system that it can only read",
            "a user without privileges",
            "a network of its own",
            "memory 64 MiB",
            "512 processes",
            "a port for this host alone",
        ] {
            assert!(confined.what.contains(said), "{said}: {confined:?}");
        }
        let engine = one(&findings, "engine");
        assert_eq!((engine.severity, engine.subject.as_str()), (Severity::Ok, "docker"));
    }
    fleet.remove(&id("alice"), true).await.unwrap();
}

#[tokio::test]
async fn a_privileged_container_under_its_name_is_an_error_for_each_thing_it_may() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let name = replaced(&place, &fleet, |body| {
        let port = body["HostConfig"]["PortBindings"]
            .as_object()
            .unwrap()
            .keys()
            .next()
            .unwrap()
            .clone();
        body["HostConfig"] = json!({
            "Privileged": true,
            "PidMode": "host",
            "NetworkMode": "host",
            "Binds": ["/etc:/host-etc"],
            "PortBindings": {port: [{"HostIp": "0.0.0.0", "HostPort": "0"}]},
        });
    })
    .await;
    let findings = fleet.examine().await.unwrap();
    let expected = [
        "capabilities",
        "may_gain_privileges",
        "memory_unlimited",
        "network_of_others",
        "no_init",
        "privileged",
        "processes_uncounted",
        "published",
        "reaches_files",
        "shares_namespaces",
        "stopped_and_container",
        "writable_root",
    ];
    for code in expected {
        let finding = one(&findings, code);
        assert_eq!(
            (finding.severity, finding.subject.as_str()),
            (Severity::Error, "instance alice")
        );
        assert!(finding.remedy.is_some(), "{finding:?}");
    }
    assert_eq!(one(&findings, "published").check, Check::Ports);
    assert!(one(&findings, "reaches_files").what.ends_with(": /etc"));
    let limits = findings.iter().filter(|finding| finding.what.code == "changed_behind");
    assert!(
        limits.count() >= 2,
        "limits that it was made with are gone: {findings:#?}"
    );
    assert!(findings.iter().all(|finding| finding.what.code != "as_recorded"));
    removed(place.engine.unwrap(), &name).await;
    fleet.remove(&id("alice"), true).await.unwrap();
}

#[tokio::test]
async fn a_port_for_everybody_and_limits_taken_away_are_errors_and_nothing_else_is() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let name = replaced(&place, &fleet, |body| {
        let host = &mut body["HostConfig"];
        for bindings in host["PortBindings"].as_object_mut().unwrap().values_mut() {
            *bindings = json!([{"HostIp": "0.0.0.0", "HostPort": bindings[0]["HostPort"]}]);
        }
        for limit in ["Memory", "MemorySwap", "PidsLimit"] {
            host[limit] = json!(0);
        }
    })
    .await;
    let findings = fleet.examine().await.unwrap();
    let expected = [
        "changed_behind",
        "changed_behind",
        "memory_unlimited",
        "processes_uncounted",
        "published",
        "stopped_and_container",
    ];
    assert_eq!(codes(&findings), expected, "{findings:#?}");
    let published = one(&findings, "published");
    assert!(published.what.contains("0.0.0.0:"), "{published:?}");
    removed(place.engine.unwrap(), &name).await;
    fleet.remove(&id("alice"), true).await.unwrap();
}

#[tokio::test]
async fn records_and_containers_without_each_other_are_found_and_a_strangers_is_named() {
    let place = place().await;
    let engine = place.engine.unwrap();
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let ours = container(engine, "alice", &place.world).await.unwrap();
    let name = name_of(&ours);

    // One of this home of which no record speaks.
    let mut body = ours["Config"].clone();
    body["Labels"]["dev.creel.instance"] = json!("ghost");
    let ghost = name.replace("alice", "ghost");
    made(engine, &ghost, body).await;
    let findings = fleet.examine().await.unwrap();
    let found = one(&findings, "container_runs_unrecorded");
    assert_eq!((found.severity, found.check), (Severity::Error, Check::Drift));
    assert!(
        found.what.contains(&ghost)
            && found
                .remedy
                .as_ref()
                .unwrap()
                .contains(&format!("docker rm -f {ghost}"))
    );
    engine
        .act("POST", &format!("/containers/{ghost}/kill"), Value::Null)
        .await;
    engine
        .act("POST", &format!("/containers/{ghost}/wait"), Value::Null)
        .await;
    let findings = fleet.examine().await.unwrap();
    assert_eq!(one(&findings, "container_unrecorded").severity, Severity::Warning);
    engine
        .act("DELETE", &format!("/containers/{ghost}?force=true"), Value::Null)
        .await;

    // A record without its container, and a stranger in its place.
    fleet.stop(&id("alice")).await.unwrap();
    let stranger = json!({"Image": ours["Image"], "Entrypoint": ours["Config"]["Entrypoint"], "OpenStdin": true, "HostConfig": {"Privileged": true}});
    made(engine, &name, stranger).await;
    let findings = fleet.examine().await.unwrap();
    assert_eq!(codes(&findings), ["container_anothers"], "{findings:#?}");
    engine
        .act("DELETE", &format!("/containers/{name}?force=true"), Value::Null)
        .await;
    fleet.start(&id("alice")).await.unwrap();
    let life = place.life("alice").await.unwrap();
    let before = place.world.records().await.instances().await.unwrap();
    engine
        .act("DELETE", &format!("/containers/{life}?force=true"), Value::Null)
        .await;
    until(&fleet, "alice", |now| now.status == Status::Error).await;
    assert_eq!(codes(&fleet.examine().await.unwrap()), ["should_run"]);
    // As it is where the control plane ended before the container did.
    let findings = alone(&place.world, before).await;
    assert_eq!(codes(&findings), ["no_container"], "{findings:#?}");
    let remedy = &one(&findings, "no_container").remedy;
    assert_eq!(remedy.as_deref(), Some("creel up"));
    fleet.remove(&id("alice"), true).await.unwrap();
}

#[tokio::test]
async fn an_image_that_is_gone_or_not_pinned_is_a_warning() {
    let place = place().await;
    let fleet = place.world.open().await;
    let wanted = CreateInstance {
        start: false,
        image: Some(format!("nobody.invalid/creel@sha256:{}", "0".repeat(64))),
        ..place.wanted("alice")
    };
    fleet.create(wanted).await.unwrap();
    let findings = fleet.examine().await.unwrap();
    let gone = one(&findings, "image_not_there");
    assert_eq!((gone.severity, gone.check), (Severity::Warning, Check::Versions));
    place.running(&fleet, "bob").await;
    assert_eq!(
        codes(&fleet.examine().await.unwrap()),
        ["image_not_there"],
        "bob's is there"
    );
    for name in ["alice", "bob"] {
        fleet.remove(&id(name), true).await.unwrap();
    }
}

#[tokio::test]
async fn no_engine_is_an_error_for_those_who_need_it_and_nothing_for_others() {
    let mut world = World::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let socket = elsewhere.path().join("docker.sock");
    world.docker_host = Some(format!("unix://{}", socket.display()));
    let fleet = world.open().await;
    assert_eq!(
        one(&fleet.examine().await.unwrap(), "engine_unneeded").severity,
        Severity::Ok
    );
    let wanted = CreateInstance {
        driver: creel_fleet::Driver::Docker,
        start: false,
        ..CreateInstance::new(id("alice"))
    };
    fleet.create(wanted).await.unwrap();
    for findings in [fleet.examine().await.unwrap(), without_up(&world).await] {
        let away = one(&findings, "engine_away");
        assert_eq!(away.severity, Severity::Error);
        assert!(
            away.what
                .contains(&format!("Docker does not answer on {}", socket.display())),
            "{away:?}"
        );
        assert_eq!(away.remedy.as_ref().map(|remedy| remedy.code), Some("engine_start"));
    }
    // A stranger on the socket.
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 4096];
            let _ = stream.read(&mut question).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .await;
        }
    });
    let findings = fleet.examine().await.unwrap();
    let away = one(&findings, "engine_away");
    assert!(away.what.contains("is no container engine"), "{away:?}");
    assert_eq!(away.remedy.as_ref().map(|remedy| remedy.code), Some("engine_instead"));
}
