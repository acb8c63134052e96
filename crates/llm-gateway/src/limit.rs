//! Requests and tokens per minute of a key, without a lock and without a table of past requests: the generic cell rate algorithm
//! (<https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>). A key may use a minute's worth at once, then it refills evenly.
//!
//! Each gateway node counts for itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The length over which a limit counts, in microseconds.
const MINUTE: u64 = 60_000_000;

/// How much of a limit is used up.
#[derive(Debug, Default)]
pub struct Bucket {
    /// When the bucket will be empty again, in microseconds of the caller's clock.
    empty_at: AtomicU64,
}

impl Bucket {
    /// Takes `amount` of `per_minute`, or says how long to wait. What is more than a minute's worth is let through when the bucket is
    /// empty: it could never pass otherwise.
    pub fn take(&self, amount: u64, per_minute: u64, now: u64) -> Result<(), Duration> {
        let cost = cost(amount, per_minute);
        let mut before = self.empty_at.load(Ordering::Relaxed);
        loop {
            let empty_at = before.max(now);
            let after = empty_at.saturating_add(cost);
            if after > now + MINUTE && empty_at > now {
                let wait = (after - now - MINUTE).min(empty_at - now);
                return Err(Duration::from_micros(wait));
            }
            match self
                .empty_at
                .compare_exchange_weak(before, after, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(other) => before = other,
            }
        }
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, amount: u64, per_minute: u64) {
        let cost = cost(amount, per_minute);
        let _ = self
            .empty_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| {
                Some(empty_at.saturating_sub(cost))
            });
    }

    /// Counts what was used beyond what was taken.
    pub fn add(&self, amount: u64, per_minute: u64, now: u64) {
        let cost = cost(amount, per_minute);
        let _ = self
            .empty_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| {
                Some(empty_at.max(now).saturating_add(cost))
            });
    }
}

fn cost(amount: u64, per_minute: u64) -> u64 {
    let cost = u128::from(amount) * u128::from(MINUTE) / u128::from(per_minute.max(1));
    u64::try_from(cost).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_then_evenly() {
        let bucket = Bucket::default();
        let now = 1_000_000_000;
        for _ in 0..60 {
            bucket.take(1, 60, now).unwrap();
        }
        assert_eq!(bucket.take(1, 60, now), Err(Duration::from_secs(1)));
        bucket.take(1, 60, now + 1_000_000).unwrap();
        assert_eq!(bucket.take(2, 60, now + 1_000_000), Err(Duration::from_secs(2)));
        for _ in 0..60 {
            bucket.take(1, 60, now + 10 * MINUTE).unwrap();
        }
    }

    #[test]
    fn what_is_not_used_comes_back_and_what_is_used_more_counts() {
        let bucket = Bucket::default();
        let now = 1_000_000_000;
        bucket.take(1_000, 1_000, now).unwrap();
        bucket.give_back(900, 1_000);
        bucket.take(900, 1_000, now).unwrap();
        bucket.add(1_000, 1_000, now);
        assert_eq!(bucket.take(1, 1_000, now), Err(Duration::from_micros(60_060_000)));
    }

    #[test]
    fn more_than_a_minutes_worth_passes_when_nothing_else_does() {
        let bucket = Bucket::default();
        let now = 1_000_000_000;
        bucket.take(5_000, 1_000, now).unwrap();
        assert_eq!(bucket.take(1, 1_000, now), Err(Duration::from_micros(240_060_000)));
        bucket.take(1, 1_000, now + 5 * MINUTE).unwrap();
    }
}
