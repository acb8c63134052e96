//! What upstream needs for a channel comes from an npm registry: as it was pinned, or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use creel_testkit::npm::{Fault, Registry};
use creel_tests::scripts::{openclaw, path};
use creel_tests::up::Up;
use serde_json::{Value, json};
use tempfile::TempDir;

/// As `crates/fleet/src/channel/table.rs` pins it.
const PACKAGE: &str = "@openclaw/discord";
const VERSION: &str = "2026.9.6";
const INTEGRITY: &str =
    "sha512-EjlDGt3+bFDi1y62kPZpXuvITH7VOTXlEBhqpGDSqVfF7JgitYcfrH1X7fZMJ1VFURAljlhWDKBMt3VALlYPBQ==";

/// A registry that has a plugin of that name and version which is another one, and a control plane that knows no other registry.
struct World {
    registry: Registry,
    up: Up,
    /// npm's cache and settings.
    _npm: TempDir,
}

impl World {
    async fn new() -> Self {
        let registry = Registry::start().await;
        registry.publish(PACKAGE, VERSION, &[("index.js", "export default {}")]);
        let npm = TempDir::new().unwrap();
        let up = Up::builder()
            .env("PATH", path())
            .env("CREEL_OPENCLAW_CACHE", openclaw().to_str().unwrap())
            .env("HOME", npm.path().to_str().unwrap())
            .env("npm_config_registry", registry.url())
            .env("npm_config_fetch_retries", "0")
            // Seconds enough for whoever answers at all.
            .env("npm_config_fetch_timeout", "15000")
            .start()
            .await;
        let channels = json!([{"type": "discord", "config": {"token": "plum"}}]);
        let request = json!({"id": "a", "runtime": "openclaw", "channels": channels, "start": false});
        let made = up.post("/api/instances", &request).await;
        assert_eq!(made.status, 201, "{made:?}");
        Self {
            registry,
            up,
            _npm: npm,
        }
    }

    /// The one line that says why the instance cannot start, and that the command line prints.
    async fn refusal(&self) -> String {
        let failed = self.up.post("/api/instances/a/start", &json!({})).await;
        assert_eq!(failed.status, 502, "{failed:?}");
        let detail = failed.json()["detail"].as_str().unwrap().to_owned();
        // Below it are the last lines of the log.
        let detail = detail.lines().next().unwrap().to_owned();
        assert!(
            detail.contains(&format!("cannot install the plugin {PACKAGE} {VERSION}: ")),
            "{detail}"
        );
        assert!(!failed.json().to_string().contains("plum"), "{detail}");
        let shown = self.up.show("a").await;
        assert_eq!((&shown["status"], &shown["pid"]), (&json!("error"), &Value::Null));
        detail
    }

    /// Files of the instance that say what it is and what it has: its configuration, its variables, its plugins.
    fn kept(&self) -> Vec<(PathBuf, String)> {
        let root = self.up.home().join("instances/a");
        let mut kept: Vec<_> = ["data/openclaw.json", "instance.env", "data/creel-plugins"]
            .iter()
            .map(|name| (root.join(name), fs::read_to_string(root.join(name)).unwrap_or_default()))
            .collect();
        find(&root.join("data"), "package.json", &mut kept);
        kept
    }
}

fn find(directory: &Path, name: &str, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            find(&path, name, found);
        } else if entry.file_name() == name {
            found.push((path.clone(), fs::read_to_string(path).unwrap()));
        }
    }
}

#[tokio::test]
async fn a_registry_that_cannot_vouch_for_it_is_one_line_and_nothing_is_fetched() {
    let world = World::new().await;
    let before = world.kept();
    for (fault, said) in [
        (
            Some(Fault::Down),
            "npm view @openclaw/discord@2026.9.6 dist.integrity failed (exit status: 1): code E",
        ),
        (Some(Fault::Silent), "network timeout at: "),
        (Some(Fault::Failing), "500 Internal Server Error"),
        (Some(Fault::Garbage), "invalid json"),
        (
            Some(Fault::CutShort),
            "npm view @openclaw/discord@2026.9.6 dist.integrity failed",
        ),
        // Last: npm keeps what it was told, and believes it while nothing else can be had.
        (None, "the registry has another one of this version (sha512-"),
        (Some(Fault::WrongIntegrity), "and it is not installed"),
    ] {
        world.registry.is(fault);
        let detail = world.refusal().await;
        println!("{fault:?}: {detail}");
        assert!(detail.contains(said), "{fault:?}: {detail}");
        assert!(
            detail.contains("start the instance again") || detail.contains("it should be"),
            "{detail}"
        );
        assert_eq!(world.kept(), before);
    }
    assert_eq!(world.registry.downloads(PACKAGE), 0);
}

#[tokio::test]
async fn what_is_not_what_was_vouched_for_is_one_line_and_nothing_of_it_stays() {
    let world = World::new().await;
    world.registry.claim(PACKAGE, INTEGRITY);
    let before = world.kept();
    for (fault, said) in [
        (None, "what the registry sent is not what was vouched for (EINTEGRITY)"),
        (Some(Fault::CutHalfWay), "npm failed with "),
        (Some(Fault::WithoutTarballs), "npm failed with E500"),
    ] {
        world.registry.is(fault);
        let detail = world.refusal().await;
        println!("{fault:?}: {detail}");
        assert!(detail.contains(said), "{fault:?}: {detail}");
        assert!(detail.contains("start the instance again"), "{detail}");
        assert_eq!(world.kept(), before, "{fault:?}");
    }
    assert!(world.registry.downloads(PACKAGE) > 0);
}
