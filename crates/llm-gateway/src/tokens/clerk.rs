//! Counts the tokens of calls whose provider did not, one after the other, aside from the threads that serve calls: a long text takes longer than
//! a call may wait. The thread begins with the first such call.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use crate::counted::Counted;
use crate::ledger::Outcome;
use crate::meter::Bill;
use crate::metrics::Metrics;
use crate::usage::{By, Tally};

/// Calls that wait to be counted; beyond, they are charged by the quicker estimate.
const WAITING: usize = 256;

/// A call that is over, but for its counts.
pub struct Uncounted {
    pub bill: Bill,
    pub tally: Tally,
    pub outcome: Outcome,
    /// The reply is whole.
    pub done: bool,
}

impl Uncounted {
    fn settle(self, by: By, counted: &Counted) {
        let counts = self.tally.counts(self.done, by);
        self.bill.settle(self.outcome, &counts, counted);
    }
}

pub struct Clerk {
    metrics: Arc<Metrics>,
    desk: Mutex<Desk>,
}

enum Desk {
    Unopened,
    Open {
        calls: SyncSender<Box<Uncounted>>,
        thread: JoinHandle<()>,
    },
    Closed,
}

impl Clerk {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            desk: Mutex::new(Desk::Unopened),
        }
    }

    /// Settles the call once it is counted, or at once by the quicker estimate, where there is no waiting.
    pub fn take(&self, call: Box<Uncounted>, counted: &Counted) {
        if let Err(call) = self.handed(call) {
            call.settle(By::Table, counted);
        }
    }

    fn handed(&self, call: Box<Uncounted>) -> Result<(), Box<Uncounted>> {
        let mut desk = self.desk();
        if let Desk::Unopened = *desk {
            match self.open() {
                Ok(open) => *desk = open,
                Err(error) => tracing::warn!(%error, "no thread to count tokens; they are estimated by a table"),
            }
        }
        let Desk::Open { calls, .. } = &*desk else {
            return Err(call);
        };
        calls.try_send(call).map_err(|error| match error {
            TrySendError::Full(call) | TrySendError::Disconnected(call) => call,
        })
    }

    fn open(&self) -> io::Result<Desk> {
        let (calls, waiting) = sync_channel(WAITING);
        let metrics = Arc::clone(&self.metrics);
        let thread = std::thread::Builder::new()
            .name("llm-clerk".to_owned())
            .spawn(move || work(&waiting, metrics))?;
        Ok(Desk::Open { calls, thread })
    }

    /// Returns once every call that was taken is settled.
    pub fn close(&self) {
        let desk = std::mem::replace(&mut *self.desk(), Desk::Closed);
        if let Desk::Open { calls, thread } = desk {
            drop(calls);
            if thread.join().is_err() {
                tracing::error!("the thread that counts tokens has failed");
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("no holder of the lock panics")
    }
}

fn work(waiting: &Receiver<Box<Uncounted>>, metrics: Arc<Metrics>) {
    let counted = Counted::new(metrics);
    for call in waiting {
        call.settle(By::Tokenizer, &counted);
    }
}
