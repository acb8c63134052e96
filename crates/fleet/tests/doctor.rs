//! What the doctor finds, and that it finds nothing where nothing is wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

#[expect(dead_code, reason = "the files of tests share it, each uses a part")]
mod support;

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use creel_fleet::doctor::{Check, Finding, Patient, Severity};
use creel_fleet::{CreateInstance, Fleet, features_without_a_fleet};
use creel_records::{DatabaseUrl, Instances as _, SqlRecords};
use support::{World, fake_creel, id, running, until};

async fn found(fleet: &Fleet) -> Vec<Finding> {
    fleet.examine().await.unwrap()
}

/// What is said of a check that is worse than ok, but not of the host: that is the machine's.
fn complaints(findings: &[Finding], check: Check) -> Vec<(Severity, String)> {
    findings
        .iter()
        .filter(|finding| finding.check == check && finding.severity != Severity::Ok)
        .map(|finding| (finding.severity, format!("{}: {}", finding.subject, finding.what)))
        .collect()
}

fn one(findings: &[Finding], check: Check, part: &str) -> Finding {
    let said = |finding: &&Finding| finding.check == check && finding.what.contains(part);
    findings
        .iter()
        .find(said)
        .unwrap_or_else(|| panic!("{part:?} is not in {findings:#?}"))
        .clone()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_is_as_it_should_be_is_said_with_what_confines_it() {
    let world = World::new();
    let fleet = world.open().await;
    running(&fleet, "alice").await;
    let findings = found(&fleet).await;
    for check in [Check::Ports, Check::Permissions, Check::Drift, Check::Versions] {
        assert_eq!(complaints(&findings, check), [], "{check:?}");
    }
    let hardening = one(&findings, Check::Hardening, "confined: ");
    assert_eq!(hardening.subject, "instance alice");
    assert!(hardening.what.contains("no new privileges"), "{hardening:?}");
    for feature in fleet.host_features() {
        let said = match feature.name {
            "landlock" => "its own files and port by Landlock",
            "mounts" => "mounts of its own",
            "memory" => "memory 1024 MiB",
            "pids" => "512 processes",
            _ => continue,
        };
        assert_eq!(
            hardening.what.contains(said),
            feature.available,
            "{said}: {hardening:?}"
        );
        if !feature.available {
            let named = format!(": {}", feature.detail);
            assert_eq!(one(&findings, Check::Hardening, &named).severity, Severity::Warning);
        }
    }
    let order: Vec<Severity> = findings.iter().map(|finding| finding.severity).collect();
    assert!(order.is_sorted(), "the worst comes first");
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_process_that_a_start_would_confine_better_is_an_error() {
    let world = World::new();
    let fleet = world.open().await;
    running(&fleet, "alice").await;
    let note = world.of("alice", "confinement");
    let text = fs::read_to_string(&note).unwrap();
    fs::write(&note, text.replace("\"full\"", "\"none\"")).unwrap();
    let finding = one(&found(&fleet).await, Check::Hardening, "not confined to its own files");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.remedy.as_deref(), Some("creel instance restart alice"));
    // A note of another process says nothing of this one.
    fs::write(&note, text.replace("\"started\":", "\"started\":1")).unwrap();
    one(&found(&fleet).await, Check::Hardening, "left no note");
    fleet.shutdown().await;
}

#[tokio::test]
async fn who_else_could_read_it_is_said_with_the_command_that_ends_it() {
    let world = World::new();
    let fleet = world.open().await;
    running(&fleet, "alice").await;
    let home = world.path().canonicalize().unwrap();
    mode(&home.join("secrets/master.key"), 0o640);
    mode(&world.of("alice", "instance.env"), 0o604);
    mode(&world.of("alice", "logs"), 0o750);
    let findings = found(&fleet).await;
    let key = one(
        &findings,
        Check::Permissions,
        "master.key is open to others (mode 0640)",
    );
    let command = format!("chmod 0600 '{}'", home.join("secrets/master.key").display());
    assert_eq!(
        (key.severity, key.remedy.as_deref()),
        (Severity::Error, Some(&*command))
    );
    assert_eq!(
        one(&findings, Check::Permissions, "instance.env").severity,
        Severity::Error
    );
    assert_eq!(
        one(&findings, Check::Permissions, "logs is open").severity,
        Severity::Warning
    );
    mode(&home.join("secrets/master.key"), 0o600);
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_root_lent_to_a_container_is_its_own_again_at_the_next_start() {
    const CONTAINERS_USER: u32 = 65532;
    let world = World::new();
    let fleet = world.open().await;
    running(&fleet, "alice").await;
    fleet.stop(&id("alice")).await.unwrap();
    let data = world.of("alice", "data");
    if std::os::unix::fs::chown(&data, Some(CONTAINERS_USER), None).is_err() {
        // Who is not root lends nothing.
        return;
    }
    assert_eq!(complaints(&found(&fleet).await, Check::Permissions), []);
    fleet.start(&id("alice")).await.unwrap();
    assert_eq!(complaints(&found(&fleet).await, Check::Permissions), []);
    // Nobody lent it now: a process runs there.
    std::os::unix::fs::chown(&data, Some(CONTAINERS_USER), None).unwrap();
    let findings = found(&fleet).await;
    let anothers = one(&findings, Check::Permissions, "belongs to user 65532");
    assert_eq!(anothers.severity, Severity::Error);
    fleet.shutdown().await;
}

/// Holds the instance's lock as a container does that a compose file describes, until its standard input is closed.
fn contained(lock: &Path) -> Child {
    let mut container = Command::new("unshare");
    container.args(["--user", "--map-root-user", "--pid", "--fork", "flock"]);
    container.arg(lock).args(["sh", "-c", "echo held; exec cat"]);
    let mut container = container.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 5];
    container.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(said, *b"held\n");
    container
}

/// The port of alice, who does not run.
async fn stopped_with_a_port(fleet: &Fleet) -> u16 {
    let port = creel_testkit::ports::range();
    let made = CreateInstance {
        port: Some(port),
        start: false,
        ..CreateInstance::new(id("alice"))
    };
    fleet.create(made).await.unwrap();
    port
}

#[tokio::test]
async fn one_that_compose_runs_is_noted_and_is_no_error() {
    let world = World::new();
    let fleet = world.open().await;
    let port = stopped_with_a_port(&fleet).await;
    let mut container = contained(&world.of("alice", "lock"));
    let _published = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let findings = found(&fleet).await;
    let note = one(&findings, Check::Drift, "run by compose");
    assert_eq!((note.severity, note.what.code), (Severity::Ok, "run_by_compose"));
    let remedy = note.remedy.as_deref().unwrap();
    assert!(
        remedy.contains("`docker compose down`") && remedy.contains("`creel instance start alice`"),
        "{remedy}"
    );
    assert_eq!(complaints(&findings, Check::Drift), []);
    assert_eq!(complaints(&findings, Check::Ports), [], "its port is its own");

    // Who should run here is another matter.
    fleet.start(&id("alice")).await.unwrap_err();
    let error = one(&found(&fleet).await, Check::Drift, "creel should run it");
    assert_eq!(error.severity, Severity::Error);
    drop(container.stdin.take());
    container.wait().unwrap();
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_port_that_another_program_has_is_found() {
    let world = World::new();
    let fleet = world.open().await;
    let port = stopped_with_a_port(&fleet).await;
    assert_eq!(complaints(&found(&fleet).await, Check::Ports), []);
    let _stranger = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let finding = one(
        &found(&fleet).await,
        Check::Ports,
        &format!("another program listens on its port {port}"),
    );
    assert_eq!(finding.severity, Severity::Warning, "it need not run");
    fleet.start(&id("alice")).await.unwrap_err();
    let finding = one(&found(&fleet).await, Check::Ports, "another program listens");
    assert_eq!(finding.severity, Severity::Error, "it should");
    fleet.shutdown().await;
}

#[tokio::test]
async fn what_was_changed_behind_its_back_is_found() {
    let world = World::new();
    let fleet = world.open().await;
    running(&fleet, "alice").await;
    for name in ["bob", "carol"] {
        let made = CreateInstance {
            start: false,
            ..CreateInstance::new(id(name))
        };
        fleet.create(made).await.unwrap();
    }
    fs::write(world.of("alice", "data/openclaw.json"), "{\n  gateway: {,\n}").unwrap();
    fs::remove_dir_all(world.of("bob", "")).unwrap();
    fs::create_dir(world.of("ghost", "")).unwrap();
    let findings = found(&fleet).await;
    assert_eq!(
        one(&findings, Check::Drift, "data/openclaw.json:2:").subject,
        "instance alice"
    );
    let gone = one(&findings, Check::Drift, "is gone");
    assert_eq!(
        (gone.subject.as_str(), gone.severity),
        ("instance bob", Severity::Error)
    );
    assert_eq!(
        one(&findings, Check::Drift, "data of removed instances is kept: ghost").severity,
        Severity::Ok
    );
    fs::write(world.of("", "").join("../secrets/master.key"), [7; 32]).unwrap();
    let sealed = one(
        &found(&fleet).await,
        Check::Drift,
        "does not open with secrets/master.key",
    );
    assert!(sealed.remedy.unwrap().contains("creel instance token"));
    fleet.shutdown().await;
}

#[tokio::test]
async fn without_a_control_plane_it_tells_what_files_and_processes_tell() {
    let world = World::new();
    let fleet = world.open().await;
    let alice = running(&fleet, "alice").await;
    fleet.stop(&id("alice")).await.unwrap();
    until(&fleet, "alice", |instance| instance.pid.is_none()).await;
    fleet.shutdown().await;
    drop(fleet);
    let records = SqlRecords::look(&DatabaseUrl::file(world.path().join("creel.db")))
        .await
        .unwrap();
    let engine = tempfile::tempdir().unwrap();
    let patient = Patient {
        home: world.path().canonicalize().unwrap(),
        records: records.instances().await.unwrap(),
        features: features_without_a_fleet(&fake_creel()).await,
        creel_exe: fake_creel(),
        docker_host: Some(format!("unix://{}/none.sock", engine.path().display())),
        openclaw_cache: None,
        is_supervised: false,
    };
    let examined = async || patient.clone().examine().await.unwrap();
    assert_eq!(complaints(&examined().await, Check::Ports), []);
    let _stranger = TcpListener::bind(("127.0.0.1", alice.port.unwrap())).unwrap();
    let finding = one(&examined().await, Check::Ports, "its next start takes another");
    assert_eq!(finding.severity, Severity::Warning);
    fs::create_dir(world.of(".new-dave", "")).unwrap();
    one(&examined().await, Check::Drift, "left of a creation that was cut off");
}
