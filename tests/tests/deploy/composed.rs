//! What compose is given, run on a real engine.

use std::fs;
use std::path::Path;

use creel_testkit::docker::Engine;
use creel_testkit::ports;
use creel_tests::binary::creel;
use creel_tests::http::{Call, client};
use creel_tests::up::Up;
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

use crate::{place, rendered};

const TOKEN: &str = "of-the-service";

/// As much of the system that the image is put together on as its Dockerfile asks for, of what this one has: there is no registry to
/// pull it from, and no archive to install from.
const PARTS: &str = r#"
set -eu
mkdir -p usr/bin usr/lib usr/lib64 etc/ssl/certs tmp
ln -s usr/bin bin && ln -s usr/lib lib && ln -s usr/lib64 lib64
for name in sh bash grep xargs install ldd cat; do
    program=$(readlink -f "$(command -v "$name")")
    cp "$program" "usr/bin/$name"
done
for program in "$1" usr/bin/*; do
    { ldd "$program" 2>/dev/null || true; } | grep -o '/[^ ]*' || true
done | sort -u | while read -r library; do install -D "$library" ".$library"; done
printf '#!/bin/sh\n' > usr/bin/apt-get
chmod +x usr/bin/apt-get
cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/
"#;

/// The root file system of the image that others are made on.
async fn base(program: &Path) -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    let mut parts = Command::new("sh");
    parts.args(["-c", PARTS, "parts"]).arg(program).current_dir(root.path());
    let made = parts.output().await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tar = Command::new("tar").args(["-c", "."]).current_dir(root.path()).output();
    tar.await.unwrap().stdout
}

#[tokio::test]
async fn compose_builds_the_gateway_runs_it_and_finds_it_healthy() {
    let engine = Engine::start_new();
    engine
        .import(base(creel()).await, "debian:bookworm-slim", "ENV PATH=/usr/bin")
        .await;
    let (_kept, path) = place();
    let port = ports::range();
    let publish = format!("127.0.0.1:{port}");
    let arguments = ["compose-gateway", "--publish", &publish, "--out", &path("")];
    rendered(&Up::builder(), &arguments).await;
    // So that nobody waits for half a minute.
    let text = fs::read_to_string(path("compose.yaml")).unwrap();
    let sooner = text.replace("interval: 30s", "interval: 1s");
    assert_ne!(sooner, text);
    fs::write(path("compose.yaml"), sooner).unwrap();
    fs::copy(creel(), path("creel")).unwrap();
    fs::create_dir(path("template")).unwrap();
    // Nobody is there: it goes on without.
    let config = json!({"multiTenant": {"enabled": true, "cloudBackendUrl": "http://127.0.0.1:1"}});
    fs::write(path("config.json"), config.to_string()).unwrap();

    let compose = async |arguments: &[&str]| {
        let mut command = Command::new("docker-compose");
        command
            .args(["-f", &path("compose.yaml"), "-p", "creel"])
            .args(arguments)
            .env("DOCKER_HOST", engine.host())
            .env("OPENCLAW_SERVICE_TOKEN", TOKEN);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    compose(&["up", "-d", "--build"]).await;
    let id = compose(&["ps", "-q"]).await;
    let container = format!("/containers/{id}/json");
    until("the container to be healthy", || async {
        let state = engine.get(&container).await?;
        (state["State"]["Health"]["Status"] == "healthy").then_some(())
    })
    .await;
    let stats = format!("http://{publish}/api/v1/multi-tenant/stats");
    let answer = Call::new(&client(), Method::GET, &stats, TOKEN).await.ok();
    assert_eq!(answer["total_users"], 0);
    compose(&["down", "-v"]).await;
    assert!(engine.get(&container).await.is_none());
}
