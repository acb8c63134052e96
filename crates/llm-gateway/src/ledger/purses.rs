//! What this node holds of each purse, and what of that is reserved. Memory only; one owner at a time, by a lock that is
//! held for nanoseconds.

use std::collections::HashMap;
use std::time::Duration;

use creel_records::ledger::{Micros, PurseId};
use tokio::time::Instant;

use super::call::Bound;

/// One purse's escrow. Always `0 <= reserved <= held`.
struct Escrow {
    held: Micros,
    reserved: Micros,
    /// See [`Take::limit`](creel_records::ledger::Take).
    limit: Micros,
    /// When less than this is free, more is fetched before a call has to wait for it.
    low: Micros,
    used: Instant,
}

impl Escrow {
    fn free(&self) -> Micros {
        self.held - self.reserved
    }
}

#[derive(Default)]
pub(super) struct Purses {
    table: HashMap<PurseId, Escrow>,
    /// Budgets that were made smaller while some of them was held here.
    lowered: Vec<PurseId>,
}

impl Purses {
    /// Reserves the amount from every purse, or from none. Says whether it did.
    pub fn reserve(&mut self, bound: &Bound, amount: Micros, now: Instant) -> bool {
        let mut enough = true;
        for (purse, limit) in bound {
            let mut free = Micros::ZERO;
            if let Some(escrow) = self.table.get_mut(purse) {
                if *limit < escrow.limit {
                    self.lowered.push(purse.clone());
                    enough = false;
                }
                escrow.limit = *limit;
                free = escrow.free();
            }
            enough &= amount == Micros::ZERO || free >= amount;
        }
        if enough {
            for (purse, _) in bound {
                if let Some(escrow) = self.table.get_mut(purse) {
                    escrow.reserved += amount;
                    escrow.used = now;
                }
            }
        }
        enough
    }

    /// Ends a reservation that cost `cost`. What it cost above what was reserved is no affair of the escrow: the books
    /// take it from what no node holds.
    pub fn settle(&mut self, bound: &Bound, reserved: Micros, cost: Micros) {
        for (purse, _) in bound {
            if let Some(escrow) = self.table.get_mut(purse) {
                escrow.reserved -= reserved;
                escrow.held -= cost.min(reserved);
            }
        }
    }

    /// What is held and not reserved.
    pub fn free(&self, purse: &PurseId) -> Micros {
        self.table.get(purse).map_or(Micros::ZERO, Escrow::free)
    }

    /// More escrow came from the books.
    pub fn add(&mut self, purse: &PurseId, limit: Micros, amount: Micros, now: Instant) {
        let escrow = self.table.entry(purse.clone()).or_insert(Escrow {
            held: Micros::ZERO,
            reserved: Micros::ZERO,
            limit,
            low: Micros::ZERO,
            used: now,
        });
        escrow.held += amount;
        escrow.low = Micros(escrow.free().0 / 4);
    }

    /// Budgets of which what is free must go back, because the limit that let it out is no more.
    pub fn take_lowered(&mut self) -> Vec<PurseId> {
        std::mem::take(&mut self.lowered)
    }

    /// Takes what is free of a purse out, to give it back to the books.
    pub fn take_free(&mut self, purse: &PurseId) -> Micros {
        let Some(escrow) = self.table.get_mut(purse) else {
            return Micros::ZERO;
        };
        let free = escrow.free();
        escrow.held -= free;
        escrow.low = Micros::ZERO;
        if escrow.held == Micros::ZERO {
            self.table.remove(purse);
        }
        free
    }

    /// Purses that no call has used for `idle` and that have something to give back.
    pub fn idle(&self, idle: Duration, now: Instant) -> Vec<PurseId> {
        self.find(|escrow| escrow.free() > Micros::ZERO && now.saturating_duration_since(escrow.used) >= idle)
    }

    /// Purses in use that run low, with their limit and what is wanted.
    pub fn low(&self, idle: Duration, now: Instant) -> Vec<(PurseId, Micros, Micros)> {
        let low = |escrow: &Escrow| escrow.free() < escrow.low && now.saturating_duration_since(escrow.used) < idle;
        self.table
            .iter()
            .filter(|(_, escrow)| low(escrow))
            .map(|(purse, escrow)| (purse.clone(), escrow.limit, escrow.low))
            .collect()
    }

    /// Purses of which something is free.
    pub fn all_free(&self) -> Vec<PurseId> {
        self.find(|escrow| escrow.free() > Micros::ZERO)
    }

    /// What is reserved by calls in flight, over all purses that are credit accounts.
    pub fn reserved(&self) -> Micros {
        self.table
            .iter()
            .filter(|(purse, _)| purse.account().is_some())
            .map(|(_, escrow)| escrow.reserved)
            .sum()
    }

    fn find(&self, which: impl Fn(&Escrow) -> bool) -> Vec<PurseId> {
        let found = self.table.iter().filter(|(_, escrow)| which(escrow));
        found.map(|(purse, _)| purse.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str) -> PurseId {
        PurseId::Account(user.into())
    }

    fn bound(purses: &[&PurseId]) -> Bound {
        purses.iter().map(|purse| ((*purse).clone(), Micros::ZERO)).collect()
    }

    #[test]
    fn a_reservation_takes_from_all_purses_or_from_none() {
        let now = Instant::now();
        let (alice, day) = (
            account("alice"),
            PurseId::KeyDay {
                key: "k".into(),
                day: 1,
            },
        );
        let mut purses = Purses::default();
        purses.add(&alice, Micros::ZERO, Micros(100), now);
        purses.add(&day, Micros::ZERO, Micros(60), now);
        let both = bound(&[&alice, &day]);
        assert!(purses.reserve(&both, Micros(50), now));
        assert!(!purses.reserve(&both, Micros(20), now), "the day has 10 left");
        assert_eq!((purses.free(&alice), purses.free(&day)), (Micros(50), Micros(10)));
        purses.settle(&both, Micros(50), Micros(30));
        assert_eq!((purses.free(&alice), purses.free(&day)), (Micros(70), Micros(30)));
        assert_eq!(purses.reserved(), Micros::ZERO);
    }

    #[test]
    fn a_cost_above_the_reservation_leaves_what_others_reserved() {
        let now = Instant::now();
        let alice = bound(&[&account("alice")]);
        let mut purses = Purses::default();
        purses.add(&alice[0].0, Micros::ZERO, Micros(20), now);
        assert!(purses.reserve(&alice, Micros(10), now) && purses.reserve(&alice, Micros(10), now));
        purses.settle(&alice, Micros(10), Micros(1000));
        assert_eq!(purses.free(&alice[0].0), Micros::ZERO);
        assert_eq!(purses.reserved(), Micros(10));
    }

    #[test]
    fn what_is_reserved_is_never_given_back() {
        let now = Instant::now();
        let alice = bound(&[&account("alice")]);
        let mut purses = Purses::default();
        purses.add(&alice[0].0, Micros::ZERO, Micros(20), now);
        assert!(purses.reserve(&alice, Micros(15), now));
        assert_eq!(purses.take_free(&alice[0].0), Micros(5));
        assert_eq!(purses.take_free(&alice[0].0), Micros::ZERO);
        purses.settle(&alice, Micros(15), Micros(3));
        assert_eq!(purses.take_free(&alice[0].0), Micros(12));
        assert!(purses.table.is_empty());
    }

    #[test]
    fn a_call_of_no_cost_needs_no_escrow() {
        let mut purses = Purses::default();
        assert!(purses.reserve(&bound(&[&account("nobody")]), Micros::ZERO, Instant::now()));
    }
}
