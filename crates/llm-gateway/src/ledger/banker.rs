//! The one task of a node that deals with the books: fetches escrow, gives it back, and reports what calls cost.
//!
//! One dealing at a time, numbered. After an error nobody can say whether it took place, so the banker looks at the
//! books before it goes on: either the dealing is there, whole, or it is not and is tried again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use creel_records::RecordsError;
use creel_records::ledger::{
    Exchange, Exchanged, Give, Joined, LedgerStore, Micros, Others, Position, PurseId, Settlement, Take, Taken,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::call::Bound;
use super::journal::{JournalError, Reader, remove_before};
use super::{OpenError, Refused, Shared, lock};

/// How often the books are dealt with when nothing is urgent; the time in which a recall is noticed.
const TICK: Duration = Duration::from_millis(200);
/// How soon a call that is short of escrow asks again while other nodes are asked for theirs.
const AGAIN: Duration = Duration::from_millis(50);
/// Escrow that no call has used for this long goes back.
const IDLE: Duration = Duration::from_secs(5);
/// How often grants are looked through for those that expired.
const TIDY: Duration = Duration::from_secs(10);
/// A node that holds something is heard of at least this often.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After so long without the books, what this node holds may be given up by others soon (see `creel_records::ledger`).
const ADRIFT: Duration = Duration::from_secs(30 * 60);
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
    journal: Reader,
    dir: PathBuf,
    /// The journal is this process's for as long as this lives.
    _lock: File,
    /// When the last dealing that took place began.
    dealt: Instant,
    /// When the books were last asked who is short.
    listened: Instant,
    tidied: Instant,
}

/// What the books say to a dealing of which the answer was lost.
enum Found {
    TookPlace,
    NeverWas,
    /// Another life of this node has begun, or the node was given up.
    Superseded,
}

impl Banker {
    pub fn new(
        node: &str,
        store: Arc<dyn LedgerStore>,
        shared: Arc<Shared>,
        joined: Joined,
        dir: PathBuf,
        lock: File,
    ) -> Self {
        Self {
            node: node.to_owned(),
            store,
            shared,
            journal: Reader::new(dir.clone(), joined.position),
            books: joined,
            waiting: Vec::new(),
            recalling: HashSet::new(),
            recalled: Vec::new(),
            dir,
            _lock: lock,
            dealt: Instant::now(),
            listened: Instant::now(),
            tidied: Instant::now(),
        }
    }

    /// Brings the books up to the journal, and gives back what an earlier life of the node held.
    pub async fn recover(&mut self) -> Result<(), OpenError> {
        loop {
            let (settlements, position) = self.read().await?;
            let last = settlements.len() < BATCH;
            let mut exchange = self.exchange(settlements, position);
            if last {
                let left = self.held_after(&exchange).into_iter();
                let gives = left.map(|(purse, amount)| Give { purse, amount });
                exchange.gives = gives.filter(|give| give.amount > Micros::ZERO).collect();
            }
            let done = self.store.exchange(&exchange).await?;
            self.took_place(&exchange, &done);
            if last {
                return Ok(());
            }
        }
    }

    pub async fn run(mut self) {
        loop {
            let closing = self.shared.shut.get().is_some();
            let (settlements, position) = match self.read().await {
                Ok(read) => read,
                Err(error @ JournalError::Damaged { .. }) => {
                    tracing::error!(%error, "the journal cannot be brought into the books; no more calls");
                    let reason = error.to_string();
                    return self.stop(Refused::Journal { reason });
                }
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be written; calls are refused until it can");
                    (Vec::new(), self.journal.position())
                }
            };
            let more = settlements.len() == BATCH;
            match self.prepare(settlements, position, closing) {
                Some(exchange) => {
                    if !self.deal(exchange).await {
                        return self.stop(Refused::Superseded);
                    }
                    if more {
                        continue;
                    }
                }
                None if closing => return self.stop(Refused::Closed),
                None => self.listen().await,
            }
            self.tidy().await;
            let pause = if self.waiting.is_empty() { TICK } else { AGAIN };
            tokio::select! {
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// What any node has to do now and then.
    async fn tidy(&mut self) {
        if self.tidied.elapsed() < TIDY {
            return;
        }
        self.tidied = Instant::now();
        let keep = *lock(&self.shared.keep);
        match tokio::time::timeout(DEALING, self.store.tidy(keep)).await {
            Ok(Ok(done)) if done.nodes_given_up > 0 => {
                tracing::warn!(
                    nodes = done.nodes_given_up,
                    "gave up gateway nodes that were silent for an hour"
                );
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the books could not be tidied"),
            Err(_) => tracing::debug!("the books do not answer"),
        }
    }

    fn stop(mut self, refused: Refused) {
        let _ = self.shared.shut.set(refused.clone());
        self.waiting.append(&mut lock(&self.shared.wants));
        self.turn_away(&refused);
    }

    /// The next settlements of the journal, safe from a power cut: the books never know more than the journal does.
    async fn read(&mut self) -> Result<(Vec<Settlement>, Position), JournalError> {
        self.shared.journal.flush()?;
        if self.shared.journal.end() <= self.journal.position() {
            return Ok((Vec::new(), self.journal.position()));
        }
        let shared = self.shared.clone();
        let synced = tokio::task::spawn_blocking(move || shared.journal.sync()).await;
        let end = synced.expect("syncing does not panic")?;
        self.journal.read(end, BATCH)
    }

    fn exchange(&self, settlements: Vec<Settlement>, position: Position) -> Exchange {
        Exchange {
            node: self.node.clone(),
            generation: self.books.generation,
            turn: self.books.turn + 1,
            position,
            settlements,
            takes: Vec::new(),
            gives: Vec::new(),
        }
    }

    /// What to deal about now, if there is anything.
    fn prepare(&mut self, settlements: Vec<Settlement>, position: Position, closing: bool) -> Option<Exchange> {
        self.waiting.append(&mut lock(&self.shared.wants));
        let gives = self.gives(closing);
        self.serve();
        let takes = if closing { Vec::new() } else { self.takes() };
        // The books must hear of a node that holds something, or they give it up.
        let silent = self.dealt.elapsed() >= HEARTBEAT && !self.books.held.is_empty();
        let nothing = settlements.is_empty() && gives.is_empty() && takes.is_empty();
        if nothing && !silent && position.segment == self.books.position.segment {
            return None;
        }
        Some(Exchange {
            takes,
            gives,
            ..self.exchange(settlements, position)
        })
    }

    /// Whether other nodes are short of what this one holds.
    async fn listen(&mut self) {
        if self.books.held.is_empty() || self.listened.elapsed() < TICK {
            return;
        }
        self.listened = Instant::now();
        match tokio::time::timeout(DEALING, self.store.recalled(&self.node)).await {
            Ok(Ok(recalled)) => {
                if !recalled.is_empty() {
                    self.recalled = recalled;
                    self.shared.wake.notify_one();
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "the books are out of reach"),
            Err(_) => tracing::debug!("the books do not answer"),
        }
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
        let began = Instant::now();
        let error = match tokio::time::timeout(DEALING, self.store.exchange(&exchange)).await {
            Ok(Ok(done)) => {
                self.took_place(&exchange, &done);
                self.dealt = began;
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
                self.journal.back_to(self.books.position);
                true
            }
            Found::Superseded => {
                tracing::error!(
                    node = self.node,
                    "the node was given up, or another process has it; no more calls"
                );
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
