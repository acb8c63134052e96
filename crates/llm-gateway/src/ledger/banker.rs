//! The one task of a node that deals with the books: fetches escrow, gives it back, and reports what calls cost.
//!
//! One dealing at a time, numbered. After an error nobody can say whether it took place, so the banker looks at the
//! books before it goes on: either the dealing is there, whole, or it is not and is tried again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use creel_records::RecordsError;
use creel_records::ledger::{
    Exchange, Exchanged, Give, Joined, LedgerStore, Micros, Others, PurseId, Settlement, Take, Taken,
};
use tokio::sync::oneshot;

use super::call::Bound;
use super::{Refused, Shared, lock};

/// How often the books are dealt with when nothing is urgent; the time in which a recall is noticed.
const TICK: Duration = Duration::from_millis(200);
/// How soon a call that is short of escrow asks again while other nodes are asked for theirs.
const AGAIN: Duration = Duration::from_millis(50);
/// Escrow that no call has used for this long goes back.
const IDLE: Duration = Duration::from_secs(5);
/// A dealing that takes longer has an unknown end.
const DEALING: Duration = Duration::from_secs(10);
/// The longest pause between two attempts to reach the books.
const BACKOFF: Duration = Duration::from_secs(1);
/// The most settlements of one dealing.
const BATCH: usize = 2000;

/// A call that waits for escrow.
pub(super) struct Want {
    bound: Bound,
    amount: Micros,
    until: Instant,
    reply: oneshot::Sender<Result<(), Refused>>,
}

impl Want {
    pub fn new(bound: Bound, amount: Micros, until: Instant, reply: oneshot::Sender<Result<(), Refused>>) -> Self {
        Self {
            bound,
            amount,
            until,
            reply,
        }
    }
}

pub(super) struct Banker {
    node: String,
    store: Arc<dyn LedgerStore>,
    shared: Arc<Shared>,
    /// The books as this node knows them. After an error of unknown end they tell what took place.
    books: Joined,
    waiting: Vec<Want>,
    /// Purses for which the other nodes have been asked.
    recalling: HashSet<PurseId>,
    /// Purses that another node asked for.
    recalled: Vec<PurseId>,
    settlements: Vec<Settlement>,
}

/// What the books say to a dealing of which the answer was lost.
enum Found {
    TookPlace,
    NeverWas,
    /// Another life of this node has begun, or the node was retired.
    Superseded,
}

impl Banker {
    pub fn new(node: &str, store: Arc<dyn LedgerStore>, shared: Arc<Shared>, joined: Joined) -> Self {
        Self {
            node: node.to_owned(),
            store,
            shared,
            books: joined,
            waiting: Vec::new(),
            recalling: HashSet::new(),
            recalled: Vec::new(),
            settlements: Vec::new(),
        }
    }

    pub async fn run(mut self) {
        loop {
            let closing = lock(&self.shared.shut).is_some();
            match self.prepare(closing) {
                Some(exchange) => {
                    if !self.deal(exchange).await {
                        return;
                    }
                    if !self.settlements.is_empty() || !lock(&self.shared.finished).is_empty() {
                        continue;
                    }
                }
                None if closing => {
                    self.turn_away(&Refused::Closed);
                    return;
                }
                None => {}
            }
            let pause = if self.waiting.is_empty() { TICK } else { AGAIN };
            tokio::select! {
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// What to deal about now, if there is anything.
    fn prepare(&mut self, closing: bool) -> Option<Exchange> {
        self.waiting.append(&mut lock(&self.shared.wants));
        let gives = self.gives(closing);
        self.serve();
        if self.settlements.is_empty() {
            let mut finished = lock(&self.shared.finished);
            let count = finished.len().min(BATCH);
            self.settlements.extend(finished.drain(..count));
        }
        let takes = if closing { Vec::new() } else { self.takes() };
        let listening = !closing && !self.shared.purses().is_empty();
        if self.settlements.is_empty() && gives.is_empty() && takes.is_empty() && !listening {
            return None;
        }
        Some(Exchange {
            node: self.node.clone(),
            generation: self.books.generation,
            turn: self.books.turn + 1,
            position: self.books.position,
            settlements: std::mem::take(&mut self.settlements),
            takes,
            gives,
        })
    }

    /// Reserves for those who wait, in the order in which they came; turns away those who waited long enough.
    fn serve(&mut self) {
        let now = Instant::now();
        let waiting = std::mem::take(&mut self.waiting);
        for want in waiting {
            if want.reply.is_closed() {
                continue;
            }
            let mut purses = self.shared.purses();
            if purses.reserve(&want.bound, want.amount, now) {
                let Want {
                    bound, amount, reply, ..
                } = want;
                if reply.send(Ok(())).is_err() {
                    purses.settle(&bound, amount, Micros::ZERO);
                }
            } else if now >= want.until {
                let purse = short_purse(&want, |purse| purses.free(purse));
                let _ = want.reply.send(Err(Refused::OutOfCredits { purse }));
            } else {
                drop(purses);
                self.waiting.push(want);
            }
        }
    }

    fn gives(&mut self, closing: bool) -> Vec<Give> {
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

    fn takes(&self) -> Vec<Take> {
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

    /// Deals, and goes on once it is known what came of it. Says whether this node may still deal.
    async fn deal(&mut self, exchange: Exchange) -> bool {
        let error = match tokio::time::timeout(DEALING, self.store.exchange(&exchange)).await {
            Ok(Ok(done)) => {
                self.took_place(&exchange, &done);
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(node = self.node, error, "the books could not be dealt with");
        match self.find_out(&exchange).await {
            Found::TookPlace => true,
            Found::NeverWas => {
                let now = Instant::now();
                let mut purses = self.shared.purses();
                for give in &exchange.gives {
                    if give.amount > Micros::ZERO {
                        purses.add(&give.purse, Micros::ZERO, give.amount, now);
                    }
                    self.recalled.push(give.purse.clone());
                }
                self.settlements = exchange.settlements;
                true
            }
            Found::Superseded => {
                tracing::error!(
                    node = self.node,
                    "another process deals with the books as this node; no more calls"
                );
                *lock(&self.shared.shut) = Some(Refused::Superseded);
                self.turn_away(&Refused::Superseded);
                false
            }
        }
    }

    async fn find_out(&mut self, exchange: &Exchange) -> Found {
        let mut pause = AGAIN;
        loop {
            let looked = tokio::time::timeout(DEALING, self.store.look(&self.node)).await;
            match looked {
                Ok(Ok(books)) => {
                    self.shared.away.store(false, Ordering::Relaxed);
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
            self.waiting.append(&mut lock(&self.shared.wants));
            self.turn_away(&Refused::Unavailable);
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
    fn held_after(&self, exchange: &Exchange) -> HashMap<PurseId, Micros> {
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

    fn took_place(&mut self, exchange: &Exchange, done: &Exchanged) {
        let mut held = self.held_after(exchange);
        self.shared.clock.set(done.now);
        self.recalled = done.recalled.clone();
        self.books.turn = exchange.turn;
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

    /// The purse gives no more: turns away the calls that it cannot cover.
    fn refuse(&mut self, purse: &PurseId) {
        let free = self.shared.purses().free(purse);
        let (short, rest) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|want: &Want| want.amount > free && want.bound.iter().any(|(id, _)| id == purse));
        self.waiting = rest;
        for want in short {
            let _ = want.reply.send(Err(Refused::OutOfCredits { purse: purse.clone() }));
        }
    }

    fn turn_away(&mut self, refused: &Refused) {
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
