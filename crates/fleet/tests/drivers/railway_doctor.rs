//! What the doctor says of instances on Railway, and what undoes it.

use creel_fleet::doctor::{Patient, Severity};
use creel_testkit::railway::{Deployment, Service};

use crate::railway::place;
use crate::support::{fake_creel, id, is_running, until};

#[tokio::test]
async fn the_doctor_says_what_undoes_each_change() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let recorder = place.recorder();
    let service =
        |change: &dyn Fn(&mut Service)| recorder.change(|account| change(&mut account.projects[0].services[0]));
    let remedy = async |line: &str| -> String {
        until(&fleet, "alice", |now| {
            now.drift.iter().any(|drift| drift.contains(line))
        })
        .await;
        let findings = fleet.examine().await.unwrap();
        let found = findings.into_iter().find(|finding| finding.what.contains(line));
        found.unwrap().remedy.unwrap().to_string()
    };
    let is_undone = async || {
        until(&fleet, "alice", |now| now.drift.is_empty() && is_running(now)).await;
    };

    // In Railway's dashboard alone.
    service(&|service| service.name = "web".to_owned());
    assert_eq!(
        remedy("is called \"web\"").await,
        "call it \"gateway\" again, in the service's settings in Railway's dashboard"
    );
    service(&|service| service.name = "gateway".to_owned());
    is_undone().await;
    let sleeps = |to: &'static str| service(&|service| service.deployments[0].status = to.to_owned());
    sleeps("SLEEPING");
    assert_eq!(
        remedy("to sleep").await,
        "switch serverless off, in the service's settings in Railway's dashboard"
    );
    sleeps("SUCCESS");
    is_undone().await;

    // By a restart.
    let port = creel_testkit::ports::range();
    let undo = async |change: &dyn Fn(&mut Service), line: &str| {
        service(change);
        assert_eq!(remedy(line).await, "creel instance restart alice");
        fleet.restart(&id("alice")).await.unwrap();
        is_undone().await;
    };
    undo(&|service| service.volume = None, "no volume at /data").await;
    undo(&|service| service.port = Some(port), "is reached at").await;
    let deploy = |service: &mut Service| {
        let own = service.deployments.last_mut().unwrap();
        let theirs = Deployment {
            id: "d-theirs".to_owned(),
            image: "docker.io/somebody/else:1".to_owned(),
            ..own.clone()
        };
        own.status = "REMOVED".to_owned();
        service.deployments.push(theirs);
    };
    undo(&deploy, "(d-theirs) was not deployed by creel").await;
    let account = recorder.account();
    let service = &account.projects[0].services[0];
    assert_eq!((service.volume.as_deref(), service.port), (Some("/data"), Some(port)));
    assert_eq!(service.deployments.last().unwrap().image, "ghcr.io/acme/creel:1");
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}

#[tokio::test]
async fn the_doctor_names_what_an_instance_on_railway_lacks() {
    let place = place().await;
    let fleet = place.world.open().await;
    let said = async || -> Vec<String> {
        let findings = fleet.examine().await.unwrap();
        let own = findings
            .iter()
            .filter(|finding| finding.subject == "railway" || finding.subject.contains("alice"));
        own.map(|finding| format!("{:?} {}", finding.severity, finding.what))
            .collect()
    };
    assert_eq!(said().await, [""; 0], "nothing is on Railway");
    place.running(&fleet, "alice").await;
    let model =
        "Warning it has no provider's key of its own, and the LLM Gateway of this host is out of its reach on Railway";
    assert_eq!(said().await, [model, "Ok the client railway 5.43.1 is signed in"]);
    place.world.set("alice", "OPENAI_API_KEY=sk-of-alice-alone");
    place.recorder().change(|account| account.signed_in = false);
    let said = said().await;
    assert!(
        said[0].starts_with(
            "Error instances on Railway cannot be started, stopped or looked at: the client `railway` is not signed in"
        ),
        "{said:?}"
    );
    assert!(!said.contains(&model.to_owned()), "{said:?}");
    place.recorder().change(|account| account.signed_in = true);
    until(&fleet, "alice", is_running).await;
    // As an earlier version wrote it, or somebody's hand.
    let mut record = place.world.records().await.instance("alice").await.unwrap().unwrap();
    record.image = Some("creel:0.1.0".into());
    let patient = Patient {
        home: place.world.path().to_owned(),
        records: vec![record],
        features: Vec::new(),
        creel_exe: fake_creel(),
        docker_host: None,
        openclaw_cache: None,
        is_supervised: false,
    };
    let findings = patient.examine().await.unwrap();
    let refused = findings
        .iter()
        .find(|finding| finding.what.code == "railway_image")
        .unwrap();
    assert_eq!(refused.severity, Severity::Error);
    assert!(
        refused
            .remedy
            .as_ref()
            .unwrap()
            .contains("`creel instance rm alice` and `creel instance create alice --keep-data --runtime native --driver railway --image ")
    );
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}
