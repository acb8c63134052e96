//! One turn at a time in a session: those of this process wait in line, those of another gateway are kept out by the session's owner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use creel_session::{SessionKey, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::error::TurnError;
use crate::ownership::{Hold, Ownership};

/// How long to wait for another gateway to finish its turn.
const TAKEN_PATIENCE: Duration = Duration::from_secs(20);
/// The same for whoever deletes a session: there is nothing to be gained by waiting for an answer that is to be deleted.
const DELETE_PATIENCE: Duration = Duration::from_secs(2);
/// Turns that may wait for one session.
const WAITING_LIMIT: usize = 32;

pub struct TurnQueue {
    ownership: Ownership,
    lines: Mutex<HashMap<SessionKey, Line>>,
}

/// The turns of one session in this process.
struct Line {
    gate: Arc<Semaphore>,
    /// Waiting or running.
    turns: usize,
    /// Ends all turns that are in the line now; those that come after it get another one.
    deleted: CancellationToken,
}

impl Line {
    fn new() -> Self {
        Self {
            gate: Arc::new(Semaphore::new(1)),
            turns: 0,
            deleted: CancellationToken::new(),
        }
    }
}

/// The right to take a turn. Give it back with [`TurnQueue::release`]; a dropped one is given back by its lease's expiry.
pub struct Place {
    hold: Hold,
    _permit: OwnedSemaphorePermit,
    ticket: Ticket,
}

impl Place {
    pub fn epoch(&self) -> u64 {
        self.hold.epoch()
    }

    /// Resolves when the session is no longer ours.
    pub async fn lost(&self) {
        self.hold.lost().await;
    }

    /// Resolves when somebody wants the session deleted.
    pub async fn deleted(&self) {
        self.ticket.deleted.cancelled().await;
    }
}

impl TurnQueue {
    pub fn new(ownership: Ownership) -> Self {
        Self {
            ownership,
            lines: Mutex::default(),
        }
    }

    /// Sessions with a turn running or waiting.
    pub fn active(&self) -> usize {
        self.lines().len()
    }

    /// Sessions of this user with a turn running or waiting.
    pub fn active_of(&self, user: &UserId) -> Vec<SessionKey> {
        self.lines().keys().filter(|key| key.user == *user).cloned().collect()
    }

    /// Whether a turn runs or waits in the session.
    pub fn is_active(&self, key: &SessionKey) -> bool {
        self.lines().contains_key(key)
    }

    /// Waits for one's turn.
    pub async fn acquire(self: &Arc<Self>, key: &SessionKey) -> Result<Place, TurnError> {
        let (gate, ticket) = self.enter(key)?;
        let deleted = ticket.deleted.clone();
        tokio::select! {
            place = self.place(gate, ticket, TAKEN_PATIENCE) => place,
            () = deleted.cancelled() => Err(TurnError::Deleted),
        }
    }

    /// Ends the turns that run or wait in the session, and takes the place of the first. `true`: there were some.
    pub async fn clear(self: &Arc<Self>, key: &SessionKey) -> Result<(Place, bool), TurnError> {
        let (gate, ticket, were_there) = {
            let mut lines = self.lines();
            let line = lines.entry(key.clone()).or_insert_with(Line::new);
            let were_there = line.turns > 0;
            std::mem::take(&mut line.deleted).cancel();
            (line.gate.clone(), self.ticket(key, line), were_there)
        };
        Ok((self.place(gate, ticket, DELETE_PATIENCE).await?, were_there))
    }

    /// Gives the session back and takes it with an epoch above `newest`, that of its transcript. A place is behind that where the clock
    /// has been set back, and the epochs are forgotten since: the lease's file is lost, or the process that owned all of them has ended.
    pub async fn overtake(&self, place: Place, newest: u64) -> Result<Place, TurnError> {
        let Place {
            hold,
            _permit: permit,
            ticket,
        } = place;
        tracing::warn!(session = %ticket.key, epoch = hold.epoch(), newest, "the session has seen a newer epoch than its owner");
        hold.release().await?;
        self.hold(permit, ticket, TAKEN_PATIENCE, newest).await
    }

    async fn place(&self, gate: Arc<Semaphore>, ticket: Ticket, patience: Duration) -> Result<Place, TurnError> {
        let permit = gate.acquire_owned().await.expect("the gate is never closed");
        self.hold(permit, ticket, patience, 0).await
    }

    async fn hold(
        &self,
        permit: OwnedSemaphorePermit,
        ticket: Ticket,
        patience: Duration,
        floor: u64,
    ) -> Result<Place, TurnError> {
        let hold = self.ownership.take(&ticket.key, floor, patience).await?;
        Ok(Place {
            hold,
            _permit: permit,
            ticket,
        })
    }

    pub async fn release(place: Place) {
        if place.hold.is_leased() {
            // What was answered goes out first.
            tokio::task::yield_now().await;
        }
        // The session goes before the place in line: the next one must find it free.
        if let Err(error) = place.hold.release().await {
            tracing::warn!(%error, "a session's lease could not be given back; it will expire");
        }
    }

    fn enter(self: &Arc<Self>, key: &SessionKey) -> Result<(Arc<Semaphore>, Ticket), TurnError> {
        let mut lines = self.lines();
        let line = lines.entry(key.clone()).or_insert_with(Line::new);
        if line.turns > WAITING_LIMIT {
            return Err(TurnError::Busy(line.turns - 1));
        }
        Ok((line.gate.clone(), self.ticket(key, line)))
    }

    fn ticket(self: &Arc<Self>, key: &SessionKey, line: &mut Line) -> Ticket {
        line.turns += 1;
        Ticket {
            queue: self.clone(),
            key: key.clone(),
            deleted: line.deleted.clone(),
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<SessionKey, Line>> {
        self.lines.lock().expect("no holder of the lock panics")
    }
}

/// Counts a turn in its line; the line is forgotten with its last turn.
struct Ticket {
    queue: Arc<TurnQueue>,
    key: SessionKey,
    deleted: CancellationToken,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut lines = self.queue.lines();
        if let Some(line) = lines.get_mut(&self.key) {
            line.turns -= 1;
            if line.turns == 0 {
                lines.remove(&self.key);
            }
        }
    }
}
