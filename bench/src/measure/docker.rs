//! Instances in containers beside cells of upstream's own `openclaw fleet`, on the same engine: from asking for one until it serves, and
//! its memory at rest. A native instance, and the same image of upstream made by both. The images' sizes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use creel_testkit::docker::Engine;
use serde_json::{Value, json};

use super::{Bench, FIRST_PORT, Samples, fleet, free_port, median};
use crate::memory::{pss, settled};
use crate::peers::Runtime;
use crate::peers::control_plane::{ControlPlane, Surroundings};
use crate::peers::upstream_fleet::UpstreamFleet;
use crate::report::{Bar, Row};

const NATIVE_IMAGE: &str = "creel:bench";
const OPENCLAW_IMAGE: &str = "openclaw:bench";

/// Of some that were made one after another.
#[derive(Default)]
struct Found {
    create_ms: Vec<f64>,
    idle_mib: Vec<f64>,
}

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let modules = match (&bench.openclaw, why_not()) {
        (Some(Runtime::Openclaw(modules)), None) => modules,
        (_, reason) => {
            let reason = reason.unwrap_or("no upstream is installed");
            let row = Row::new("on Docker: create to ready, ms", f64::NAN, f64::NAN);
            return Ok(vec![row.note(format!("not measured: {reason}"))]);
        }
    };
    let rounds = if bench.quick { 1 } else { 3 };
    let engine = Engine::start_new();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    engine.native_image(&repository, bench.creel()?, NATIVE_IMAGE).await;
    engine.openclaw_image(modules, OPENCLAW_IMAGE).await;
    let (native_mb, openclaw_mb) = (size(&engine, NATIVE_IMAGE).await?, size(&engine, OPENCLAW_IMAGE).await?);
    let surroundings = Surroundings {
        docker_host: Some(engine.host()),
        ..Surroundings::default()
    };
    let directory = bench.home.path().join("docker");
    let plane = ControlPlane::start(bench.creel()?, surroundings, &directory, free_port(FIRST_PORT)?).await?;
    let cells = UpstreamFleet::new(modules, directory.join("cells"), engine.host())?;

    let (mut native, mut openclaw, mut upstream) = (Found::default(), Found::default(), Found::default());
    for _ in 0..rounds {
        native
            .add(&engine, create(&plane, "native", NATIVE_IMAGE).await?)
            .await?;
        plane.remove("i").await?;
        openclaw
            .add(&engine, create(&plane, "openclaw", OPENCLAW_IMAGE).await?)
            .await?;
        plane.remove("i").await?;
        upstream.add(&engine, cells.create("i", OPENCLAW_IMAGE).await?).await?;
        cells.remove("i").await?;
    }
    let of = |found: &Found| json!({"create_ms": found.create_ms, "idle_mib": found.idle_mib});
    samples.insert(
        "docker".into(),
        json!({
            "native": of(&native),
            "openclaw": of(&openclaw),
            "upstream_fleet": of(&upstream),
            "image_mb": {"native": native_mb, "openclaw": openclaw_mb},
        }),
    );
    let rows = [("on Docker", &native), ("on Docker, upstream made by Creel", &openclaw)].map(|(what, found)| {
        let row = |what: String, found: &[f64], beside: &[f64]| {
            Row::new(&what, median(found), median(beside)).note("beside: `openclaw fleet`".to_owned())
        };
        [
            row(
                format!("{what}: create to ready, ms"),
                &found.create_ms,
                &upstream.create_ms,
            ),
            row(
                format!("{what}: memory at rest, MiB PSS"),
                &found.idle_mib,
                &upstream.idle_mib,
            ),
        ]
    });
    let image = Row::new("on Docker: size of the image, MB", native_mb, openclaw_mb).bar(Bar::at_most(30.0));
    Ok(std::iter::once(image).chain(rows.into_iter().flatten()).collect())
}

/// What keeps an engine from being started here.
fn why_not() -> Option<&'static str> {
    let is_there = |program: &&str| {
        ["/usr/sbin", "/usr/bin", "/usr/local/bin"]
            .iter()
            .any(|path| Path::new(path).join(program).exists())
    };
    if !["dockerd", "docker"].iter().all(is_there) {
        Some("Docker is not installed (apt-get install docker.io)")
    } else if !rustix::process::geteuid().is_root() {
        Some("only root can start a container engine")
    } else {
        None
    }
}

/// What the engine says of an image, in 1,000,000 bytes.
async fn size(engine: &Engine, name: &str) -> anyhow::Result<f64> {
    let image = engine.get(&format!("/images/{name}/json")).await;
    let bytes = image.and_then(|image| image["Size"].as_f64());
    Ok(bytes.context("an image has a size")? / 1e6)
}

/// From asking for it until it runs.
async fn create(plane: &ControlPlane, runtime: &str, image: &str) -> anyhow::Result<Duration> {
    let request = json!({"id": "i", "driver": "docker", "runtime": runtime, "image": image});
    let caller = plane.connect().await?;
    let began = Instant::now();
    fleet::ready(caller, request).await?;
    Ok(began.elapsed())
}

impl Found {
    /// The one that runs now.
    async fn add(&mut self, engine: &Engine, took: Duration) -> anyhow::Result<()> {
        self.create_ms.push(took.as_secs_f64() * 1e3);
        let running = engine.get("/containers/json").await.unwrap_or(Value::Null);
        let running = running.as_array().map(Vec::as_slice).unwrap_or_default();
        ensure!(running.len() == 1, "{} containers run", running.len());
        let id = running[0]["Id"].as_str().context("an id")?;
        self.idle_mib.push(settled(|| pss(&in_container(id))).await);
        Ok(())
    }
}

/// The processes of a container, by their control groups, which carry its id.
fn in_container(id: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|groups| groups.contains(id)))
        .collect()
}
