//! A gateway node whose time stands still unless it is told to go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use creel_llm_gateway::ledger::Call as LedgerCall;
use creel_llm_gateway::ledger::{JournalConfig, Ledger, OpenError, Refused, RequestId, Reservation};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use super::door::{Door, Knock};

pub struct Node {
    runtime: Runtime,
    ledger: Ledger,
    journal: TempDir,
    knocks: Receiver<Knock>,
    pub open: BTreeMap<RequestId, Reservation>,
    asked: Vec<(RequestId, JoinHandle<Result<Reservation, Refused>>)>,
}

/// A node that is not there yet.
pub struct Starting {
    runtime: Runtime,
    journal: TempDir,
    knocks: Receiver<Knock>,
    opening: JoinHandle<Result<Ledger, OpenError>>,
}

pub enum Started {
    Node(Node),
    NotYet(Starting),
    Failed(TempDir),
}

fn stands_still() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

impl Starting {
    pub fn new(journal: TempDir) -> Self {
        let runtime = stands_still();
        let (door, knocks) = Door::new();
        // Small, so that segments follow each other often.
        let config = JournalConfig {
            segment_bytes: 2 << 10,
            ..JournalConfig::new(journal.path())
        };
        let opening = runtime.spawn(async move { Ledger::open(config, Arc::new(door)).await });
        Self {
            runtime,
            journal,
            knocks,
            opening,
        }
    }

    /// Goes on until it waits for the books, or is there.
    pub fn go_on(self) -> Started {
        go_on(&self.runtime, 0);
        if !self.opening.is_finished() {
            return Started::NotYet(self);
        }
        let Self {
            runtime,
            journal,
            knocks,
            opening,
        } = self;
        match runtime.block_on(opening).unwrap() {
            Ok(ledger) => Started::Node(Node {
                runtime,
                ledger,
                journal,
                knocks,
                open: BTreeMap::new(),
                asked: Vec::new(),
            }),
            // A copy, because a process that another test begins at this moment may still have the lock of the old one open.
            Err(_) => Started::Failed(copy_of(journal.path())),
        }
    }

    pub fn knock(&mut self) -> Option<Knock> {
        self.knocks.try_recv().ok()
    }
}

/// Lets everything happen that can happen within so many milliseconds.
fn go_on(runtime: &Runtime, ms: u64) {
    // A task that waits for a disk keeps the time where it is.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(ms + 1)).await });
}

impl Node {
    /// Asks for a reservation, and says what was said since.
    pub fn ask(&mut self, call: LedgerCall) {
        let (id, ledger) = (call.request, self.ledger.clone());
        self.asked
            .push((id, self.runtime.spawn(async move { ledger.reserve(call).await })));
    }

    /// Time passes. What was decided meanwhile: the calls that may be sent are in `open`.
    pub fn go_on(&mut self, ms: u64) -> Vec<(RequestId, Option<Refused>)> {
        go_on(&self.runtime, ms);
        let (done, waiting) = std::mem::take(&mut self.asked)
            .into_iter()
            .partition(|(_, asked)| asked.is_finished());
        self.asked = waiting;
        let mut said = Vec::new();
        let done: Vec<(RequestId, JoinHandle<_>)> = done;
        for (id, asked) in done {
            match self.runtime.block_on(asked).unwrap() {
                Ok(reservation) => {
                    self.open.insert(id, reservation);
                    said.push((id, None));
                }
                Err(refused) => said.push((id, Some(refused))),
            }
        }
        said
    }

    pub fn knock(&mut self) -> Option<Knock> {
        self.knocks.try_recv().ok()
    }

    /// What is on its disk at this moment is what is left of it.
    pub fn kill(self) -> TempDir {
        copy_of(self.journal.path())
    }

    /// The same, in a directory that nobody has used: as from a backup of the disk.
    pub fn copy(&self) -> TempDir {
        let copy = copy_of(self.journal.path());
        std::fs::remove_file(copy.path().join("node")).unwrap();
        copy
    }

    pub fn name(&self) -> String {
        std::fs::read_to_string(self.journal.path().join("node")).unwrap()
    }

    /// Begins to stop in order.
    pub fn close(&self) -> JoinHandle<()> {
        let ledger = self.ledger.clone();
        self.runtime.spawn(async move { ledger.close().await })
    }
}

fn copy_of(dir: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    for file in files.collect::<Vec<PathBuf>>() {
        std::fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
    }
    copy
}
