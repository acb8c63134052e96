//! Memory as PSS: what a process holds alone, plus its share of what it shares with others. Sums of it count nothing twice.

use std::fs;
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// So many looks in a row that differ by less than the tolerance: it has settled.
const STEADY: usize = 6;
const TOLERANCE: f64 = 0.01;
/// A program that never settles is measured as it is then.
const PATIENCE: usize = 80;

/// MiB of these processes; one that is gone counts nothing.
pub fn pss(pids: &[u32]) -> f64 {
    pids.iter().filter_map(|pid| pss_kib(*pid)).sum::<u64>() as f64 / 1024.0
}

fn pss_kib(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
}

/// MiB, once it has stopped changing.
pub async fn settled(look: impl Fn() -> f64) -> f64 {
    let mut seen = vec![look()];
    while seen.len() < PATIENCE {
        tokio::time::sleep(PAUSE).await;
        seen.push(look());
        let last = &seen[seen.len().saturating_sub(STEADY)..];
        let (low, high) = last
            .iter()
            .fold((f64::MAX, 0_f64), |(low, high), mib| (low.min(*mib), high.max(*mib)));
        if last.len() == STEADY && high - low <= high * TOLERANCE {
            break;
        }
    }
    seen[seen.len() - 1]
}
