//! The control plane: its start and its memory, instances made one, ten and a hundred at once until they serve, and what a thousand
//! recorded ones cost whoever lists them or follows their changes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{Bench, FIRST_PORT, Samples, free_port, median};
use crate::memory::{pss, settled};
use crate::peers::control_plane::{Caller, ControlPlane, Surroundings};
use crate::report::{Bar, Row};

/// How many at once, and how often.
const AT_ONCE: [(usize, usize); 3] = [(1, 10), (10, 5), (100, 3)];
const RECORDED: usize = 1_000;
/// Connections over which these are made.
const MAKERS: usize = 16;
const ROUNDS: usize = 20;
/// What is not running by then failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let directory = bench.home.path().join("plane");
    let mut starts = Vec::new();
    for _ in 0..if bench.quick { 3 } else { 10 } {
        starts.push(ms(start(bench, &directory).await?.ready_after));
    }
    rows.push(Row::new("control plane: start to ready, ms", median(&starts), f64::NAN).bar(Bar::at_most(100.0)));
    let plane = start(bench, &directory).await?;
    let mib = settled(|| pss(&plane.process.tree())).await;
    rows.push(Row::new("control plane: memory at rest, MiB PSS", mib, f64::NAN).bar(Bar::at_most(30.0)));

    let mut all = json!({"start_ms": starts, "idle_mib": mib});
    for (number, rounds) in AT_ONCE {
        let mut took = Vec::new();
        for _ in 0..if bench.quick { 1 } else { rounds } {
            took.push(ms(create(&plane, number).await?));
        }
        let what = format!("create to ready, {number} at once, ms");
        rows.push(Row::new(&what, median(&took), f64::NAN));
        all[format!("create_{number}_ms")] = json!(took);
    }
    rows.extend(recorded(&plane, &mut all).await?);
    samples.insert("fleet".into(), all);
    Ok(rows)
}

async fn start(bench: &Bench, directory: &Path) -> anyhow::Result<ControlPlane> {
    ControlPlane::start(
        bench.creel()?,
        Surroundings::default(),
        directory,
        free_port(FIRST_PORT)?,
    )
    .await
}

/// From the first request to the last instance that serves; they are gone afterwards.
async fn create(plane: &ControlPlane, number: usize) -> anyhow::Result<Duration> {
    let mut callers = Vec::with_capacity(number);
    for _ in 0..number {
        callers.push(plane.connect().await?);
    }
    let began = Instant::now();
    let made = callers
        .into_iter()
        .enumerate()
        .map(|(index, caller)| ready(caller, json!({"id": format!("i{index}")})));
    let ids = try_join_all(made).await?;
    let took = began.elapsed();
    let request = json!({"action": "remove", "ids": ids, "purge": true});
    let answer = plane
        .connect()
        .await?
        .ask("POST", "/api/bulk/instances", &request)
        .await?;
    let answer = answer.json();
    let failed = answer["results"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["ok"] != true);
    ensure!(failed.is_none(), "not removed: {failed:?}");
    Ok(took)
}

/// Makes one as it is asked for, and waits until it runs. Gives its id.
pub async fn ready(mut caller: Caller, request: Value) -> anyhow::Result<String> {
    let made = caller.ask("POST", "/api/instances", &request).await?;
    let id = made.json()["instance"]["id"].as_str().unwrap_or_default().to_owned();
    let mut status = made.json()["instance"]["status"].clone();
    let began = Instant::now();
    // The answer waits for a while by itself; under a crowd that may not do.
    while status != "running" {
        ensure!(status != "error" && began.elapsed() < PATIENCE, "{id} is {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
        let shown = caller.ask("GET", &format!("/api/instances/{id}"), &Value::Null).await?;
        status = shown.json()["status"].clone();
    }
    Ok(id)
}

/// With a thousand that are recorded and do not run.
async fn recorded(plane: &ControlPlane, all: &mut Value) -> anyhow::Result<Vec<Row>> {
    let made = (0..MAKERS).map(|maker| async move {
        let mut caller = plane.connect().await?;
        for number in (maker..RECORDED).step_by(MAKERS) {
            let request = json!({"id": format!("r{number}"), "start": false});
            caller.ask("POST", "/api/instances", &request).await?;
        }
        anyhow::Ok(())
    });
    try_join_all(made).await?;
    let mut caller = plane.connect().await?;
    let mut events = plane.events().await?;
    let (mut lists, mut changes, mut bytes) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let list = caller.ask("GET", "/api/instances", &Value::Null).await?;
        let listed = list.json()["instances"].as_array().map_or(0, Vec::len);
        ensure!(listed == RECORDED, "{listed} are listed");
        bytes = list.body.len();
        lists.push(ms(list.took));

        let name = format!("name of round {round};");
        let began = Instant::now();
        caller
            .ask("PATCH", "/api/instances/r500", &json!({"name": name}))
            .await?;
        events.until(&name).await?;
        changes.push(ms(began.elapsed()));
    }
    let mib = settled(|| pss(&plane.process.tree())).await;
    all["list_ms"] = json!(lists);
    all["change_ms"] = json!(changes);
    all["recorded_mib"] = json!(mib);
    let of = |what: &str, value: f64| Row::new(&format!("1,000 instances recorded: {what}"), value, f64::NAN);
    Ok(vec![
        of("list, ms", median(&lists)).note(format!("{} KiB", bytes >> 10)),
        of("change, stored and told as an event, ms", median(&changes)),
        of("control plane, MiB PSS", mib),
    ])
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
