//! The one task of a node that deals with the books: fetches escrow, gives it back, and reports what calls cost.
//!
//! Here is what it does and when; `deal` is one dealing, whatever becomes of it, and `desk` what calls, and what is not used, ask for.

mod deal;
mod desk;

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use creel_records::ledger::{Exchange, Give, Joined, LedgerStore, Micros, Position, PurseId, Settlement};
use tokio::time::Instant;

use super::journal::{JournalError, Reader};
use super::{OpenError, Refused, Shared, lock};
pub(super) use desk::{Covered, Want};

/// How often the books are dealt with when nothing is urgent; the time in which a recall is noticed.
const TICK: Duration = Duration::from_millis(200);
/// How soon a call that is short of escrow asks again while other nodes are asked for theirs.
const AGAIN: Duration = Duration::from_millis(50);
/// How often grants are looked through for those that expired.
const TIDY: Duration = Duration::from_secs(10);
/// A node that holds something is heard of at least this often.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A dealing that takes longer has an unknown end.
const DEALING: Duration = Duration::from_secs(10);
/// The most settlements of one dealing.
const BATCH: usize = 2000;

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
    /// When books that failed were first seen to hold up the ledger's closing.
    closing: Option<Instant>,
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
            closing: None,
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
                    if let Err(refused) = self.deal(exchange).await {
                        return self.stop(refused);
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
        if closing {
            // First, because what a call waits for is not given back, whether or not the call is still there.
            self.turn_away(&Refused::Closed);
        }
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
}
