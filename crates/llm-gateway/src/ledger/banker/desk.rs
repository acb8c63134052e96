//! What calls ask of the banker, and what it asks of the books and gives back to them for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use creel_records::ledger::{Give, Micros, PurseId, Take};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Banker;
use crate::ledger::call::Bound;
use crate::ledger::{Refused, Shared};

/// Escrow that no call has used for this long goes back.
const IDLE: Duration = Duration::from_secs(5);

/// A call that waits for escrow.
pub struct Want {
    bound: Bound,
    amount: Micros,
    until: Instant,
    reply: oneshot::Sender<Result<Covered, Refused>>,
}

/// What was reserved for a call that waited. It is free again if the call goes away before it has heard of it.
pub struct Covered {
    shared: Arc<Shared>,
    bound: Bound,
    amount: Micros,
    kept: bool,
}

impl Covered {
    /// The call has it.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Covered {
    fn drop(&mut self) {
        if !self.kept {
            self.shared.purses().settle(&self.bound, self.amount, Micros::ZERO);
        }
    }
}

impl Want {
    pub fn new(bound: Bound, amount: Micros, until: Instant, reply: oneshot::Sender<Result<Covered, Refused>>) -> Self {
        Self {
            bound,
            amount,
            until,
            reply,
        }
    }
}

impl Banker {
    /// Reserves for those who wait, in the order in which they came; turns away those who waited long enough.
    pub(super) fn serve(&mut self) {
        let now = Instant::now();
        let waiting = std::mem::take(&mut self.waiting);
        for want in waiting {
            if want.reply.is_closed() {
                continue;
            }
            let mut purses = self.shared.purses();
            if purses.reserve(&want.bound, want.amount, now) {
                drop(purses);
                let Want {
                    bound, amount, reply, ..
                } = want;
                let covered = Covered {
                    shared: Arc::clone(&self.shared),
                    bound,
                    amount,
                    kept: false,
                };
                let _ = reply.send(Ok(covered));
            } else if now >= want.until {
                let purse = short_purse(&want, |purse| purses.free(purse));
                let _ = want.reply.send(Err(Refused::OutOfCredits { purse }));
            } else {
                drop(purses);
                self.waiting.push(want);
            }
        }
    }

    pub(super) fn gives(&mut self, closing: bool) -> Vec<Give> {
        let mut purses = self.shared.purses();
        let mut going = std::mem::take(&mut self.recalled);
        going.append(&mut purses.take_lowered());
        let unused = if closing {
            purses.all_free()
        } else {
            purses.idle(IDLE, Instant::now())
        };
        let wanted = |purse: &PurseId| {
            self.waiting
                .iter()
                .any(|want| want.bound.iter().any(|(id, _)| id == purse))
        };
        going.extend(unused.into_iter().filter(|purse| !wanted(purse)));
        going.sort_unstable();
        going.dedup();
        let gives = going.into_iter().map(|purse| Give {
            amount: purses.take_free(&purse),
            purse,
        });
        gives.collect()
    }

    pub(super) fn takes(&self) -> Vec<Take> {
        let purses = self.shared.purses();
        let mut takes: BTreeMap<PurseId, Take> = BTreeMap::new();
        for want in &self.waiting {
            for (purse, limit) in &want.bound {
                let missing = want.amount - purses.free(purse);
                if missing <= Micros::ZERO {
                    continue;
                }
                takes
                    .entry(purse.clone())
                    .and_modify(|take| {
                        take.limit = *limit;
                        take.need = take.need.min(missing);
                        take.want += want.amount;
                    })
                    .or_insert_with(|| Take {
                        purse: purse.clone(),
                        limit: *limit,
                        need: missing,
                        want: missing,
                        recall: !self.recalling.contains(purse),
                    });
            }
        }
        for (purse, limit, want) in purses.low(IDLE, Instant::now()) {
            takes.entry(purse.clone()).or_insert(Take {
                purse,
                limit,
                need: Micros(1),
                want,
                recall: false,
            });
        }
        takes.into_values().collect()
    }

    /// The purse gives no more: turns away the calls that it cannot cover.
    pub(super) fn refuse(&mut self, purse: &PurseId) {
        let free = self.shared.purses().free(purse);
        let (short, rest) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|want: &Want| want.amount > free && want.bound.iter().any(|(id, _)| id == purse));
        self.waiting = rest;
        for want in short {
            let _ = want.reply.send(Err(Refused::OutOfCredits { purse: purse.clone() }));
        }
    }

    pub(super) fn turn_away(&mut self, refused: &Refused) {
        for want in self.waiting.drain(..) {
            let _ = want.reply.send(Err(refused.clone()));
        }
    }
}

fn short_purse(want: &Want, free: impl Fn(&PurseId) -> Micros) -> PurseId {
    let short = want.bound.iter().find(|(purse, _)| free(purse) < want.amount);
    let (purse, _) = short.unwrap_or(&want.bound[0]);
    purse.clone()
}
