//! How a provider is doing, as far as this gateway has seen: counted by all threads, read before each call.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Failures in a row after which a provider is left alone for a while.
const FAILURES: u32 = 3;
/// The first pause, which doubles with each further failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A latency that was measured so long ago may be another by now.
const FRESH: Duration = Duration::from_secs(300);

/// One provider's state. Times are microseconds of the caller's clock.
#[derive(Debug, Default)]
pub struct Health {
    failures: AtomicU32,
    paused_until: AtomicU64,
    /// From sending a request to the head of the answer, averaged with a weight of 1/8 for the newest; 0: not known.
    latency: AtomicU64,
    measured_at: AtomicU64,
    /// When a call was last sent to see what it is now.
    tried_at: AtomicU64,
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

    /// When its latency was measured, or a call was sent to see what it is.
    pub fn tried_at(&self) -> u64 {
        let measured = self.measured_at.load(Ordering::Relaxed);
        measured.max(self.tried_at.load(Ordering::Relaxed))
    }

    /// Whether a call is to see what its latency is now: one of all callers, where it was measured long ago.
    pub fn is_to_be_tried(&self, now: u64) -> bool {
        let tried = self.tried_at.load(Ordering::Relaxed);
        let order = Ordering::Relaxed;
        !is_fresh(self.tried_at(), now) && self.tried_at.compare_exchange(tried, now, order, order).is_ok()
    }

    /// A reply was whole.
    pub fn went_well(&self) {
        // Nearly always it is 0, and what is not written is not fetched from other threads.
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// The head of an answer has come. Whether the rest does is another matter.
    pub fn answered(&self, took: Duration, now: u64) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let is_known = is_fresh(self.measured_at.load(Ordering::Relaxed), now);
        self.measured_at.store(now, Ordering::Relaxed);
        let before = self.latency.load(Ordering::Relaxed);
        // Two threads at once: one measurement is lost, which an average can bear.
        let after = if is_known && before > 0 {
            before - before / 8 + took / 8
        } else {
            took
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

fn is_fresh(measured_at: u64, now: u64) -> bool {
    now.saturating_sub(measured_at) < FRESH.as_micros() as u64
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
        health.went_well();
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
        health.answered(Duration::from_micros(800), NOW);
        assert_eq!(health.latency(), 800);
        health.answered(Duration::from_micros(1_600), NOW);
        assert_eq!(health.latency(), 900);
    }

    #[test]
    fn a_latency_of_long_ago_is_measured_anew_by_one_call() {
        let health = Health::default();
        health.answered(Duration::from_secs(9), NOW);
        let later = NOW + 300 * SECOND;
        assert!(!health.is_to_be_tried(later - 1));
        assert!(health.is_to_be_tried(later) && !health.is_to_be_tried(later));
        assert!(health.is_to_be_tried(later + 300 * SECOND), "nothing came of it");
        assert_eq!(health.latency(), 9 * SECOND);
        health.answered(Duration::from_micros(800), later + 301 * SECOND);
        assert_eq!(health.latency(), 800, "what was then counts no more");
    }
}
