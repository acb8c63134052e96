//! Slows guessing down: after [`FAILURES`] failures from an address within [`WINDOW`], it is locked out for [`LOCKOUT`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub const FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
const LOCKOUT: Duration = Duration::from_secs(60);
/// Addresses remembered; beyond it, those whose window is over are forgotten, then those that are not locked out, then all: whoever has so
/// many addresses is not held by one of them being locked, and must not take the memory.
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
        let address = network(address);
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
        let address = network(address);
        let mut addresses = self.addresses();
        if addresses.len() >= REMEMBERED && !addresses.contains_key(&address) {
            make_room(&mut addresses, now);
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
        self.addresses().remove(&network(address));
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        self.addresses.lock().expect("no holder panics")
    }
}

/// Down to half, so that not every new address has to look through all of them.
fn make_room(addresses: &mut HashMap<IpAddr, Failures>, now: Instant) {
    addresses.retain(|_, entry| now.duration_since(entry.since) < WINDOW + LOCKOUT);
    if addresses.len() > REMEMBERED / 2 {
        addresses.retain(|_, entry| entry.locked_until.is_some());
    }
    if addresses.len() > REMEMBERED / 2 {
        addresses.clear();
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

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let throttle = Throttle::default();
        let of = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, last]);
        (0..FAILURES as u16).for_each(|last| throttle.failed(of(last)));
        assert!(throttle.locked_out(of(999)).is_some());
        assert_eq!(throttle.addresses().len(), 1);
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
        assert!(throttle.addresses().len() <= REMEMBERED);
        assert!(throttle.locked_out(locked).is_some(), "who is locked out stays so");
    }
}
