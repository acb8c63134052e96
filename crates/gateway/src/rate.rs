//! Requests per minute and client, by the generic cell rate algorithm (ITU-T I.371): one timestamp a client, no timers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use creel_session::UserId;

const MINUTE: Duration = Duration::from_secs(60);
/// Clients remembered before those that are long idle are forgotten.
const REMEMBERED: usize = 10_000;

/// What one client has used up: when their burst will have drained entirely.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket(Option<Instant>);

impl Bucket {
    /// Counts a request. Up to `per_minute` come through at once, then one every 60/`per_minute` seconds; 0 is no limit.
    /// Otherwise the time until the next one would come through.
    pub fn admit(&mut self, per_minute: u32, now: Instant) -> Result<(), Duration> {
        if per_minute == 0 {
            return Ok(());
        }
        let after = self.0.map_or(now, |drained| drained.max(now)) + MINUTE / per_minute;
        let ahead = after.duration_since(now);
        if ahead > MINUTE {
            return Err(ahead - MINUTE);
        }
        self.0 = Some(after);
        Ok(())
    }

    fn is_drained(&self, now: Instant) -> bool {
        self.0.is_none_or(|drained| drained <= now)
    }
}

#[derive(Default)]
pub struct RateLimiter {
    clients: Mutex<HashMap<(UserId, IpAddr), Bucket>>,
}

impl RateLimiter {
    /// Counts a request of `client`, as [`Bucket::admit`] does.
    pub fn admit(&self, client: (UserId, IpAddr), per_minute: u32, now: Instant) -> Result<(), Duration> {
        if per_minute == 0 {
            return Ok(());
        }
        let mut clients = self.clients.lock().expect("no holder panics");
        if clients.len() >= REMEMBERED {
            clients.retain(|_, bucket| !bucket.is_drained(now));
        }
        clients.entry(client).or_default().admit(per_minute, now)
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
