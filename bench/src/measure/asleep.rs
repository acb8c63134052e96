//! Instances of real upstream, put to sleep and woken by the control plane: what is left of them in memory, how long it takes, and how
//! many of them one machine holds.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use creel_testkit::swap::Swap;
use serde_json::{Value, json};

use super::turn::Ask;
use super::{Bench, FIRST_PORT, PROVIDER_PORT, Samples, free_port, median};
use crate::client::Connection;
use crate::memory::pss;
use crate::peers::control_plane::{ControlPlane, Made, Surroundings};
use crate::peers::{Runtime, openclaw};
use crate::process;
use crate::report::{Bar, Row};

/// Swap that one instance needs, in bytes, with room to grow.
const SWAP_EACH: u64 = 3 << 29;
/// What a turn leaves to be done is done by then. An idle policy waits for a minute at least.
const REST: Duration = Duration::from_secs(2);
/// Wakes of which is learned what the next ones need first.
const LESSONS: usize = 3;
const MIB: f64 = (1_u64 << 20) as f64;

#[derive(Default)]
struct Found {
    /// Of those that never slept.
    awake_mib: Vec<f64>,
    left_mib: Vec<f64>,
    sleep_ms: Vec<f64>,
    healthz_ms: Vec<f64>,
    turn_ms: Vec<f64>,
    /// The same two of its first wake, before which nobody knew what it needs.
    first_healthz_ms: f64,
    first_turn_ms: f64,
    /// Of a turn of one that is awake.
    warm_turn_ms: Vec<f64>,
    /// From asking for a start to the end of the first turn.
    cold_ms: Vec<f64>,
    cold_turn_ms: Vec<f64>,
}

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let Some(Runtime::Openclaw(modules)) = &bench.openclaw else {
        let row = Row::new("upstream asleep: left in RAM, MiB PSS", f64::NAN, f64::NAN);
        return Ok(vec![row.note("not measured: no upstream is installed".to_owned())]);
    };
    let (rounds, many) = if bench.quick { (2, 2) } else { (5, 4) };
    let wanted = SWAP_EACH * many as u64;
    let swap = Swap::with_free(bench.home.path(), wanted);
    let no_swap = swap.as_ref().err().map(ToString::to_string);
    let plane = ControlPlane::start(
        bench.creel()?,
        Surroundings {
            openclaw: Some(modules),
            ..Surroundings::default()
        },
        &bench.home.path().join("asleep"),
        free_port(FIRST_PORT)?,
    )
    .await?;
    let mut made = Vec::new();
    let mut found = Found::default();
    for number in 0..many {
        // Where it works and whom it lets in is said by its environment.
        let mut config = openclaw::config(&bench.home.path().join("asleep"), PROVIDER_PORT);
        config["gateway"]["auth"]["token"] = json!("${OPENCLAW_GATEWAY_TOKEN}");
        if let Some(defaults) = config["agents"]["defaults"].as_object_mut() {
            defaults.remove("workspace");
        }
        let began = Instant::now();
        let one = plane.make(&format!("sleeper-{number}"), &config).await?;
        found.cold_ms.push(milliseconds(began.elapsed()));
        turn(&one).await?;
        found.cold_turn_ms.push(milliseconds(began.elapsed()));
        found.awake_mib.push(memory(&plane, &one).await?);
        made.push(one);
    }
    let first = made.first().context("one was made")?;
    turn(first).await?;
    for lesson in 0..LESSONS {
        to_sleep(&plane, first).await?;
        let (healthz_ms, turn_ms) = wake(&plane, first).await?;
        if lesson == 0 {
            (found.first_healthz_ms, found.first_turn_ms) = (healthz_ms, turn_ms);
        }
    }
    for _ in 0..rounds {
        found.warm_turn_ms.push(milliseconds(turn(first).await?));
        found.round(&plane, first).await?;
    }
    let together = everybody(&plane, &made).await?;
    for one in &made {
        plane.remove(&one.id).await?;
    }
    samples.insert("asleep".into(), found.samples(&together, no_swap.as_deref()));
    Ok(found.rows(&together, no_swap.as_deref()))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

async fn turn(instance: &Made) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut connection = Connection::open(instance.port).await?;
    let body = Ask::Completion.body("openclaw", "");
    connection
        .post(Ask::Completion.path(), &instance.token, &body)
        .await?
        .turn()?;
    Ok(began.elapsed())
}

/// How long that takes one that has come to rest.
async fn to_sleep(plane: &ControlPlane, instance: &Made) -> anyhow::Result<f64> {
    tokio::time::sleep(REST).await;
    let began = Instant::now();
    plane.act(&instance.id, "sleep").await?;
    Ok(milliseconds(began.elapsed()))
}

/// From asking for it, to `/healthz` and to a turn behind that.
async fn wake(plane: &ControlPlane, instance: &Made) -> anyhow::Result<(f64, f64)> {
    let began = Instant::now();
    plane.act(&instance.id, "wake").await?;
    Connection::open(instance.port).await?.get("/healthz").await?;
    let healthz_ms = milliseconds(began.elapsed());
    turn(instance).await?;
    Ok((healthz_ms, milliseconds(began.elapsed())))
}

