//! Takes turns: one at a time in a session, bounded in time, and given up when nobody waits for the answer any more.

use std::sync::Arc;

use creel_lease::LeaseStore;
use creel_llm::Client;
use creel_session::{SessionKey, SessionStore, Stop};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::TurnError;
use crate::queue::{Place, TurnQueue};
use crate::turn::{Outcome, Turn, TurnEvent};
use crate::work::Work;

/// Takes turns. Cheap to clone; one for a whole gateway.
#[derive(Clone)]
pub struct Agent {
    client: Client,
    sessions: Arc<dyn SessionStore>,
    queue: Arc<TurnQueue>,
}

impl Agent {
    /// `holder` names this gateway in the leases it takes.
    pub fn new(client: Client, sessions: Arc<dyn SessionStore>, leases: Arc<dyn LeaseStore>, holder: String) -> Self {
        Self {
            client,
            sessions,
            queue: Arc::new(TurnQueue::new(leases, holder)),
        }
    }

    /// Sessions with a turn running or waiting.
    pub fn active_sessions(&self) -> usize {
        self.queue.active()
    }

    /// Deletes a session, after the turns that run in it. `false`: there was none.
    pub async fn forget(&self, key: &SessionKey) -> Result<bool, TurnError> {
        let place = self.queue.acquire(key).await?;
        let deleted = self.sessions.delete(key).await;
        TurnQueue::release(place).await;
        Ok(deleted?)
    }

    /// Takes the turn. Its events go to `events`; when nobody reads them any more, the model call is cancelled. What the
    /// model had said until then is kept in the transcript, marked as cancelled.
    /// The same happens when `stop` is cancelled.
    pub async fn run(
        &self,
        turn: Turn,
        events: mpsc::Sender<TurnEvent>,
        stop: &CancellationToken,
    ) -> Result<Outcome, TurnError> {
        let started = async {
            match &turn.session {
                Some(key) => self.queue.acquire(key).await.map(Some),
                None => Ok(None),
            }
        };
        let place = tokio::select! {
            place = started => place?,
            () = events.closed() => return Err(TurnError::Cancelled),
            () = stop.cancelled() => return Err(TurnError::Cancelled),
        };
        let result = self.run_in_place(turn, place.as_ref(), &events, stop).await;
        if let Some(place) = place {
            TurnQueue::release(place).await;
        }
        result
    }

    async fn run_in_place(
        &self,
        turn: Turn,
        place: Option<&Place>,
        events: &mpsc::Sender<TurnEvent>,
        stop: &CancellationToken,
    ) -> Result<Outcome, TurnError> {
        let timeout = turn.limits.timeout;
        let epoch = place.map_or(0, Place::epoch);
        let mut work = Work::new(&self.client, &*self.sessions, events, turn, epoch);
        let lost = async {
            match place {
                Some(place) => place.lost().await,
                None => std::future::pending().await,
            }
        };
        let result = tokio::select! {
            result = tokio::time::timeout(timeout, work.answer()) => result.unwrap_or(Err(TurnError::TimedOut(timeout))),
            () = events.closed() => Err(TurnError::Cancelled),
            () = stop.cancelled() => Err(TurnError::Cancelled),
            () = lost => return Err(TurnError::Taken),
        };
        if let Err(error) = &result {
            let stop = if matches!(error, TurnError::Cancelled) {
                Stop::Cancelled
            } else {
                Stop::Error
            };
            work.record_draft(stop).await?;
        }
        result
    }
}
