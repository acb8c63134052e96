//! One call's bill, from the reservation to the settlement. Whatever becomes of the call, and whoever drops it, it is settled once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::catalog::Key;
use crate::clock::now_us;
use crate::counted::{CallOf, Counted};
use crate::ledger::{Micros, Outcome, Reservation, Settled};
use crate::price::{Multiplier, Price};
use crate::tokens::{Clerk, Uncounted};
use crate::usage::{By, Counts, Seen, Tally};

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

/// What a call is to be charged to, and by.
pub struct Bill {
    pub reservation: Reservation,
    pub tariff: Tariff,
    pub key: Arc<Key>,
    /// Tokens that were taken from the key's limit before the call.
    pub taken: u64,
    pub of: CallOf,
    pub began: Instant,
}

impl Bill {
    pub fn settle(self, outcome: Outcome, counts: &Counts, counted: &Counted) -> Settled {
        let cost = self.tariff.cost(counts);
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
        counted.settled(&self.of, outcome, counts, cost, took);
        self.reservation.settle(outcome, (*counts).into(), cost)
    }
}

/// A call that may be sent.
pub struct Meter {
    /// `None`: it is settled, or the clerk has it. In a box, because a call hands it on many times.
    open: Option<Box<Open>>,
    /// The most output tokens that the reservation covers.
    covered: u64,
    counted: Rc<Counted>,
    clerk: Arc<Clerk>,
    sent: bool,
    /// Something of a reply has come.
    answered: bool,
    /// The provider has said in its stream that there is no more to come.
    gave_up: bool,
}

struct Open {
    bill: Bill,
    tally: Tally,
}

const OPEN: &str = "open until it is consumed";

impl Meter {
    pub fn new(bill: Bill, tally: Tally, covered: u64, counted: Rc<Counted>, clerk: Arc<Clerk>) -> Self {
        Self {
            open: Some(Box::new(Open { bill, tally })),
            covered,
            counted,
            clerk,
            sent: false,
            answered: false,
            gave_up: false,
        }
    }

    fn open(&self) -> &Open {
        self.open.as_ref().expect(OPEN)
    }

    /// The call is about to go to this provider: from now on it costs at least what its prompt costs, unless the provider fails.
    pub fn sends_to(&mut self, provider: &Arc<str>) {
        let Open { bill, tally } = &mut **self.open.as_mut().expect(OPEN);
        let counts = tally.sent();
        bill.reservation.call_mut().tag.provider = Arc::clone(provider);
        bill.reservation.note(counts.into(), bill.tariff.cost(&counts));
        bill.of.provider = Arc::clone(provider);
        self.sent = true;
    }

    pub fn tally(&mut self) -> &mut Tally {
        &mut self.open.as_mut().expect(OPEN).tally
    }

    pub fn key(&self) -> &Key {
        &self.open().bill.key
    }

    /// The provider says far more than it may: twice what the reservation covers, and some.
    pub fn is_overrun(&self) -> bool {
        const SLACK: u64 = 1_024;
        self.open().tally.seen_at_least() > self.covered.saturating_mul(2).saturating_add(SLACK)
    }

    /// Takes note of what came of the reply; says whether that was its end.
    pub fn sees(&mut self, seen: Seen) -> bool {
        match seen {
            Seen::Error => self.gave_up = true,
            Seen::Event | Seen::UsageOnly | Seen::End => self.answered = true,
        }
        seen == Seen::End
    }

    /// Neither a reply nor a word of why there is none.
    pub fn heard_nothing(&self) -> bool {
        !self.answered && !self.gave_up
    }

    /// The provider has said that it gives up.
    pub fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// The reply is whole. `None`: the clerk has the call.
    pub fn done(mut self) -> Option<Settled> {
        let outcome = if self.gave_up { Outcome::Failed } else { Outcome::Done };
        self.settle(outcome, true)
    }

    /// The provider has ended its reply without the word that ends one. Whichever is more counts, what was told or what was seen; where nothing
    /// came, or but an error, there was no reply.
    pub fn ended_unsaid(mut self) {
        match (self.answered, self.gave_up) {
            (false, _) => self.failed(),
            (true, true) => self.broken(),
            (true, false) => drop(self.settle(Outcome::Done, false)),
        }
    }

    /// The reply broke off, by the provider's fault; what was seen of it is charged.
    pub fn broken(mut self) {
        self.settle(Outcome::Failed, false);
    }

    /// There was no reply: it costs nothing.
    pub fn failed(mut self) {
        if let Some(open) = self.open.take() {
            open.bill.settle(Outcome::Failed, &Counts::default(), &self.counted);
        }
    }

    fn settle(&mut self, outcome: Outcome, done: bool) -> Option<Settled> {
        let Open { bill, tally } = *self.open.take()?;
        if tally.is_told(done) {
            return Some(bill.settle(outcome, &tally.counts(done, By::Table), &self.counted));
        }
        if tally.is_error() {
            return Some(bill.settle(Outcome::Failed, &Counts::default(), &self.counted));
        }
        let call = Uncounted {
            bill,
            tally,
            outcome,
            done,
        };
        self.clerk.take(Box::new(call), &self.counted);
        None
    }
}

impl Drop for Meter {
    /// The client went away. What was sent is charged as far as it is known; what was not is released by the reservation itself.
    fn drop(&mut self) {
        if self.sent {
            self.settle(Outcome::Cut, false);
        } else if let Some(open) = &self.open
            && let Some(per_minute) = open.bill.key.limits.tokens_per_minute
        {
            open.bill.key.state.tokens.give_back(open.bill.taken, per_minute);
        }
    }
}
