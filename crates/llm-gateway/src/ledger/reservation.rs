//! A call that may be sent, until it is settled.

use std::sync::Arc;

use creel_records::ledger::{Micros, Outcome, RequestId, Settlement, Usage};
use tokio::time::Instant;

use super::call::{Bound, window_of};
use super::journal::Ticket;
use super::{Call, Shared};

/// The right to send one call, and the duty to say what it cost.
///
/// [`note`](Self::note) what is known just before the call is sent (its prompt, by estimate) and whenever more is known;
/// [`settle`](Self::settle) at its end. Dropped after a note, it is settled as [`Outcome::Cut`] with what was noted.
/// Dropped before the first note, nothing was sent: it costs nothing and leaves no entry.
#[must_use = "a call that is not settled costs what was noted"]
pub struct Reservation {
    open: Option<Open>,
}

const OPEN: &str = "open until it is consumed";

struct Open {
    shared: Arc<Shared>,
    call: Call,
    bound: Bound,
    noted: Option<(Usage, Micros)>,
    since: Instant,
}

impl Reservation {
    pub(super) fn open(shared: Arc<Shared>, call: Call, bound: Bound) -> Self {
        Self {
            open: Some(Open {
                shared,
                call,
                bound,
                noted: None,
                since: Instant::now(),
            }),
        }
    }

    /// The id under which it settles.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.open.as_ref().expect(OPEN).call.request
    }

    /// The call, whose tag may be changed when it goes to another provider or model than was meant.
    #[must_use]
    pub fn call_mut(&mut self) -> &mut Call {
        &mut self.open.as_mut().expect(OPEN).call
    }

    /// What is known so far: kept for a client that goes away. A cost below zero counts as zero, one that no call has as the largest.
    pub fn note(&mut self, so_far: Usage, cost: Micros) {
        if let Some(open) = &mut self.open {
            open.noted = Some((so_far, bounded(cost)));
        }
    }

    /// The call ended. A cost below zero counts as zero, one that no call has as the largest.
    pub fn settle(mut self, outcome: Outcome, usage: Usage, cost: Micros) -> Settled {
        self.open.take().expect(OPEN).settle(outcome, usage, bounded(cost))
    }

    /// The journal could not take it, and has none of it.
    pub(super) fn take_back(mut self) {
        if let Some(open) = self.open.take() {
            open.free();
        }
    }

    /// Nothing was sent: no cost, no entry.
    pub fn release(mut self) {
        if let Some(open) = self.open.take() {
            open.release();
        }
    }
}

/// A settlement on its way into the journal: it is there when this is dropped. Whoever has more to do can keep it for a turn of its thread, so that calls
/// that end at the same moment are written together.
pub struct Settled {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Drop for Settled {
    fn drop(&mut self) {
        // An error is the banker's to report: the journal keeps the settlement and tries again.
        let _ = self.shared.journal.ended(self.ticket);
    }
}

/// What a provider says is no reason for a sum in the books to run over.
fn bounded(cost: Micros) -> Micros {
    cost.clamp(Micros::ZERO, Micros::LARGEST)
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        match open.noted.take() {
            Some((usage, cost)) => drop(open.settle(Outcome::Cut, usage, cost)),
            None => open.release(),
        }
    }
}

impl Open {
    fn settle(self, outcome: Outcome, usage: Usage, cost: Micros) -> Settled {
        let Self {
            shared, call, bound, ..
        } = self;
        let (day, month) = window_of(&bound);
        let settlement = Settlement {
            request: call.request,
            billing: call.billing,
            user: call.tag.user,
            instance: call.tag.instance,
            key: call.tag.key,
            provider: call.tag.provider,
            model: call.tag.model,
            day,
            month,
            reserved: call.reserve,
            cost,
            usage,
            outcome,
            at: shared.clock.now(),
            latency_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let ticket = shared.journal.settle(&settlement);
        shared.purses().settle(&bound, call.reserve, cost);
        Settled { shared, ticket }
    }

    fn release(self) {
        let ticket = self.shared.journal.release(self.call.request);
        // As of a settlement, an error is the banker's to report.
        let _ = self.shared.journal.ended(ticket);
        self.free();
    }

    fn free(self) {
        self.shared
            .purses()
            .settle(&self.bound, self.call.reserve, Micros::ZERO);
    }
}
