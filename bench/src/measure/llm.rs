//! The LLM Gateway, metering and credits on, beside nginx as a plain proxy, before the same provider in the same run.

use std::time::Duration;

use serde_json::json;

use super::{Bench, FIRST_PORT, Samples, free_port, median};
use crate::memory::pss;
use crate::peers::{llm, nginx};
use crate::process::Process;
use crate::provider;
use crate::report::{Bar, Row};
use crate::wrk::{self, Found, Question};

const CONNECTIONS: usize = 64;
const PROVIDER_PORT: u16 = 19_998;

/// A question of about a kilobyte.
fn body(stream: bool) -> String {
    let said = "What is the capital of France? ".repeat(28);
    json!({"model": "m1", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": said}]})
        .to_string()
}

/// What was found of one way to the provider, a figure a round.
#[derive(Default)]
struct Way {
    rates: Vec<f64>,
    streams: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cpu_us: Vec<f64>,
}

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let home = bench.home.path();
    let _provider = provider::start(PROVIDER_PORT, provider::threads(), home).await?;
    let nginx_port = free_port(FIRST_PORT)?;
    let nginx = nginx::start(&home.join("nginx"), nginx_port, PROVIDER_PORT)?;
    let ports = (free_port(nginx_port + 1)?, free_port(nginx_port + 2)?);
    let gateway = llm::start(bench.creel()?, &home.join("llm"), ports, PROVIDER_PORT).await?;

    let (rounds, lasts) = if bench.quick { (2, 2) } else { (5, 5) };
    let (mut direct, mut through_nginx, mut creel) = (Way::default(), Way::default(), Way::default());
    for _ in 0..rounds {
        for (way, port, process) in [
            (&mut direct, PROVIDER_PORT, None),
            (&mut through_nginx, nginx_port, Some(&nginx)),
            (&mut creel, ports.1, Some(&gateway.process)),
        ] {
            let ask = async |connections, stream| {
                let question = Question {
                    url: format!("http://127.0.0.1:{port}/v1/chat/completions"),
                    key: &gateway.key,
                    body: &body(stream),
                };
                wrk::run(&question, connections, Duration::from_secs(lasts), home).await
            };
            let before = process.map(Process::cpu_time);
            let loaded: Found = ask(CONNECTIONS, false).await?;
            if let (Some(process), Some(before)) = (process, before) {
                let used = process.cpu_time().saturating_sub(before);
                way.cpu_us.push(used.as_secs_f64() * 1e6 / loaded.requests as f64);
            }
            way.rates.push(loaded.per_second);
            let alone = ask(1, false).await?;
            way.p50.push(alone.p50);
            way.p99.push(alone.p99);
            way.streams.push(ask(CONNECTIONS, true).await?.per_second);
        }
    }
    let memory = pss(&gateway.process.tree());
    let of = |pick: fn(&Way) -> &Vec<f64>| [&direct, &through_nginx, &creel].map(|way| median(pick(way)));
    let [_, nginx_cpu, creel_cpu] = of(|way| &way.cpu_us);
    let [direct_rate, nginx_rate, creel_rate] = of(|way| &way.rates);
    let [direct_streams, nginx_streams, creel_streams] = of(|way| &way.streams);
    let [direct_p50, nginx_p50, creel_p50] = of(|way| &way.p50);
    let [direct_p99, nginx_p99, creel_p99] = of(|way| &way.p99);
    let figures = |way: &Way| json!({"rates": way.rates, "streams": way.streams, "p50_us": way.p50, "p99_us": way.p99, "cpu_us": way.cpu_us});
    samples.insert(
        "llm_gateway".into(),
        json!({"direct": figures(&direct), "nginx": figures(&through_nginx), "creel": figures(&creel), "memory_mib": memory}),
    );
    Ok(vec![
        Row::new("LLM Gateway: requests/s, of nginx's", creel_rate / nginx_rate, f64::NAN)
            .bar(Bar::at_least(0.6))
            .note(format!(
                "{creel_rate:.0}, nginx {nginx_rate:.0}, direct {direct_rate:.0}; 64 connections"
            )),
        Row::new(
            "LLM Gateway: streams/s, of nginx's",
            creel_streams / nginx_streams,
            f64::NAN,
        )
        .note(format!(
            "{creel_streams:.0}, nginx {nginx_streams:.0}, direct {direct_streams:.0}; 64 connections"
        )),
        Row::new(
            "LLM Gateway: added p50, of nginx's",
            (creel_p50 - direct_p50) / (nginx_p50 - direct_p50),
            f64::NAN,
        )
        .bar(Bar::at_most(4.0))
        .note(format!(
            "us: {creel_p50:.0}, nginx {nginx_p50:.0}, direct {direct_p50:.0}; one connection"
        )),
        Row::new("LLM Gateway: added p99, ms", (creel_p99 - direct_p99) / 1e3, f64::NAN)
            .bar(Bar::at_most(0.5))
            .note(format!(
                "us: {creel_p99:.0}, nginx {nginx_p99:.0}, direct {direct_p99:.0}; one connection"
            )),
        Row::new(
            "LLM Gateway: CPU a request, of nginx's",
            creel_cpu / nginx_cpu,
            f64::NAN,
        )
        .bar(Bar::at_most(2.0))
        .note(format!("us: {creel_cpu:.1}, nginx {nginx_cpu:.1}")),
        Row::new("LLM Gateway: memory after that, MiB PSS", memory, f64::NAN)
            .bar(Bar::at_most(40.0))
            .note("the whole of `creel up`".to_owned()),
    ])
}
