//! One way to the provider: how it is asked, and what was found.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::measure::median;
use crate::memory::pss;
use crate::peers::door::Door;
use crate::process::Process;
use crate::wrk::{self, Found, Question};

pub const CONNECTIONS: usize = 64;
/// The slowest start that still is one.
const START: Duration = Duration::from_secs(90);
/// Streams of which the first bytes are timed, in a round.
const TIMED: usize = 50;

pub struct Way {
    pub name: &'static str,
    door: Door,
    /// `None`: the provider itself.
    process: Option<Process>,
    passes_streams: bool,
    ready_ms: Vec<f64>,
    rates: Vec<f64>,
    streams: Vec<f64>,
    /// One of each in a slice of time, in which every way has its turn.
    p50_us: Vec<f64>,
    p99_us: Vec<f64>,
    first_us: Vec<f64>,
    cpu_us: Vec<f64>,
    memory_mib: f64,
}

/// The medians of the rounds.
#[derive(Clone, Copy)]
pub struct Figures {
    /// From starting the program to the first call that came through.
    pub ready_ms: f64,
    /// Calls a second over [`CONNECTIONS`].
    pub rate: f64,
    pub streams: f64,
    /// Over one connection: the medians of the slices.
    pub p50_us: f64,
    pub p99_us: f64,
    /// To the first bytes of a stream.
    pub first_us: f64,
    pub cpu_us: f64,
    /// After all of it.
    pub memory_mib: f64,
}

/// A question of about a kilobyte.
fn body(stream: bool) -> Bytes {
    let said = "What is the capital of France? ".repeat(28);
    let body =
        json!({"model": "m1", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": said}]});
    body.to_string().into()
}

impl Way {
    /// A program that runs already, or none.
    pub fn new(name: &'static str, door: Door) -> Self {
        Self {
            name,
            door,
            process: None,
            passes_streams: true,
            ready_ms: Vec::new(),
            rates: Vec::new(),
            streams: Vec::new(),
            p50_us: Vec::new(),
            p99_us: Vec::new(),
            first_us: Vec::new(),
            cpu_us: Vec::new(),
            memory_mib: 0.0,
        }
    }

    /// Streams are not measured on this way.
    pub fn without_streams(mut self) -> Self {
        self.passes_streams = false;
        self
    }

    /// Starts the program so many times; the last one stays.
    pub async fn started(mut self, times: usize, start: impl Fn() -> anyhow::Result<Process>) -> anyhow::Result<Self> {
        for _ in 0..times {
            self.process = None;
            let process = start()?;
            let ready = self.door.until_answered(&body(false), process.started, START).await?;
            self.ready_ms.push(ready.as_secs_f64() * 1e3);
            self.process = Some(process);
        }
        Ok(self)
    }

    async fn ask(&self, connections: usize, stream: bool, seconds: u64, directory: &Path) -> anyhow::Result<Found> {
        let body = body(stream);
        let question = Question {
            url: &self.door.url(),
            headers: &self.door.headers,
            body: &String::from_utf8_lossy(&body),
        };
        wrk::run(&question, connections, Duration::from_secs(seconds), directory).await
    }

    /// One call after the other, for so many seconds.
    pub async fn slice(&mut self, seconds: u64, directory: &Path) -> anyhow::Result<()> {
        let alone = self.ask(1, false, seconds, directory).await?;
        self.p50_us.push(alone.p50);
        self.p99_us.push(alone.p99);
        Ok(())
    }

    /// What this way adds to another in a slice: the median of the differences within each. Whatever else the machine did then, it did to both.
    pub fn added(&self, to: &Self, of: fn(&Self) -> &[f64]) -> f64 {
        let differences = of(self).iter().zip(of(to)).map(|(own, other)| own - other);
        let differences: Vec<f64> = differences.filter(|difference| difference.is_finite()).collect();
        median(&differences)
    }

    pub fn p50_us(&self) -> &[f64] {
        &self.p50_us
    }

    pub fn p99_us(&self) -> &[f64] {
        &self.p99_us
    }

    /// One round of everything but that, each part for so many seconds.
    pub async fn round(&mut self, seconds: u64, directory: &Path) -> anyhow::Result<()> {
        let before = self.process.as_ref().map(Process::cpu_time);
        let loaded = self.ask(CONNECTIONS, false, seconds, directory).await?;
        if let (Some(process), Some(before)) = (&self.process, before) {
            let used = process.cpu_time().saturating_sub(before);
            keep(&mut self.cpu_us, used.as_secs_f64() * 1e6 / loaded.requests as f64);
        }
        self.rates.push(loaded.per_second);
        if self.passes_streams {
            let streamed = self.ask(CONNECTIONS, true, seconds, directory).await?;
            self.streams.push(streamed.per_second);
            let first = self.door.first_pieces(&body(true), TIMED).await?;
            let first: Vec<_> = first.iter().map(|took| took.as_secs_f64() * 1e6).collect();
            self.first_us.push(median(&first));
        }
        self.memory_mib = self.process.as_ref().map_or(f64::NAN, |process| pss(&process.tree()));
        Ok(())
    }

    pub fn figures(&self) -> Figures {
        Figures {
            ready_ms: median(&self.ready_ms),
            rate: median(&self.rates),
            streams: median(&self.streams),
            p50_us: median_of_known(&self.p50_us),
            p99_us: median_of_known(&self.p99_us),
            first_us: median(&self.first_us),
            cpu_us: median(&self.cpu_us),
            memory_mib: self.memory_mib,
        }
    }

    pub fn samples(&self) -> Value {
        json!({
            "ready_ms": self.ready_ms, "rates": self.rates, "streams": self.streams, "p50_us": self.p50_us,
            "p99_us": self.p99_us, "first_us": self.first_us, "cpu_us": self.cpu_us, "memory_mib": self.memory_mib,
        })
    }
}

fn median_of_known(figures: &[f64]) -> f64 {
    let known: Vec<f64> = figures.iter().copied().filter(|figure| figure.is_finite()).collect();
    median(&known)
}

/// Keeps a figure, if there is one: a peer may answer nothing in the time of a round.
fn keep(figures: &mut Vec<f64>, figure: f64) {
    if figure.is_finite() {
        figures.push(figure);
    }
}
