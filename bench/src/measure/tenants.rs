//! A gateway for many users: what it takes and how long, with a thousand, ten thousand and a hundred thousand registered, so that growth
//! is seen; and what a connection takes that is open and idle.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Bench, FIRST_PORT, Samples, free_port, median};
use crate::client::Connection;
use crate::crowd;
use crate::memory::{pss, settled};
use crate::peers::service::Service;
use crate::report::{Bar, Row};

const ACTIVE: usize = 1_000;
/// Users whose configuration changes between two syncs.
const CHANGED: usize = 100;
const ROUNDS: usize = 20;
const CONNECTIONS: usize = 10_000;
/// What a request asks that reaches the user's configuration and nothing beyond.
const QUESTION: &str = "/v1/models";
/// What is answered to everybody, whatever token they send.
const OPEN: &str = "/healthz";

/// What was found with so many registered.
#[derive(Default)]
struct Found {
    /// With all that may be active being so.
    mib: f64,
    full_sync_ms: f64,
    changed_ms: Vec<f64>,
    unchanged_ms: Vec<f64>,
    cold_ms: Vec<f64>,
    warm_ms: Vec<f64>,
    /// Requests that have no token and reach no user.
    bare_ms: Vec<f64>,
}

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let (sizes, connections): (&[usize], usize) = match bench.quick {
        true => (&[1_000, 10_000], CONNECTIONS / 10),
        false => (&[1_000, 10_000, 100_000], CONNECTIONS),
    };
    let connections = crowd::room_for(connections);
    let mut all = BTreeMap::new();
    let mut rows = Vec::new();
    for registered in sizes {
        let directory = bench.home.path().join(format!("service-{registered}"));
        let port = free_port(FIRST_PORT)?;
        let service = Service::start(&bench.native, &directory, port, *registered, ACTIVE * 2).await?;
        let found = look(&service).await?;
        rows.extend(found.rows(*registered));
        samples.insert(format!("tenants_{registered}"), found.samples());
        all.insert(*registered, found);
        if sizes.last() == Some(registered) {
            rows.extend(idle(&service, connections, samples).await?);
        }
    }
    if let (Some((few, first)), Some((many, last))) = (all.first_key_value(), all.last_key_value()) {
        let of = |pick: fn(&Found) -> &Vec<f64>| least(pick(last)) / least(pick(first));
        let times = many / few;
        // What grew with who exists would be many times as much.
        let bar = Bar::at_most(2.0);
        for (what, ratio) in [
            ("sync of 100 changes", of(|found| &found.changed_ms)),
            ("sync of nothing", of(|found| &found.unchanged_ms)),
            ("request of a loaded user", of(|found| &found.warm_ms)),
            ("first request of a user", of(|found| &found.cold_ms)),
        ] {
            let what = format!("users: {what}, with {times} times as many registered");
            rows.push(
                Row::new(&what, ratio, f64::NAN)
                    .bar(bar)
                    .note("times as long".to_owned()),
            );
        }
        let what = format!("users: start with a full sync, with {times} times as many registered");
        rows.push(
            Row::new(&what, last.full_sync_ms / first.full_sync_ms, f64::NAN)
                .note("times as long: it reads everybody, once".to_owned()),
        );
    }
    Ok(rows)
}

async fn look(service: &Service) -> anyhow::Result<Found> {
    let mut found = Found {
        full_sync_ms: service.gateway.ready_after.as_secs_f64() * 1e3,
        ..Found::default()
    };
    let mut connection = Connection::open(service.gateway.port).await?;
    let mut ask = async |path: &str, token: &str| {
        let answer = connection.send_json("GET", path, token, &Bytes::new()).await?;
        anyhow::ensure!(answer.status == 200, "status {}", answer.status);
        anyhow::Ok(answer.took.as_secs_f64() * 1e3)
    };
    // Spread over all who are registered.
    let step = service.tokens.len() / ACTIVE;
    let active = || service.tokens.iter().step_by(step).take(ACTIVE);
    for token in active() {
        found.cold_ms.push(ask(QUESTION, token).await?);
    }
    for token in active() {
        found.warm_ms.push(ask(QUESTION, token).await?);
        found.bare_ms.push(ask(OPEN, token).await?);
    }
    for round in 0..ROUNDS {
        service.change(CHANGED, round);
        found.changed_ms.push(service.sync().await?);
        found.unchanged_ms.push(service.sync().await?);
    }
    found.mib = memory(service).await;
    Ok(found)
}

/// What idle connections take: those of a client that may come back, and streams whose turn waits.
async fn idle(service: &Service, connections: usize, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let step = service.tokens.len() / ACTIVE;
    let token = |number: usize| &service.tokens[number % ACTIVE * step];
    let port = service.gateway.port;
    let mut rows = Vec::new();
    // Once: what those before have left is used by those that come.
    let before = memory(service).await;
    for (what, method, path, body) in [
        ("connection", "GET", QUESTION, ""),
        (
            "stream",
            "POST",
            "/api/v1/chat/stream",
            r#"{"message":"Take your time."}"#,
        ),
    ] {
        let mut crowd = Vec::with_capacity(connections);
        for number in 0..connections {
            crowd.push(crowd::join(port, method, path, token(number), body).await?);
        }
        let after = memory(service).await;
        let each = (after - before) * 1_024.0 / connections as f64;
        samples.insert(
            format!("idle_{what}"),
            json!({"connections": connections, "mib_before": before, "mib_after": after}),
        );
        let note = format!("{connections} open, {after:.0} MiB in all");
        rows.push(Row::new(&format!("users: memory, each idle {what}, KiB PSS"), each, f64::NAN).note(note));
    }
    Ok(rows)
}

/// What a disk or a CPU that others use too adds is never less than nothing.
fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

fn best(values: &[f64]) -> String {
    format!("best {:.3}", least(values))
}

async fn memory(service: &Service) -> f64 {
    settled(|| pss(&[service.gateway.process.id()])).await
}

impl Found {
    fn rows(&self, registered: usize) -> Vec<Row> {
        let active = ACTIVE.min(registered);
        let row =
            |what: &str, figure: f64| Row::new(&format!("users: {registered} registered, {what}"), figure, f64::NAN);
        vec![
            row("memory, MiB PSS", self.mib)
                .bar(Bar::at_most(512.0))
                .note(format!("{active} active")),
            row("start with a full sync, ms", self.full_sync_ms),
            row("sync of 100 changes, ms", median(&self.changed_ms)).note(best(&self.changed_ms)),
            row("sync of nothing, ms", median(&self.unchanged_ms)).note(best(&self.unchanged_ms)),
            row("first request of a user, ms", median(&self.cold_ms)).note(best(&self.cold_ms)),
            row("request of a loaded user, ms", median(&self.warm_ms)).note(best(&self.warm_ms)),
            row(
                "token lookup and admission, ms",
                median(&self.warm_ms) - median(&self.bare_ms),
            )
            .note("a loaded user's request less one that needs no token".to_owned()),
        ]
    }

    fn samples(&self) -> Value {
        json!({
            "mib": self.mib, "full_sync_ms": self.full_sync_ms, "changed_ms": self.changed_ms,
            "unchanged_ms": self.unchanged_ms, "cold_ms": self.cold_ms, "warm_ms": self.warm_ms, "bare_ms": self.bare_ms,
        })
    }
}
