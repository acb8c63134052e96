//! Slows guessing down: after so many failures of a client, an address for one, it is locked out for a while.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How many failures within which time lock a client out, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub failures: u32,
    pub window: Duration,
    pub lockout: Duration,
}

impl Limit {
    /// For whoever guesses at one secret.
    pub const OF_GUESSES: Self = Self {
        failures: 10,
        window: Duration::from_secs(60),
        lockout: Duration::from_secs(60),
    };
}

/// Addresses remembered; beyond it, those whose window is over are forgotten, then those that are not locked out, then all: whoever has so
/// many addresses is not held by one of them being locked, and must not take the memory.
const REMEMBERED: usize = 4_096;

/// Counts the failures of each client.
pub struct Throttle<C = IpAddr> {
    limit: Limit,
    clients: Mutex<HashMap<C, Failures>>,
}

/// Whose failures are counted together.
pub trait Client: Clone + Display + Eq + Hash {
    #[must_use]
    fn counted_as(self) -> Self {
        self
    }
}

impl Client for String {}

impl Client for IpAddr {
    fn counted_as(self) -> Self {
        network(self)
    }
}

impl<C> Default for Throttle<C> {
    fn default() -> Self {
        Self::new(Limit::OF_GUESSES)
    }
}

struct Failures {
    count: u32,
    since: Instant,
    locked_until: Option<Instant>,
}

impl<C> Throttle<C> {
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            clients: Mutex::default(),
        }
    }
}

impl<C: Client> Throttle<C> {
    /// How much longer the client is locked out.
    pub fn locked_out(&self, client: C) -> Option<Duration> {
        let client = client.counted_as();
        let until = self.clients().get(&client)?.locked_until?;
        until.checked_duration_since(Instant::now())
    }

    pub fn failed(&self, client: C) {
        let now = Instant::now();
        let fresh = || Failures {
            count: 0,
            since: now,
            locked_until: None,
        };
        let client = client.counted_as();
        let mut clients = self.clients();
        if clients.len() >= REMEMBERED && !clients.contains_key(&client) {
            make_room(&mut clients, self.limit, now);
        }
        let entry = clients.entry(client.clone()).or_insert_with(fresh);
        if now.duration_since(entry.since) > self.limit.window {
            *entry = fresh();
        }
        entry.count += 1;
        if entry.count >= self.limit.failures {
            let lockout = self.limit.lockout;
            entry.locked_until = Some(now + lockout);
            tracing::warn!(%client, seconds = lockout.as_secs(), "too many wrong secrets; locked out");
        }
    }

    /// The client knows the secret: what it did wrong before is forgotten.
    pub fn succeeded(&self, client: C) {
        self.clients().remove(&client.counted_as());
    }

    /// One failure was none: it was counted before the secret was looked at. The others stay.
    pub fn take_back(&self, client: C) {
        if let Some(entry) = self.clients().get_mut(&client.counted_as()) {
            entry.count = entry.count.saturating_sub(1);
            if entry.count < self.limit.failures {
                entry.locked_until = None;
            }
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<C, Failures>> {
        self.clients.lock().expect("no holder panics")
    }
}

/// Down to half, so that not every new address has to look through all of them.
fn make_room<C>(clients: &mut HashMap<C, Failures>, limit: Limit, now: Instant) {
    clients.retain(|_, entry| now.duration_since(entry.since) < limit.window + limit.lockout);
    if clients.len() > REMEMBERED / 2 {
        clients.retain(|_, entry| entry.locked_until.is_some());
    }
    if clients.len() > REMEMBERED / 2 {
        clients.clear();
    }
}

/// What one client has for itself: of IPv6, a network of 64 bits, as RFC 6177 has it for the smallest site.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURES: u32 = Limit::OF_GUESSES.failures;

    #[test]
    fn locks_the_address_that_fails_and_no_other() {
        let throttle = Throttle::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 1..FAILURES {
            throttle.failed(one);
            assert_eq!(throttle.locked_out(one), None);
        }
        throttle.failed(one);
        assert!(
            throttle
                .locked_out(one)
                .is_some_and(|left| left <= Limit::OF_GUESSES.lockout)
        );
        assert_eq!(throttle.locked_out(other), None);
        throttle.failed(one);
        throttle.take_back(one);
        assert!(throttle.locked_out(one).is_some(), "the ten before are still there");
        throttle.take_back(one);
        assert_eq!(throttle.locked_out(one), None);
        throttle.failed(one);
        throttle.succeeded(one);
        assert_eq!(throttle.locked_out(one), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let throttle = Throttle::default();
        let of = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, last]);
        (0..FAILURES as u16).for_each(|last| throttle.failed(of(last)));
        assert!(throttle.locked_out(of(999)).is_some());
        assert_eq!(throttle.clients().len(), 1);
        assert_eq!(
            throttle.locked_out(IpAddr::from([0x2001, 0xdb8, 0, 8, 0, 0, 0, 1])),
            None
        );
    }

    #[test]
    fn whoever_has_many_addresses_does_not_take_the_memory() {
        let throttle = Throttle::default();
        let locked = IpAddr::from([10, 0, 0, 1]);
        (0..FAILURES).for_each(|_| throttle.failed(locked));
        for number in 0..3 * REMEMBERED as u32 {
            throttle.failed(IpAddr::from((0x0b00_0000 + number).to_be_bytes()));
        }
        assert!(throttle.clients().len() <= REMEMBERED);
        assert!(throttle.locked_out(locked).is_some(), "who is locked out stays so");
    }
}
