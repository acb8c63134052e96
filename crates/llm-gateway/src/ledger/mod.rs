//! The ledger of a gateway node: every call reserves credits before it is sent and settles once, whatever happens.
//!
//! A call is bounded by **purses**: its user's credit account, and its key's budgets of the day and of the month. The
//! node takes an allotment of a purse (its **escrow**) from the books and reserves from that in memory, so that a call
//! asks no database. What a call reserved and what it cost go through the node's journal into the books, in batches.
//!
//! - [`Ledger::reserve`] is the door: all purses or none. Short of escrow, the call waits while the **banker** (the one
//!   task that deals with the books) takes more, or has other nodes give back what they do not use.
//! - [`Reservation`] is the way out: [`note`](Reservation::note) what is known so far, then
//!   [`settle`](Reservation::settle). One that is dropped is settled with what was noted.
//!
//! This subject knows nothing of HTTP, providers or prices: it is handed amounts.

mod banker;
mod call;
mod clock;
mod journal;
#[cfg(test)]
pub(crate) mod memory;
mod purses;
mod refused;
mod reservation;
#[cfg(test)]
mod tests;

pub use call::{Call, CallTag};
pub use creel_records::ledger::{Billing, Keep, LedgerStore, Micros, Outcome, PurseId, RequestId, Usage};
pub use journal::{JournalConfig, JournalError};
pub use refused::Refused;
pub use reservation::{Reservation, Settled};

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Poll;
use std::time::Duration;

use creel_records::RecordsError;
use creel_records::ledger::Settlement;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
// Its time can be stood still: see `tests/proof`.
use tokio::time::Instant;

use banker::{Banker, Covered, Want};
use call::Bound;
use clock::Clock;
use journal::{Opened, Writer};
use purses::Purses;

/// How long a call waits for escrow before it is refused. A machine that runs tests may stand still for a while.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 2 });

/// The ledger of this node. Cheap to clone; every thread of the data plane has one.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

