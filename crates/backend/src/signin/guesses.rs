//! Slows guessing of users' passwords down, and keeps nobody out who knows theirs.
//!
//! Failures are counted by place (an address, and the user who is named there), by address whoever is named, and by user from all places where
//! they have not signed in before. So one stranger locks out nobody but themselves. Many of them together are held to so many
//! guesses an hour at one user, which no place of that user's feels (docs/decisions/0016).

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use creel_http::{Client, Limit, Throttle};

/// Whoever is named: one who tries a password at many users, or an office in which many mistype theirs.
const OF_AN_ADDRESS: Limit = Limit {
    failures: 100,
    ..Limit::OF_GUESSES
};
/// At one user, from wherever they have not signed in. NIST SP 800-63B-3, section 5.2.2, has no more than 100 in a row.
const AT_A_USER: Limit = Limit {
    failures: 100,
    window: Duration::from_secs(3_600),
    lockout: Duration::from_secs(600),
};
/// Places remembered in which a user has signed in.
const REMEMBERED: usize = 16_384;
/// Characters of a name that are looked at: a longer one is nobody's.
const NAME: usize = 130;

/// Where somebody signs in, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    address: IpAddr,
    user: String,
}

impl Place {
    pub fn new(address: IpAddr, user: &str) -> Self {
        Self {
            address: address.counted_as(),
            user: user.chars().take(NAME).collect(),
        }
    }

    /// Who is named, as far as it is looked at.
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl Client for Place {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {:?}", self.address, self.user)
    }
}

/// All that was guessed of late.
pub struct Guesses {
    places: Throttle<Place>,
    addresses: Throttle,
    users: Throttle<String>,
    known: Mutex<Known>,
}

/// Where users have signed in since this control plane began, each with its number: the newest have the highest.
#[derive(Default)]
struct Known {
    places: HashMap<Place, u64>,
    last: u64,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            places: Throttle::default(),
            addresses: Throttle::new(OF_AN_ADDRESS),
            users: Throttle::new(AT_A_USER),
            known: Mutex::default(),
        }
    }
}

impl Guesses {
    /// How much longer nobody may sign in there.
    pub fn locked_out(&self, place: &Place) -> Option<Duration> {
        let of_place = self.places.locked_out(place.clone());
        let of_address = self.addresses.locked_out(place.address);
        let at_user = || self.users.locked_out(place.user.clone());
        let at_user = if self.knows(place) { None } else { at_user() };
        of_place.max(of_address).max(at_user)
    }

    /// Somebody tries; it counts as a failure until it has succeeded.
    pub fn begin(&self, place: &Place) {
        self.places.failed(place.clone());
        self.addresses.failed(place.address);
        if !self.knows(place) {
            self.users.failed(place.user.clone());
        }
    }

    /// What was begun was no guess.
    pub fn succeeded(&self, place: &Place) {
        self.places.succeeded(place.clone());
        // What was guessed there at others stays: whoever guesses may have an account too.
        self.addresses.take_back(place.address);
        if !self.knows(place) {
            self.users.take_back(place.user.clone());
        }
        self.known().add(place.clone());
    }

    fn knows(&self, place: &Place) -> bool {
        self.known().places.contains_key(place)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no holder panics")
    }
}

impl Known {
    fn add(&mut self, place: Place) {
        self.last += 1;
        self.places.insert(place, self.last);
        if self.places.len() > REMEMBERED {
            // Down to half, so that not every new one has to look through all of them.
            let mut numbers: Vec<u64> = self.places.values().copied().collect();
            let (_, middle, _) = numbers.select_nth_unstable(REMEMBERED / 2);
            let middle = *middle;
            self.places.retain(|_, number| *number > middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(last: u8, user: &str) -> Place {
        Place::new(IpAddr::from([10, 0, 0, last]), user)
    }

    fn fail(guesses: &Guesses, place: &Place, times: u32) {
        (0..times).for_each(|_| guesses.begin(place));
    }

    fn is_let_try(guesses: &Guesses, place: &Place) -> bool {
        guesses.locked_out(place).is_none()
    }

    #[test]
    fn a_stranger_locks_out_themselves_and_nobody_else() {
        let guesses = Guesses::default();
        fail(&guesses, &place(1, "alice"), 10);
        assert!(!is_let_try(&guesses, &place(1, "alice")));
        assert!(is_let_try(&guesses, &place(1, "bob")), "a colleague in the same office");
        assert!(is_let_try(&guesses, &place(2, "alice")), "alice, elsewhere");
    }

    #[test]
    fn an_address_is_held_to_so_many_whoever_is_named() {
        let guesses = Guesses::default();
        for number in 0..100 {
            assert!(is_let_try(&guesses, &place(1, "alice")), "{number}");
            guesses.begin(&place(1, &format!("user{number}")));
            // An account of one's own wipes nothing out.
            guesses.begin(&place(1, "mallory"));
            guesses.succeeded(&place(1, "mallory"));
        }
        assert!(!is_let_try(&guesses, &place(1, "alice")));
        assert!(is_let_try(&guesses, &place(2, "alice")));
    }

    #[test]
    fn many_strangers_do_not_lock_out_who_has_signed_in_there_before() {
        let guesses = Guesses::default();
        let home = place(200, "alice");
        guesses.begin(&home);
        guesses.succeeded(&home);
        for last in 0..12 {
            fail(&guesses, &place(last, "alice"), 9);
        }
        assert!(!is_let_try(&guesses, &place(100, "alice")), "a hundred guesses an hour");
        assert!(is_let_try(&guesses, &home), "alice at home");
        fail(&guesses, &home, 10);
        assert!(!is_let_try(&guesses, &home), "somebody else at her home");
        guesses.succeeded(&home);
        assert!(is_let_try(&guesses, &home));
    }

    #[test]
    fn so_many_places_are_remembered_the_newest_ones() {
        let mut known = Known::default();
        let place = |number: usize| Place::new(IpAddr::from([10, 0, 0, 1]), &format!("user{number}"));
        (0..=REMEMBERED).for_each(|number| known.add(place(number)));
        assert_eq!(known.places.len(), REMEMBERED / 2);
        assert!(known.places.contains_key(&place(REMEMBERED)) && !known.places.contains_key(&place(0)));
    }
}
