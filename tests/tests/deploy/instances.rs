//! Recorded instances, run by compose on a real engine in place of Creel.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use creel_testkit::docker::Engine;
use creel_tests::binary::{creel, repository};
use creel_tests::http::client;
use creel_tests::scripts::openclaw;
use creel_tests::up::Up;
use creel_tests::wait::until;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{judged, place};

const NATIVE: &str = concat!("creel:", env!("CARGO_PKG_VERSION"));
const UPSTREAM: &str = "ghcr.io/openclaw/openclaw:2026.9.6";
/// What upstream's image has of its system (Debian's), of what this one has; its packages and its Node are mounted.
const PARTS: &str = r#"
set -eu
mkdir -p usr/bin usr/lib usr/lib64 etc tmp node_modules
chmod 1777 tmp
ln -s usr/bin bin && ln -s usr/lib lib && ln -s usr/lib64 lib64
for name in sh cat flock; do cp "$(readlink -f "$(command -v "$name")")" "usr/bin/$name"; done
for program in "$1" usr/bin/*; do
    { ldd "$program" 2>/dev/null || true; } | grep -o '/[^ ]*' || true
done | sort -u | while read -r library; do install -D "$library" ".$library"; done
echo 'node:x:1000:1000::/home/node:/bin/sh' > etc/passwd
"#;

async fn upstream_image(engine: &Engine) {
    let root = tempfile::tempdir().unwrap();
    let mut parts = Command::new("sh");
    parts
        .args(["-c", PARTS, "parts"])
        .arg(openclaw().join("node_modules/node/bin/node"));
    let made = parts.current_dir(root.path()).output().await.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let tar = Command::new("tar").args(["-c", "."]).current_dir(root.path()).output();
    let path = "ENV PATH=/node_modules/node/bin:/usr/bin";
    engine.import(tar.await.unwrap().stdout, UPSTREAM, path).await;
}

/// An engine with both images, and a home with an instance of each runtime, and one that a container ran before.
async fn world() -> (Up, Engine) {
    let engine = Engine::start_new();
    engine.native_image(repository(), creel(), NATIVE).await;
    upstream_image(&engine).await;
    let up = Up::builder()
        .env("DOCKER_HOST", &engine.host())
        .env("CREEL_OPENCLAW_CACHE", openclaw().to_str().unwrap())
        .start()
        .await;
    let telegram = json!([{"type": "telegram", "config": {"botToken": "pl$um's"}}]);
    for request in [
        json!({"id": "native", "start": false, "channels": telegram}),
        json!({"id": "docker", "start": false, "driver": "docker", "cpus": 0.5}),
        json!({"id": "0e1", "start": false, "runtime": "openclaw", "memory_limit_bytes": 2_u64 << 30}),
    ] {
        let made = up.post("/api/instances", &request).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    up.post("/api/instances/docker/start", &json!({})).await.ok();
    up.post("/api/instances/docker/stop", &json!({})).await.ok();
    (up, engine)
}

/// `docker-compose` on the rendered file, with upstream's packages mounted into what stands in for its image.
async fn compose(engine: &Engine, directory: &str, arguments: &[&str]) -> (bool, String) {
    let modules = openclaw().join("node_modules");
    let more = json!({"services": {"0e1": {
        "working_dir": "/node_modules/openclaw",
        "volumes": [format!("{}:/node_modules:ro", modules.display())],
    }}});
    fs::write(format!("{directory}/more.yaml"), more.to_string()).unwrap();
    let files = ["compose.yaml", "more.yaml"].map(|name| format!("{directory}/{name}"));
    let mut command = Command::new("docker-compose");
    command
        .args(["-f", &files[0], "-f", &files[1], "-p", "creel"])
        .args(arguments);
    let output = command.env("DOCKER_HOST", engine.host()).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn compose_runs_what_is_recorded_and_creel_takes_it_back() {
    let (up, engine) = world().await;
    let (_kept, path) = place();
    let out = path("out");
    let written = up.creel_json(&["deploy", "render", "compose", "--out", &out]).await;
    assert_eq!(written["written"].as_array().unwrap().len(), 4, "{written}");
    let (held, said) = judged("docker-compose", &["-f", &path("out/compose.yaml"), "config"]).await;
    assert!(held, "{said}");
    for part in [
        "TZ: UTC",
        "LANG: C.UTF-8",
        "restart: unless-stopped",
        "/var/log/openclaw",
        "cpus: 0.5",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let text = fs::read_to_string(path("out/compose.yaml")).unwrap();
    let (done, said) = compose(&engine, &out, &["up", "-d"]).await;
    assert!(done, "{said}");

    for id in ["native", "docker", "0e1"] {
        let instance = up.show(id).await;
        let url = format!("{}/healthz", instance["url"].as_str().unwrap());
        until("an answer", || async {
            // Before it listens, the engine hangs up for it.
            let answer = client().get(&url).send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
        let container = engine.get(&format!("/containers/openclaw-{id}/json")).await.unwrap();
        hardened(&container, instance["port"].as_u64().unwrap());
        // Neither the file nor the engine tells what is secret; its own user alone reads it.
        let secrets = fs::metadata(path(&format!("out/secrets/{id}"))).unwrap();
        let user = container["Config"]["User"].as_str().unwrap().to_owned();
        assert_eq!(
            (secrets.mode() & 0o777, format!("{}:{}", secrets.uid(), secrets.gid())),
            (0o600, user)
        );
        let told = fs::read_to_string(path(&format!("out/secrets/{id}"))).unwrap();
        let words = told.split(|letter: char| !letter.is_ascii_alphanumeric());
        let token = words.into_iter().find(|word| word.len() == 64).unwrap();
        for secret in [token, "pl$um", "OPENCLAW_GATEWAY_TOKEN"] {
            assert!(
                !text.contains(secret) && !container.to_string().contains(secret),
                "{secret}"
            );
        }
        // Its log is its own.
        let log = up.home().join("instances").join(id).join("logs/gateway.log");
        until("its log", || async {
            (fs::metadata(&log).ok()?.len() > 0).then_some(())
        })
        .await;
        // Two gateways never write one directory.
        let refused = up.post(&format!("/api/instances/{id}/start"), &json!({})).await;
        assert_eq!(refused.status, 502, "{refused:?}");
        let said = refused.json()["detail"].to_string();
        assert!(
            said.contains("another process runs in its directory") && said.contains("down"),
            "{said}"
        );
    }
    let (done, said) = compose(&engine, &out, &["down"]).await;
    assert!(done, "{said}");
    for id in ["native", "docker"] {
        let started = up.post(&format!("/api/instances/{id}/start"), &json!({})).await.ok();
        assert_eq!(started["status"], "running", "{started:#}");
    }
    // And the other way round.
    let busy = up
        .creel_refuses(&["deploy", "render", "compose", "native", "docker", "--out", &path("b")])
        .await;
    let first = "`creel up` runs docker, native: `creel instance stop docker native` first";
    assert!(busy.0 == Some(2) && busy.1.contains(first), "{busy:?}");
    assert!(!fs::exists(path("b")).unwrap());
    // Who did not hear it is refused by the lock, even with a port that is free.
    let elsewhere = text.replace("\"127.0.0.1:", "\"127.0.0.2:");
    assert_ne!(elsewhere, text);
    fs::write(path("out/compose.yaml"), elsewhere).unwrap();
    let (done, said) = compose(&engine, &out, &["up", "-d", "native"]).await;
    assert!(done, "{said}");
    until("the refusal", || async {
        let (_, said) = compose(&engine, &out, &["logs", "native"]).await;
        said.contains("another process runs in this directory").then_some(())
    })
    .await;
    let (done, said) = compose(&engine, &out, &["down"]).await;
    assert!(done, "{said}");
}

fn hardened(container: &Value, port: u64) {
    let host = &container["HostConfig"];
    assert_eq!((&host["CapDrop"], &host["CapAdd"]), (&json!(["ALL"]), &json!(null)));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]));
    assert_eq!((&host["PidsLimit"], &host["Init"]), (&json!(512), &json!(true)));
    assert!(host["Memory"].as_u64().unwrap() >= 1 << 30);
    assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped");
    let is_native = container["Config"]["Image"] == NATIVE || host["ReadonlyRootfs"] == true;
    assert_eq!(
        is_native,
        container["Config"]["User"] == "65532:65532",
        "never root: {host:#}"
    );
    let published = &container["NetworkSettings"]["Ports"][format!("{port}/tcp")];
    assert_eq!(
        *published,
        json!([{"HostIp": "127.0.0.1", "HostPort": port.to_string()}])
    );
    let networks = container["NetworkSettings"]["Networks"].as_object().unwrap();
    assert_eq!(networks.len(), 1, "{networks:?}");
}

#[tokio::test]
async fn what_cannot_be_rendered_is_said_and_nothing_is_written() {
    let up = Up::start().await;
    let (_kept, path) = place();
    let out = path("out");
    let refused = async |arguments: &[&str], said: &str| {
        let words = [&["deploy", "render", "compose"], arguments].concat();
        let (code, line) = up.creel_refuses(&words).await;
        assert!(
            code == Some(2) && line.lines().count() == 1 && line.contains(said),
            "{line}"
        );
        assert!(!fs::exists(&out).unwrap() || fs::metadata(&out).unwrap().is_file());
    };
    refused(&["--out", &out], "no instances of this host are recorded; make one").await;
    up.create("alice").await;
    refused(
        &["bob", "--out", &out],
        "no instance \"bob\" is recorded; there are alice",
    )
    .await;
    refused(&["Bob"], "").await;
    refused(&["--home", &path("nowhere"), "--out", &out], "nothing is recorded in ").await;
    refused(&["--out", &out], "`creel instance stop alice` first").await;
    // Shown, with a warning.
    let shown = up.creel(&["deploy", "render", "compose", "alice"]).await;
    let warned = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(
        shown.status.success() && warned.contains("creel instance stop alice"),
        "{warned}"
    );
    assert!(String::from_utf8_lossy(&shown.stdout).contains("container_name: openclaw-alice"));
    up.post("/api/instances/alice/stop", &json!({})).await.ok();
    // One that is elsewhere keeps nobody from the others.
    let elsewhere = json!({"id": "carol", "driver": "railway", "image": "ghcr.io/acme/creel:1", "start": false});
    assert_eq!(up.post("/api/instances", &elsewhere).await.status, 201);
    refused(
        &["carol", "--out", &out],
        "\"carol\" runs elsewhere, by the driver railway",
    )
    .await;
    let shown = up.creel(&["deploy", "render", "compose"]).await;
    let [file, warned] = [&shown.stdout, &shown.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
    assert!(file.contains("openclaw-alice") && !file.contains("carol"), "{file}");
    assert!(warned.contains("carol: runs elsewhere"), "{warned}");
    assert!(up.creel(&["instance", "rm", "carol", "--purge"]).await.status.success());
    fs::write(&out, "mine").unwrap();
    refused(&["--out", &out], "is no directory").await;
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
    let own = up.home().join("templates/deploy");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("instance.yaml"), "\"{{id}}\":\n  image: {{imgae}}\n").unwrap();
    refused(
        &["--out", &path("b")],
        "instance.yaml:2:10: nothing is called {{imgae}}",
    )
    .await;
}
