//! The LLM Gateway, metering and credits on, beside nginx as a plain proxy and beside two LLM gateways, before the same
//! provider in the same run. The peers keep no books.

mod ledger;
mod way;

use serde_json::{Map, Value};

use super::{Bench, FIRST_PORT, Samples, free_port};
use crate::peers::door::Door;
use crate::peers::{litellm, llm, nginx, portkey};
use crate::provider;
use crate::report::{Bar, Row};
use way::{CONNECTIONS, Figures, Way};

const PROVIDER_PORT: u16 = 19_998;
/// Slices of time in a round, in each of which every way is asked by one connection for a second.
const SLICES: usize = 8;
/// After so many, only those ways that a bar is about: a tail needs many slices.
const SLICES_OF_ALL: usize = 2;
/// Those come first.
const BARRED: usize = 3;

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let (starts, rounds, seconds) = if bench.quick { (1, 2, 2) } else { (3, 5, 3) };
    let _provider = provider::start(PROVIDER_PORT, provider::threads(), bench.home.path()).await?;
    let mut ways = ways(bench, starts).await?;
    for _ in 0..rounds {
        for way in &mut ways {
            way.round(seconds, bench.home.path()).await?;
        }
        for slice in 0..SLICES {
            let taken = if slice < SLICES_OF_ALL { ways.len() } else { BARRED };
            for way in &mut ways[..taken] {
                way.slice(1, bench.home.path()).await?;
            }
        }
    }
    let of_each: Map<String, Value> = ways.iter().map(|way| (way.name.to_owned(), way.samples())).collect();
    samples.insert("llm_gateway".into(), of_each.into());
    let mut rows = rows(&ways);
    let calls = if bench.quick { 20_000 } else { 100_000 };
    let ledger_us = ledger::cpu_us(calls, bench.home.path()).await?;
    rows.push(
        Row::new("LLM Gateway: CPU of the ledger a call, us", ledger_us, f64::NAN)
            .note("reserve, journal, settle; without HTTP".to_owned()),
    );
    Ok(rows)
}

/// The provider itself, nginx, Creel, and the others: started one after the other, then all there at once.
async fn ways(bench: &Bench, starts: usize) -> anyhow::Result<[Way; 5]> {
    let home = |name| bench.home.path().join(name);
    let peers = bench.llm_peers()?;
    let mut last = FIRST_PORT;
    let mut port = || -> anyhow::Result<u16> {
        last = free_port(last)? + 1;
        Ok(last - 1)
    };
    let direct = Way::new("direct", Door::new(PROVIDER_PORT, "sk-bench"));

    let at = port()?;
    let nginx = Way::new("nginx", Door::new(at, "sk-bench"))
        .started(starts, || nginx::start(&home("nginx"), at, PROVIDER_PORT))
        .await?;

    let ports = (port()?, port()?);
    let key = llm::set_up(bench.creel()?, &home("llm"), ports, PROVIDER_PORT).await?;
    let creel = Way::new("creel", Door::new(ports.1, &key))
        .started(starts, || llm::start(bench.creel()?, &home("llm"), ports))
        .await?;

    let at = port()?;
    let portkey = Way::new("portkey", portkey::door(at, PROVIDER_PORT))
        .without_streams()
        .started(starts, || {
            portkey::start(&peers.portkey, &peers.node, &home("portkey"), at)
        })
        .await?;

    let at = port()?;
    let litellm = Way::new("litellm", litellm::door(at))
        .started(starts, || {
            litellm::start(&peers.litellm, &home("litellm"), at, PROVIDER_PORT)
        })
        .await?;
    Ok([direct, nginx, creel, portkey, litellm])
}

fn rows(ways: &[Way; 5]) -> Vec<Row> {
    let [direct, by_nginx, by_creel, ..] = ways;
    let added = |way: &Way, of| way.added(direct, of);
    let [_, nginx, creel, ..] = ways.each_ref().map(Way::figures);
    let each = |pick: fn(&Figures) -> f64| {
        let told = ways.iter().map(|way| (way.name, pick(&way.figures())));
        let told = told.filter(|(_, value)| !value.is_nan());
        told.map(|(name, value)| format!("{name} {}", short(value)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let row =
        |what: &str, value: f64, note: String| Row::new(&format!("LLM Gateway: {what}"), value, f64::NAN).note(note);
    vec![
        row(
            "requests/s, of nginx's",
            creel.rate / nginx.rate,
            format!("{CONNECTIONS} connections: {}", each(|figures| figures.rate)),
        )
        .bar(Bar::at_least(0.6)),
        row(
            "streams/s, of nginx's",
            creel.streams / nginx.streams,
            format!("{CONNECTIONS} connections: {}", each(|figures| figures.streams)),
        ),
        row(
            "added p50, of nginx's",
            added(by_creel, Way::p50_us) / added(by_nginx, Way::p50_us),
            format!("us, one connection: {}", each(|figures| figures.p50_us)),
        )
        .bar(Bar::at_most(4.0)),
        row(
            "added p99, ms",
            added(by_creel, Way::p99_us) / 1e3,
            format!(
                "nginx {:.3}; us, one connection: {}",
                added(by_nginx, Way::p99_us) / 1e3,
                each(|figures| figures.p99_us)
            ),
        )
        .bar(Bar::at_most(0.5)),
        row(
            "added to a stream's first bytes, ms",
            (creel.first_us - direct.figures().first_us) / 1e3,
            format!("us, one connection: {}", each(|figures| figures.first_us)),
        ),
        row(
            "CPU a request, of nginx's",
            creel.cpu_us / nginx.cpu_us,
            format!("us: {}", each(|figures| figures.cpu_us)),
        )
        .bar(Bar::at_most(2.0)),
        row(
            "start to first call through, ms",
            creel.ready_ms,
            each(|figures| figures.ready_ms),
        ),
        row(
            "memory after that, MiB PSS",
            creel.memory_mib,
            format!("the whole of `creel up`; {}", each(|figures| figures.memory_mib)),
        )
        .bar(Bar::at_most(40.0)),
    ]
}

fn short(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}