/// What the data plane and the banker share.
struct Shared {
    purses: Mutex<Purses>,
    journal: Writer,
    wants: Mutex<Vec<Want>>,
    wake: Notify,
    clock: Clock,
    /// The books are out of reach: calls that the escrow at hand does not cover are refused at once.
    away: AtomicBool,
    /// They have been for so long that the escrow at hand may have been given up: no call is covered.
    adrift: AtomicBool,
    /// Why no call will be reserved any more.
    shut: OnceLock<Refused>,
    banker: Mutex<Option<JoinHandle<()>>>,
    keep: Mutex<Keep>,
}

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Journal(#[from] JournalError),

    #[error(transparent)]
    Books(#[from] RecordsError),
}

impl Ledger {
    /// Takes the journal, brings the books up to what it says (calls that were in flight when the last process died are
    /// settled as lost), gives back all escrow of that process, and begins to deal, in a task of the current runtime.
    ///
    /// # Errors
    /// The journal is in use or damaged, or the books cannot be reached.
    pub async fn open(config: JournalConfig, store: Arc<dyn LedgerStore>) -> Result<Self, OpenError> {
        let opened = Opened::open(config)?;
        let joined = store.join(&opened.node).await?;
        let JournalConfig {
            dir,
            segment_bytes,
            max_bytes,
        } = opened.config;
        let number = opened.last.max(joined.position.segment) + 1;
        let journal = Writer::begin(dir.clone(), number, segment_bytes, max_bytes)?;
        for lost in opened.lost {
            tracing::warn!(request = %lost.request, user = &*lost.user, "a call was in flight when the gateway died");
            journal.ended(journal.settle(&Settlement { at: joined.now, ..lost }))?;
        }
        let shared = Arc::new(Shared {
            purses: Mutex::default(),
            journal,
            wants: Mutex::default(),
            wake: Notify::new(),
            clock: Clock::new(joined.now),
            away: AtomicBool::new(false),
            adrift: AtomicBool::new(false),
            shut: OnceLock::new(),
            banker: Mutex::default(),
            keep: Mutex::default(),
        });
        let mut banker = Banker::new(&opened.node, store, shared.clone(), joined, dir, opened.lock);
        banker.recover().await?;
        *lock(&shared.banker) = Some(tokio::spawn(banker.run()));
        Ok(Self { shared })
    }

    /// Reserves what the call may cost from every purse that bounds it, or from none, and journals that it is about to
    /// be sent.
    ///
    /// # Errors
    /// [`Refused`]: nothing is reserved, nothing is owed, and nothing may be sent.
    pub async fn reserve(&self, call: Call) -> Result<Reservation, Refused> {
        let shared = &self.shared;
        if let Some(refused) = shared.shut.get() {
            return Err(refused.clone());
        }
        if call.reserve.is_negative() || call.reserve > Micros::LARGEST {
            return Err(Refused::TooLarge);
        }
        if shared.adrift.load(Ordering::Relaxed) {
            return Err(Refused::Unavailable);
        }
        let now = shared.clock.now();
        let bound = call.bound(now);
        let covered = shared.purses().reserve(&bound, call.reserve, Instant::now());
        if !covered {
            Box::pin(self.wait_for_escrow(&bound, call.reserve)).await?;
        }
        let (request, ticket) = (call.request, shared.journal.reserve(&call, &bound, now));
        // From here on it is released if whoever waits for this goes away.
        let reservation = Reservation::open(shared.clone(), call, bound);
        others_turn().await;
        if let Err(error) = shared.journal.written(request, ticket) {
            reservation.take_back();
            let reason = error.to_string();
            return Err(Refused::Journal { reason });
        }
        Ok(reservation)
    }

    async fn wait_for_escrow(&self, bound: &Bound, amount: Micros) -> Result<(), Refused> {
        if self.shared.away.load(Ordering::Relaxed) {
            return Err(Refused::Unavailable);
        }
        let (reply, answer) = oneshot::channel();
        lock(&self.shared.wants).push(Want::new(bound.clone(), amount, Instant::now() + PATIENCE, reply));
        self.shared.wake.notify_one();
        // The banker answers in time; it does not while the books are out of reach.
        match tokio::time::timeout(PATIENCE + Duration::from_millis(500), answer).await {
            Ok(Ok(answer)) => answer.map(Covered::keep),
            Ok(Err(_)) => Err(Refused::Closed),
            Err(_) => Err(Refused::Unavailable),
        }
    }

    /// Milliseconds since the Unix epoch by the clock of the books, whatever this machine's says.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    /// For how long this node lets usage be kept from now on. Of several nodes, the one that keeps least has its way.
    pub fn keep(&self, keep: Keep) {
        *lock(&self.shared.keep) = keep;
    }

    /// Calls in flight, and what they have reserved from credit accounts.
    #[must_use]
    pub fn in_flight(&self) -> (usize, Micros) {
        (self.shared.journal.open(), self.shared.purses().reserved())
    }

    /// Refuses new calls, and returns once every finished call is in the books and all escrow that is not in use went
    /// back. Calls that still run keep what they reserved. For books that fail it waits some seconds: what they have not heard is in the
    /// journal, and the next start brings it to them.
    pub async fn close(&self) {
        let _ = self.shared.shut.set(Refused::Closed);
        self.shared.wake.notify_one();
        let banker = lock(&self.shared.banker).take();
        if let Some(banker) = banker
            && let Err(error) = banker.await
        {
            tracing::error!(%error, "the ledger's banker failed");
        }
    }
}

/// Lets the tasks of this thread that are ready go first: calls that came together are journaled together. (tokio's own `yield_now` asks
/// the system for events first.)
async fn others_turn() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Shared {
    fn purses(&self) -> MutexGuard<'_, Purses> {
        lock(&self.purses)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of the lock panics")
}
