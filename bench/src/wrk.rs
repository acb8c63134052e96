//! wrk, the load generator (<https://github.com/wg/wrk>): a run against an address, and what it found.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// What is asked, again and again.
pub struct Question<'a> {
    pub url: &'a str,
    pub headers: &'a [(&'static str, String)],
    pub body: &'a str,
}

#[derive(Clone, Copy, Debug)]
pub struct Found {
    pub requests: u64,
    pub per_second: f64,
    /// Microseconds; NaN if no call was answered in the time.
    pub p50: f64,
    pub p99: f64,
}

/// Runs it, with its script in this directory.
pub async fn run(
    question: &Question<'_>,
    connections: usize,
    lasts: Duration,
    directory: &Path,
) -> anyhow::Result<Found> {
    let script = directory.join("wrk.lua");
    let mut lua = format!("wrk.method = 'POST'\nwrk.body = [==[{}]==]\n", question.body);
    for (name, value) in question.headers {
        let _ = writeln!(lua, "wrk.headers['{name}'] = '{value}'");
    }
    fs::write(&script, lua)?;
    let output = Command::new("wrk")
        .args(["--latency", "--threads", if connections == 1 { "1" } else { "2" }])
        .args(["--connections", &connections.to_string()])
        // The slowest peer answers in seconds when many ask.
        .args(["--timeout", "30s"])
        .args(["--duration", &format!("{}s", lasts.as_secs())])
        .arg("--script")
        .arg(&script)
        .arg(question.url)
        .output()
        .await
        .context("wrk is missing: scripts/setup bench")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "wrk failed: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        !said.contains("Non-2xx") && !said.contains("Socket errors"),
        "{}: {said}",
        question.url
    );
    parse(&said).with_context(|| format!("wrk said: {said}"))
}

fn parse(said: &str) -> Option<Found> {
    let after = |name: &str| {
        let line = said.lines().find(|line| line.trim_start().starts_with(name))?;
        line.trim_start().strip_prefix(name)?.split_whitespace().next()
    };
    let requests = said.lines().find(|line| line.contains(" requests in "))?;
    let requests = requests.split_whitespace().next()?.parse().ok()?;
    // wrk says 0 when it has nothing to tell.
    let time = |name| match requests {
        0 => Some(f64::NAN),
        _ => microseconds(after(name)?),
    };
    Some(Found {
        requests,
        per_second: after("Requests/sec:")?.parse().ok()?,
        p50: time("50%")?,
        p99: time("99%")?,
    })
}

fn microseconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 1.0), ("ms", 1e3), ("s", 1e6)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Some(number.parse::<f64>().ok()? * factor);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_understood() {
        let said = "Running 1s test @ http://h\n  Latency Distribution\n     50%   31.00us\n     75%   33.00us\n     90%   0.99ms\n     99%    1.20ms\n  \
                    90210 requests in 1.10s, 41.86MB read\nRequests/sec:  82011.33\nTransfer/sec:     38.05MB\n";
        let found = parse(said).unwrap();
        assert_eq!(
            (found.requests, found.per_second, found.p50, found.p99),
            (90_210, 82_011.33, 31.0, 1_200.0)
        );
        let nothing =
            "     50%    0.00us\n     99%    0.00us\n  0 requests in 2.00s, 0.00B read\nRequests/sec:      0.00\n";
        let found = parse(nothing).unwrap();
        assert!(found.requests == 0 && found.p50.is_nan() && found.p99.is_nan());
    }
}
