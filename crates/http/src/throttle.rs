//! Slows guessing down: after [`FAILURES`] failures from an address within [`WINDOW`], it is locked out for [`LOCKOUT`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub const FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
const LOCKOUT: Duration = Duration::from_secs(60);
/// Addresses remembered; beyond it, those whose window is over are forgotten.
const REMEMBERED: usize = 4_096;

#[derive(Default)]
pub struct Throttle {
    addresses: Mutex<HashMap<IpAddr, Failures>>,
}

struct Failures {
    count: u32,
    since: Instant,
    locked_until: Option<Instant>,
}

impl Throttle {
    /// How much longer the address is locked out.
    pub fn locked_out(&self, address: IpAddr) -> Option<Duration> {
        let until = self.addresses().get(&address)?.locked_until?;
        until.checked_duration_since(Instant::now())
    }

    pub fn failed(&self, address: IpAddr) {
        let now = Instant::now();
        let fresh = || Failures {
            count: 0,
            since: now,
            locked_until: None,
        };
        let mut addresses = self.addresses();
        if addresses.len() >= REMEMBERED {
            addresses.retain(|_, entry| now.duration_since(entry.since) < WINDOW + LOCKOUT);
        }
        let entry = addresses.entry(address).or_insert_with(fresh);
        if now.duration_since(entry.since) > WINDOW {
            *entry = fresh();
        }
        entry.count += 1;
        if entry.count >= FAILURES {
            entry.locked_until = Some(now + LOCKOUT);
            tracing::warn!(%address, seconds = LOCKOUT.as_secs(), "too many wrong secrets; the address is locked out");
        }
    }

    /// Takes a failure back that was counted before the secret was looked at.
    pub fn succeeded(&self, address: IpAddr) {
        self.addresses().remove(&address);
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        self.addresses.lock().expect("no holder panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_the_address_that_fails_and_no_other() {
        let throttle = Throttle::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 1..FAILURES {
            throttle.failed(one);
            assert_eq!(throttle.locked_out(one), None);
        }
        throttle.failed(one);
        assert!(throttle.locked_out(one).is_some_and(|left| left <= LOCKOUT));
        assert_eq!(throttle.locked_out(other), None);
        throttle.succeeded(one);
        assert_eq!(throttle.locked_out(one), None);
    }
}
