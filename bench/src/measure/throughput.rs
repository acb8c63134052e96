//! Turns per second with 20 clients that ask again as soon as they are answered, and the CPU time a turn costs the gateway.

use std::time::Instant;

use futures_util::future::try_join_all;
use serde_json::json;

use super::turn::Ask;
use super::{Bench, PROVIDER_PORT, Pair, Samples, median};
use crate::client::Connection;
use crate::peers::{Gateway, TOKEN};
use crate::report::{Bar, Row};

const CLIENTS: usize = 20;

pub async fn measure(bench: &Bench, pair: &Pair, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let (rounds, turns) = if bench.quick { (3, 100) } else { (5, 300) };
    let mut direct = Vec::new();
    let mut completions = Load::default();
    let mut streamed = Load::default();
    let mut sessions = Load::default();
    for round in 0..rounds {
        direct.push(burst(PROVIDER_PORT, Ask::Completion, "m1", turns, round).await?);
        completions.add(&pair.native, Ask::Completion, turns, round).await?;
        streamed
            .add(&pair.native, Ask::StreamedCompletion, turns, round)
            .await?;
        sessions.add(&pair.native, Ask::Chat, turns, round).await?;
    }
    let mut upstream = Load::default();
    if let Some(gateway) = &pair.openclaw {
        upstream
            .add(gateway, Ask::Completion, if bench.quick { 1 } else { 3 }, 0)
            .await?;
    }
    let (rate, upstream_rate) = (median(&completions.rates), median(&upstream.rates));
    let bar = Bar::at_least(3_000.0);
    samples.insert(
        "turns_per_second".into(),
        json!({"direct": direct, "native": completions.rates, "native_streamed": streamed.rates,
               "native_sessions": sessions.rates, "openclaw": upstream.rates}),
    );
    Ok(vec![
        Row::new("turns/s, 20 at once", rate, upstream_rate)
            .bar(bar)
            .note(format!("direct {:.0}", median(&direct))),
        Row::new("streamed turns/s, 20 at once", median(&streamed.rates), f64::NAN).bar(bar),
        Row::new("turns/s in sessions, 20 at once", median(&sessions.rates), f64::NAN).bar(bar),
        Row::new("CPU a turn, ms", median(&completions.cpu_ms), median(&upstream.cpu_ms)),
        Row::new("CPU a turn of a session, ms", median(&sessions.cpu_ms), f64::NAN),
    ])
}

/// One figure a round.
#[derive(Default)]
struct Load {
    rates: Vec<f64>,
    cpu_ms: Vec<f64>,
}

impl Load {
    async fn add(&mut self, gateway: &Gateway, ask: Ask, turns: usize, round: usize) -> anyhow::Result<()> {
        let before = gateway.process.cpu_time();
        self.rates
            .push(burst(gateway.port, ask, "openclaw", turns, round).await?);
        let used = gateway.process.cpu_time().saturating_sub(before);
        self.cpu_ms.push(used.as_secs_f64() * 1e3 / (CLIENTS * turns) as f64);
        Ok(())
    }
}

/// Turns per second, each client making so many.
async fn burst(port: u16, ask: Ask, model: &str, turns: usize, round: usize) -> anyhow::Result<f64> {
    let connections = try_join_all((0..CLIENTS).map(|_| Connection::open(port))).await?;
    let started = Instant::now();
    try_join_all(
        connections
            .into_iter()
            .enumerate()
            .map(|(client, mut connection)| async move {
                for turn in 0..turns {
                    let body = ask.body(model, &format!("load-{round}-{client}-{}", turn / 10));
                    connection.post(ask.path(), TOKEN, &body).await?.turn()?;
                }
                anyhow::Ok(())
            }),
    )
    .await?;
    Ok((CLIENTS * turns) as f64 / started.elapsed().as_secs_f64())
}
