//! One dealing with the books: numbered, and one at a time. After an error nobody can say whether it took place, so the banker looks at the books
//! before it goes on: either the dealing is there, whole, or it is not and is tried again.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use creel_records::RecordsError;
use creel_records::ledger::{Exchange, Exchanged, Joined, Micros, Others, Position, PurseId, Taken};
use tokio::time::Instant;

use super::{AGAIN, Banker, DEALING};
use crate::ledger::journal::remove_before;
use crate::ledger::{Refused, lock};

/// After so long without the books, what this node holds may be given up by others soon (see `creel_records::ledger`).
const ADRIFT: Duration = Duration::from_secs(30 * 60);
/// A ledger that closes waits for so long for books that fail. What calls have cost is in its journal, and its next start brings it into the
/// books.
const CLOSING: Duration = Duration::from_secs(10);
/// The longest pause between two attempts to reach the books.
const BACKOFF: Duration = Duration::from_secs(1);

/// What the books say to a dealing of which the answer was lost.
enum Found {
    TookPlace,
    NeverWas,
    /// Another life of this node has begun, or the node was given up.
    Superseded,
    /// Nobody knows, and the ledger has been closing for long.
    OutOfReach,
}

impl Banker {
    /// Deals, and goes on once it is known what came of it.
    ///
    /// # Errors
    /// Why this node deals no more.
    pub(super) async fn deal(&mut self, exchange: Exchange) -> Result<(), Refused> {
        let began = Instant::now();
        let error = match tokio::time::timeout(DEALING, self.store.exchange(&exchange)).await {
            Ok(Ok(done)) => {
                self.took_place(&exchange, &done);
                self.dealt = began;
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(node = self.node, error, "the books could not be dealt with");
        match self.find_out(&exchange).await {
            Found::TookPlace => Ok(()),
            Found::NeverWas if !self.has_closed_for_long() => {
                let now = Instant::now();
                let mut purses = self.shared.purses();
                for give in &exchange.gives {
                    if give.amount > Micros::ZERO {
                        purses.add(&give.purse, Micros::ZERO, give.amount, now);
                    }
                    self.recalled.push(give.purse.clone());
                }
                self.journal.back_to(self.books.position);
                Ok(())
            }
            Found::Superseded => {
                tracing::error!(
                    node = self.node,
                    "the node was given up, or another process has it; no more calls"
                );
                Err(Refused::Superseded)
            }
            Found::OutOfReach | Found::NeverWas => {
                tracing::warn!(
                    node = self.node,
                    "closed without the books; what calls cost is in the journal, for the next start"
                );
                Err(Refused::Closed)
            }
        }
    }

    /// What fails now is left for the next start.
    fn has_closed_for_long(&mut self) -> bool {
        self.shared.shut.get().is_some() && self.closing.get_or_insert_with(Instant::now).elapsed() >= CLOSING
    }

    async fn find_out(&mut self, exchange: &Exchange) -> Found {
        let mut pause = AGAIN;
        loop {
            let looked = tokio::time::timeout(DEALING, self.store.look(&self.node)).await;
            match looked {
                Ok(Ok(books)) => {
                    self.shared.away.store(false, Ordering::Relaxed);
                    self.shared.adrift.store(false, Ordering::Relaxed);
                    if books.generation != self.books.generation {
                        return Found::Superseded;
                    }
                    if books.turn != exchange.turn {
                        return Found::NeverWas;
                    }
                    self.took_place(exchange, &self.answer_found(exchange, &books));
                    return Found::TookPlace;
                }
                Ok(Err(RecordsError::NotFound { .. })) => return Found::Superseded,
                Ok(Err(error)) => tracing::debug!(%error, "the books are out of reach"),
                Err(_) => tracing::debug!("the books do not answer"),
            }
            self.shared.away.store(true, Ordering::Relaxed);
            if self.dealt.elapsed() >= ADRIFT {
                self.shared.adrift.store(true, Ordering::Relaxed);
            }
            self.waiting.append(&mut lock(&self.shared.wants));
            self.turn_away(&Refused::Unavailable);
            if self.has_closed_for_long() {
                return Found::OutOfReach;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF);
        }
    }

    /// The answer to a dealing that took place, told from what the books say now.
    fn answer_found(&self, exchange: &Exchange, books: &Joined) -> Exchanged {
        let before = self.held_after(exchange);
        let taken = exchange.takes.iter().map(|take| {
            let is = books.held.iter().find(|(purse, _)| *purse == take.purse);
            let was = before.get(&take.purse).copied().unwrap_or_default();
            Taken {
                got: is.map_or(Micros::ZERO, |(_, held)| *held) - was,
                others: Others::Asked,
            }
        });
        Exchanged {
            taken: taken.collect(),
            recalled: Vec::new(),
            now: books.now,
        }
    }

    /// What the books say that this node holds after the dealing, but for what it took.
    pub(super) fn held_after(&self, exchange: &Exchange) -> HashMap<PurseId, Micros> {
        let mut held: HashMap<_, _> = self.books.held.iter().cloned().collect();
        for give in &exchange.gives {
            *held.entry(give.purse.clone()).or_default() -= give.amount;
        }
        for settlement in &exchange.settlements {
            for purse in settlement.purses() {
                *held.entry(purse).or_default() -= settlement.cost.min(settlement.reserved);
            }
        }
        held
    }

    pub(super) fn took_place(&mut self, exchange: &Exchange, done: &Exchanged) {
        let mut held = self.held_after(exchange);
        self.shared.clock.set(done.now);
        self.recalled = done.recalled.clone();
        self.books.turn = exchange.turn;
        if exchange.position.segment > self.books.position.segment {
            self.remove_old_segments(exchange.position);
        }
        self.books.position = exchange.position;
        let now = Instant::now();
        for (take, taken) in exchange.takes.iter().zip(&done.taken) {
            if taken.got > Micros::ZERO {
                *held.entry(take.purse.clone()).or_default() += taken.got;
                self.shared.purses().add(&take.purse, take.limit, taken.got, now);
            }
        }
        held.retain(|_, held| *held != Micros::ZERO);
        self.books.held = held.into_iter().collect();
        self.serve();
        for (take, taken) in exchange.takes.iter().zip(&done.taken) {
            match taken.others {
                Others::Asked if taken.got == Micros::ZERO => {
                    self.recalling.insert(take.purse.clone());
                }
                _ => {
                    self.recalling.remove(&take.purse);
                    if taken.got == Micros::ZERO {
                        self.refuse(&take.purse);
                    }
                }
            }
        }
    }

    fn remove_old_segments(&self, position: Position) {
        let current = self.shared.journal.end().segment;
        match remove_before(&self.dir, position, current) {
            Ok(left) => self.shared.journal.older_left(left),
            Err(error) => tracing::warn!(%error, "old segments of the journal stay"),
        }
    }
}
