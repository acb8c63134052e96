//! Takes turns: one at a time in a session, bounded in time, and given up when nobody waits for the answer any more.

use std::sync::Arc;
use std::time::Instant;

use creel_llm::Client;
use creel_session::{SessionKey, SessionStore, Stop, Transcript, UserId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::error::TurnError;
use crate::ownership::Ownership;
use crate::queue::{Place, TurnQueue};
use crate::turn::{Meter, Outcome, Turn, TurnEvent};
use crate::work::Work;

/// Takes turns. Cheap to clone; one for a whole gateway.
#[derive(Clone)]
pub struct Agent {
    client: Client,
    sessions: Arc<dyn SessionStore>,
    queue: Arc<TurnQueue>,
}

impl Agent {
    /// `ownership` says who else may write to the `sessions`.
    pub fn new(client: Client, sessions: Arc<dyn SessionStore>, ownership: Ownership) -> Self {
        Self {
            client,
            sessions,
            queue: Arc::new(TurnQueue::new(ownership)),
        }
    }

    /// Sessions with a turn running or waiting.
    pub fn active_sessions(&self) -> usize {
        self.queue.active()
    }

    /// Sessions of this user with a turn running or waiting.
    pub fn active_of(&self, user: &UserId) -> Vec<SessionKey> {
        self.queue.active_of(user)
    }

    /// Whether a turn runs or waits in the session.
    pub fn is_active(&self, key: &SessionKey) -> bool {
        self.queue.is_active(key)
    }

    /// Deletes a session. Turns that run or wait in it end with [`TurnError::Deleted`]. `false`: there was none.
    ///
    /// # Errors
    /// [`TurnError::Taken`] where another gateway is answering in it, and the store's.
    pub async fn forget(&self, key: &SessionKey) -> Result<bool, TurnError> {
        let (place, were_there) = self.queue.clear(key).await?;
        let deleted = self.sessions.delete(key).await;
        TurnQueue::release(place).await;
        Ok(deleted? || were_there)
    }

    /// Takes the turn. Its events go to `events`; when nobody reads them any more, the model call is cancelled. What the
    /// model had said until then is kept in the transcript, marked as cancelled.
    /// The same happens when `stop` is cancelled. `meter` is told what was used, in either case.
    ///
    /// `answer` is given what came of it. Whoever waits for that need not wait for what comes after: the session is given back.
    pub async fn run(
        &self,
        turn: Turn,
        events: mpsc::Sender<TurnEvent>,
        stop: &CancellationToken,
        meter: &dyn Meter,
        answer: impl FnOnce(Result<Outcome, TurnError>),
    ) {
        let session = turn.session.as_ref().map(tracing::field::display);
        let span = tracing::debug_span!("turn", turn = turn.id, session);
        let take = async {
            let (result, place) = self
                .take(turn, &events, stop, meter)
                .await
                .unwrap_or_else(|error| (Err(error), None));
            drop(events);
            answer(result);
            if let Some(place) = place {
                TurnQueue::release(place).await;
            }
        };
        take.instrument(span).await;
    }

    /// What came of the turn in its place. An error: it was given none.
    async fn take(
        &self,
        turn: Turn,
        events: &mpsc::Sender<TurnEvent>,
        stop: &CancellationToken,
        meter: &dyn Meter,
    ) -> Result<(Result<Outcome, TurnError>, Option<Place>), TurnError> {
        let begun = Instant::now();
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
        let waited_ms = begun.elapsed().as_millis();
        tracing::debug!(waited_ms, "the turn begins");
        let (place, transcript) = match (place, &turn.session) {
            (Some(place), Some(key)) => {
                let (place, transcript) = self.read_in_place(place, key).await?;
                (Some(place), transcript)
            }
            (place, _) => (place, None),
        };
        let result = self
            .run_in_place(turn, place.as_ref(), transcript, events, stop, meter)
            .await;
        let result_code = result.as_ref().map_or_else(TurnError::code, |_| "ok");
        tracing::debug!(
            result = result_code,
            took_ms = begun.elapsed().as_millis(),
            "the turn has ended"
        );
        Ok((result, place))
    }

    /// What the session holds, and a place whose epoch it does not refuse.
    async fn read_in_place(
        &self,
        mut place: Place,
        key: &SessionKey,
    ) -> Result<(Place, Option<Transcript>), TurnError> {
        loop {
            let transcript = match self.sessions.read(key).await {
                Ok(transcript) => transcript,
                Err(error) => {
                    TurnQueue::release(place).await;
                    return Err(error.into());
                }
            };
            let newest = transcript.as_ref().map_or(0, |transcript| transcript.newest_epoch);
            if newest <= place.epoch() {
                return Ok((place, transcript));
            }
            place = self.queue.overtake(place, newest).await?;
        }
    }

    async fn run_in_place(
        &self,
        turn: Turn,
        place: Option<&Place>,
        transcript: Option<Transcript>,
        events: &mpsc::Sender<TurnEvent>,
        stop: &CancellationToken,
        meter: &dyn Meter,
    ) -> Result<Outcome, TurnError> {
        let timeout = turn.limits.timeout;
        let epoch = place.map_or(0, Place::epoch);
        let mut work = Work::new(&self.client, &*self.sessions, events, meter, turn, epoch);
        let lost = async {
            match place {
                Some(place) => tokio::select! {
                    () = place.lost() => TurnError::Taken,
                    () = place.deleted() => TurnError::Deleted,
                },
                None => std::future::pending().await,
            }
        };
        let result = tokio::select! {
            result = tokio::time::timeout(timeout, work.answer(transcript)) => result.unwrap_or(Err(TurnError::TimedOut(timeout))),
            () = events.closed() => Err(TurnError::Cancelled),
            () = stop.cancelled() => Err(TurnError::Cancelled),
            // Nothing more may be written.
            error = lost => return Err(error),
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
