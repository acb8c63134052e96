//! Requests per minute and client, by the generic cell rate algorithm (ITU-T I.371): one timestamp a client, no timers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use creel_session::UserId;

const MINUTE: Duration = Duration::from_secs(60);
/// Clients remembered before those that are long idle are forgotten.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub struct RateLimiter {
    /// When each client's burst will have drained entirely.
    drained_at: Mutex<HashMap<(UserId, IpAddr), Instant>>,
}

impl RateLimiter {
    /// Counts a request of `client`. Up to `per_minute` come through at once, then one every 60/`per_minute` seconds; 0 is no limit.
    /// Otherwise the time until the next one would come through.
    pub fn admit(&self, client: (UserId, IpAddr), per_minute: u32, now: Instant) -> Result<(), Duration> {
        if per_minute == 0 {
            return Ok(());
        }
        let step = MINUTE / per_minute;
        let mut table = self.drained_at.lock().expect("no holder panics");
        if table.len() >= REMEMBERED {
            table.retain(|_, drained| *drained > now);
        }
        let drained = table.entry(client).or_insert(now);
        let after = (*drained).max(now) + step;
        let ahead = after.duration_since(now);
        if ahead > MINUTE {
            return Err(ahead - MINUTE);
        }
        *drained = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> (UserId, IpAddr) {
        (UserId::new(name).unwrap(), IpAddr::from([127, 0, 0, 1]))
    }

    #[test]
    fn a_burst_then_a_trickle() {
        let limiter = RateLimiter::default();
        let start = Instant::now();
        for _ in 0..200 {
            limiter.admit(client("a"), 200, start).unwrap();
        }
        let wait = limiter.admit(client("a"), 200, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(300));
        limiter.admit(client("b"), 200, start).unwrap();
        limiter.admit(client("a"), 200, start + wait).unwrap();
        limiter.admit(client("a"), 200, start + wait).unwrap_err();
    }

    #[test]
    fn zero_is_no_limit() {
        let limiter = RateLimiter::default();
        let now = Instant::now();
        assert!((0..10_000).all(|_| limiter.admit(client("a"), 0, now).is_ok()));
    }
}