async fn memory(plane: &ControlPlane, instance: &Made) -> anyhow::Result<f64> {
    let shown = plane.show(&instance.id).await?;
    let pid = shown["pid"].as_u64().context("a pid")?;
    Ok(pss(&process::tree_of(u32::try_from(pid)?)))
}

impl Found {
    /// Asleep twice: woken for a probe, and for a turn.
    async fn round(&mut self, plane: &ControlPlane, instance: &Made) -> anyhow::Result<()> {
        self.sleep_ms.push(to_sleep(plane, instance).await?);
        self.left_mib.push(memory(plane, instance).await?);
        let (healthz_ms, _) = wake(plane, instance).await?;
        self.healthz_ms.push(healthz_ms);

        to_sleep(plane, instance).await?;
        let began = Instant::now();
        plane.act(&instance.id, "wake").await?;
        turn(instance).await?;
        self.turn_ms.push(milliseconds(began.elapsed()));
        Ok(())
    }

    fn rows(&self, together: &Together, no_swap: Option<&str>) -> Vec<Row> {
        if let Some(reason) = no_swap {
            let note = format!("not measured: no swap could be made ({reason})");
            return vec![
                Row::new(
                    "upstream asleep: left in RAM, MiB PSS",
                    f64::NAN,
                    median(&self.awake_mib),
                )
                .note(note),
            ];
        }
        let left = median(&self.left_mib);
        let awake = median(&self.awake_mib);
        let held = Held::on_this_machine(
            left.max(together.each_mib()),
            awake,
            together.swap_mib / together.instances as f64,
        );
        vec![
            Row::new("upstream asleep: left in RAM, MiB PSS", left, awake)
                .bar(Bar::at_most(40.0).of_upstream(1.0 / 20.0))
                .note("beside: awake".to_owned()),
            Row::new("upstream: to sleep, ms", median(&self.sleep_ms), f64::NAN),
            Row::new(
                "upstream: woken to /healthz, ms",
                median(&self.healthz_ms),
                median(&self.cold_ms),
            )
            .bar(Bar::at_most(150.0))
            .note(format!(
                "beside: started; the first wake, with nothing read ahead, {:.0}",
                self.first_healthz_ms
            )),
            Row::new(
                "upstream: woken to a turn, ms",
                median(&self.turn_ms),
                median(&self.cold_turn_ms),
            )
            .bar(Bar::at_most(1_500.0))
            .note(format!(
                "beside: started; awake {:.0}; the first wake, with nothing read ahead, {:.0}",
                median(&self.warm_turn_ms),
                self.first_turn_ms
            )),
            Row::new("upstream: asleep on this machine, one awake", held.asleep, held.awake).note(format!(
                "computed, beside: awake; {} asleep together: {:.0} MiB each, and needs {:.0} GiB of swap",
                together.instances,
                together.each_mib(),
                held.swap_gib
            )),
        ]
    }

    fn samples(&self, together: &Together, no_swap: Option<&str>) -> Value {
        json!({
            "awake_mib": self.awake_mib, "left_mib": self.left_mib, "sleep_ms": self.sleep_ms, "healthz_ms": self.healthz_ms,
            "turn_ms": self.turn_ms, "warm_turn_ms": self.warm_turn_ms, "cold_ms": self.cold_ms,
            "cold_turn_ms": self.cold_turn_ms, "no_swap": no_swap,
            "first_healthz_ms": self.first_healthz_ms, "first_turn_ms": self.first_turn_ms,
            "together": {"instances": together.instances, "left_mib": together.left_mib, "swap_mib": together.swap_mib},
        })
    }
}

/// Some that sleep at once.
struct Together {
    instances: usize,
    /// Of all of them.
    left_mib: f64,
    swap_mib: f64,
}

impl Together {
    fn each_mib(&self) -> f64 {
        self.left_mib / self.instances as f64
    }
}

/// All asleep; then each is woken once, while the others sleep, and answers.
async fn everybody(plane: &ControlPlane, made: &[Made]) -> anyhow::Result<Together> {
    let free = Swap::free();
    for one in made {
        plane.act(&one.id, "sleep").await?;
    }
    let swap_mib = free.saturating_sub(Swap::free()) as f64 / MIB;
    let mut left_mib = 0.0;
    for one in made {
        left_mib += memory(plane, one).await?;
    }
    for one in made {
        plane.act(&one.id, "wake").await?;
        turn(one).await?;
        plane.act(&one.id, "sleep").await?;
    }
    Ok(Together {
        instances: made.len(),
        left_mib,
        swap_mib,
    })
}

/// How many a machine holds, by its memory alone.
struct Held {
    asleep: f64,
    awake: f64,
    swap_gib: f64,
}

impl Held {
    /// One is awake; the others keep what is left of them.
    fn on_this_machine(left_mib: f64, awake_mib: f64, swap_each_mib: f64) -> Self {
        let all = crate::host::memory_mib() as f64;
        let asleep = ((all - awake_mib) / left_mib).floor();
        Self {
            asleep,
            awake: (all / awake_mib).floor(),
            swap_gib: asleep * swap_each_mib / 1024.0,
        }
    }
}
