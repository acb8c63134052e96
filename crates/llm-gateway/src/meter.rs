//! One call's bill, from the reservation to the settlement. Whatever becomes of the call, and whoever drops it, it is settled once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::catalog::Key;
use crate::clock::now_us;
use crate::counted::{CallOf, Counted};
use crate::ledger::{Micros, Outcome, Reservation};
use crate::price::{Multiplier, Price};
use crate::usage::{Counts, Tally};

/// What a call is charged by; fixed when it is reserved, whatever happens to prices meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Tariff {
    /// `None`: the model has no price, and that costs nothing here.
    pub price: Option<Price>,
    pub multiplier: Multiplier,
}

impl Tariff {
    pub fn cost(&self, counts: &Counts) -> Micros {
        self.price
            .map_or(Micros::ZERO, |price| price.cost(counts, self.multiplier))
    }

    pub fn bound(&self, prompt: u64, completion: u64) -> Micros {
        self.price
            .map_or(Micros::ZERO, |price| price.bound(prompt, completion, self.multiplier))
    }
}

/// A call that may be sent.
pub struct Meter {
    reservation: Option<Reservation>,
    tally: Tally,
    tariff: Tariff,
    key: Arc<Key>,
    /// Tokens that were taken from the key's limit before the call.
    taken: u64,
    /// The most output tokens that the reservation covers.
    covered: u64,
    counted: Rc<Counted>,
    of: CallOf,
    began: Instant,
    sent: bool,
}

impl Meter {
    #[expect(
        clippy::too_many_arguments,
        reason = "all that a bill needs, gathered in one place and named there"
    )]
    pub fn new(
        reservation: Reservation,
        tally: Tally,
        tariff: Tariff,
        key: Arc<Key>,
        taken: u64,
        covered: u64,
        counted: Rc<Counted>,
        of: CallOf,
    ) -> Self {
        Self {
            reservation: Some(reservation),
            tally,
            tariff,
            key,
            taken,
            covered,
            counted,
            of,
            began: Instant::now(),
            sent: false,
        }
    }

    /// The call is about to go to this provider: from now on it costs at least what its prompt costs, unless the provider fails.
    pub fn sends_to(&mut self, provider: &Arc<str>) {
        let counts = self.tally.counts(false);
        let cost = self.tariff.cost(&counts);
        if let Some(reservation) = &mut self.reservation {
            reservation.call_mut().tag.provider = Arc::clone(provider);
            reservation.note(counts.into(), cost);
        }
        self.of.provider = Arc::clone(provider);
        self.sent = true;
    }

    pub fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The provider says far more than it may: twice what the reservation covers, and some.
    pub fn is_overrun(&self) -> bool {
        const SLACK: u64 = 1_024;
        self.tally.seen_tokens() > self.covered.saturating_mul(2).saturating_add(SLACK)
    }

    /// The reply is whole.
    pub fn done(mut self) {
        self.settle(Outcome::Done, self.tally.counts(true));
    }

    /// The provider has ended its reply without the word that ends one. Whichever is more counts, what was told or what was seen.
    pub fn ended_unsaid(mut self) {
        self.settle(Outcome::Done, self.tally.counts(false));
    }

    /// The reply broke off, by the provider's fault; what was seen of it is charged.
    pub fn broken(mut self) {
        self.settle(Outcome::Failed, self.tally.counts(false));
    }

    /// There was no reply: it costs nothing.
    pub fn failed(mut self) {
        self.settle(Outcome::Failed, Counts::default());
    }

    fn settle(&mut self, outcome: Outcome, counts: Counts) {
        let Some(reservation) = self.reservation.take() else {
            return;
        };
        let cost = self.tariff.cost(&counts);
        if let Some(per_minute) = self.key.limits.tokens_per_minute {
            let used = counts.prompt.saturating_add(counts.completion);
            let bucket = &self.key.state.tokens;
            match used.checked_sub(self.taken) {
                Some(more) => bucket.add(more, per_minute, now_us()),
                None => bucket.give_back(self.taken - used, per_minute),
            }
        }
        let took = self.began.elapsed();
        tracing::debug!(
            model = &*self.of.model,
            provider = &*self.of.provider,
            key = &*self.key.id,
            outcome = ?outcome,
            prompt_tokens = counts.prompt,
            completion_tokens = counts.completion,
            credits = %cost,
            milliseconds = took.as_secs_f64() * 1_000.0,
            "call"
        );
        self.counted.settled(&self.of, outcome, &counts, cost, took);
        reservation.settle(outcome, counts.into(), cost);
    }
}

impl Drop for Meter {
    /// The client went away. What was sent is charged as far as it is known; what was not is released by the reservation itself.
    fn drop(&mut self) {
        if self.sent {
            self.settle(Outcome::Cut, self.tally.counts(false));
        } else if let Some(per_minute) = self.key.limits.tokens_per_minute {
            self.key.state.tokens.give_back(self.taken, per_minute);
        }
    }
}
