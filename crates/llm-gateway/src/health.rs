//! How a provider is doing, as far as this gateway has seen: counted by all threads, read before each call.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Failures in a row after which a provider is left alone for a while.
const FAILURES: u32 = 3;
/// The first pause, which doubles with each further failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One provider's state. Times are microseconds of the caller's clock.
#[derive(Debug, Default)]
pub struct Health {
    failures: AtomicU32,
    paused_until: AtomicU64,
    /// From sending a request to the head of the answer, averaged with a weight of 1/8 for the newest; 0: not known.
    latency: AtomicU64,
}

impl Health {
    pub fn is_paused(&self, now: u64) -> bool {
        self.paused_until.load(Ordering::Relaxed) > now
    }

    pub fn paused_until(&self) -> u64 {
        self.paused_until.load(Ordering::Relaxed)
    }

    /// Microseconds to the head of an answer; 0 if there was none yet, so that a new provider is tried.
    pub fn latency(&self) -> u64 {
        self.latency.load(Ordering::Relaxed)
    }

    pub fn answered(&self, took: Duration) {
        self.failures.store(0, Ordering::Relaxed);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let before = self.latency.load(Ordering::Relaxed);
        // Two threads at once: one measurement is lost, which an average can bear.
        let after = if before == 0 {
            took
        } else {
            before - before / 8 + took / 8
        };
        self.latency.store(after.max(1), Ordering::Relaxed);
    }

    /// Counts a failure. A provider that asks for a pause gets it at once, but no longer one than [`LONGEST_PAUSE`].
    pub fn failed(&self, asked: Option<Duration>, now: u64) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        let pause = match asked {
            Some(asked) => asked,
            None if failures < FAILURES => return,
            None => FIRST_PAUSE.saturating_mul(1 << (failures - FAILURES).min(10)),
        };
        let until = now + pause.min(LONGEST_PAUSE).as_micros() as u64;
        self.paused_until.fetch_max(until, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;
    const SECOND: u64 = 1_000_000;

    #[test]
    fn pauses_after_failures_in_a_row_and_ever_longer() {
        let health = Health::default();
        health.failed(None, NOW);
        health.failed(None, NOW);
        assert!(!health.is_paused(NOW));
        health.answered(Duration::from_millis(1));
        for _ in 0..3 {
            assert!(!health.is_paused(NOW));
            health.failed(None, NOW);
        }
        assert!(health.is_paused(NOW + 2 * SECOND - 1) && !health.is_paused(NOW + 2 * SECOND));
        health.failed(None, NOW);
        assert!(health.is_paused(NOW + 4 * SECOND - 1));
        for _ in 0..40 {
            health.failed(None, NOW);
        }
        assert!(!health.is_paused(NOW + 60 * SECOND));
    }

    #[test]
    fn a_pause_that_is_asked_for_is_given_at_once_but_not_forever() {
        let health = Health::default();
        health.failed(Some(Duration::from_secs(5)), NOW);
        assert!(health.is_paused(NOW + 5 * SECOND - 1) && !health.is_paused(NOW + 5 * SECOND));
        health.failed(Some(Duration::from_secs(3_600)), NOW);
        assert!(!health.is_paused(NOW + 60 * SECOND));
    }

    #[test]
    fn latency_is_an_average() {
        let health = Health::default();
        assert_eq!(health.latency(), 0);
        health.answered(Duration::from_micros(800));
        assert_eq!(health.latency(), 800);
        health.answered(Duration::from_micros(1_600));
        assert_eq!(health.latency(), 900);
    }
}
