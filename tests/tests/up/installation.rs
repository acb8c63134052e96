//! Upstream is installed on first use, from an npm registry: whole, or not at all.

use std::path::PathBuf;

use creel_testkit::npm::{Fault, Registry};
use creel_tests::scripts::path;
use creel_tests::up::{Builder, Up};
use creel_tests::wait::until;
use serde_json::json;
use tempfile::TempDir;

const VERSION: &str = "1.2.3";

/// Stands in for upstream: ready, and nothing else.
const GATEWAY: &str = r#"
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ready": true}')
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"#;

/// A registry that has a Node and an OpenClaw, and a home that knows no other.
struct World {
    registry: Registry,
    /// npm's cache and settings.
    npm: TempDir,
}

impl World {
    async fn new() -> Self {
        let registry = Registry::start().await;
        let node = std::env::split_paths(path())
            .map(|directory| directory.join("node"))
            .find(|node| node.exists())
            .expect("there is a Node");
        // npm runs by the Node that was installed, so that one must be a real one but for the gateway.
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n*openclaw.mjs*) exec python3 \"${{0%/*}}/gateway.py\" \"$@\" ;;\nesac\nexec {} \"$@\"\n",
            node.display()
        );
        registry.publish("node", "24.21.0", &[("bin/node", &script), ("bin/gateway.py", GATEWAY)]);
        registry.publish("openclaw", VERSION, &[("openclaw.mjs", "")]);
        let npm = TempDir::new().unwrap();
        Self { registry, npm }
    }

    fn builder(&self) -> Builder {
        Up::builder()
            .env("PATH", path())
            .env("HOME", self.npm.path().to_str().unwrap())
            .env("npm_config_registry", self.registry.url())
            .env("npm_config_fetch_retries", "0")
            .env("npm_config_update_notifier", "false")
    }
}

fn upstream(id: &str) -> serde_json::Value {
    json!({"id": id, "runtime": "openclaw", "version": VERSION})
}

/// What is in the home of runtimes.
fn runtimes(up: &Up) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(up.home().join("runtimes")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn what_cannot_be_installed_is_said_and_leaves_nothing() {
    let world = World::new().await;
    let up = world.builder().start().await;
    let refused = up.post(
        "/api/instances",
        &json!({"id": "a", "runtime": "openclaw", "version": VERSION, "start": false}),
    );
    assert_eq!(refused.await.status, 201);
    for (fault, word) in [
        (Fault::Down, "npm install node@24 failed"),
        (Fault::WrongIntegrity, "EINTEGRITY"),
        (Fault::CutHalfWay, "npm install node@24 failed"),
    ] {
        world.registry.is(Some(fault));
        let failed = up.post("/api/instances/a/start", &json!({})).await;
        assert_eq!(failed.status, 502, "{fault:?}: {failed:?}");
        let said = failed.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            said.contains("cannot install the runtime openclaw 1.2.3") && said.contains(word),
            "{fault:?}: {said}"
        );
        assert!(said.contains("start the instance again"), "{said}");
        assert_eq!(up.show("a").await["status"], "error");
        until("nothing to be left", || async {
            runtimes(&up).is_empty().then_some(())
        })
        .await;
    }
    world.registry.is(None);
    let started = up.post("/api/instances/a/start", &json!({})).await.ok();
    assert_eq!(started["status"], "running", "{started:#}");
    assert_eq!(runtimes(&up), [up.home().join("runtimes/openclaw-1.2.3")]);
}

#[tokio::test]
async fn two_at_once_are_installed_once() {
    let world = World::new().await;
    let up = world.builder().start().await;
    let (one, two) = tokio::join!(up.create_with(upstream("a")), up.create_with(upstream("b")));
    assert_ne!(one.url, two.url);
    assert_eq!(
        (world.registry.downloads("openclaw"), world.registry.downloads("node")),
        (1, 1)
    );
    assert_eq!(runtimes(&up), [up.home().join("runtimes/openclaw-1.2.3")]);
}

#[tokio::test]
async fn what_a_killed_creel_began_is_begun_anew() {
    let world = World::new().await;
    let builder = world.builder();
    let left = builder
        .home()
        .join("runtimes/.openclaw-1.2.3.new/node_modules/openclaw");
    let up = builder.start().await;
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("package.json"), "{\"version\": \"1.2.3\"").unwrap();
    up.create_with(upstream("a")).await;
    assert_eq!(runtimes(&up), [up.home().join("runtimes/openclaw-1.2.3")]);
}
