//! Starts turns for the HTTP handlers, counts them, and ends them when the gateway must stop.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use creel_agent::{Meter, Outcome, ToolStatus, Turn, TurnError, TurnEvent};
use creel_config::Endpoints;
use creel_llm::Usage;
use creel_session::{SessionId, UserId};
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::caller::Caller;
use crate::error::{access_ended, draining, turn_problem};
use crate::routes::State;
use crate::tenants::Slot;
use creel_http::{Problem, random_id};

/// Events on their way to a client. A client that reads slowly slows its own model call, nothing else.
const EVENTS: usize = 64;
const LONGEST_KEY: usize = 255;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A turn that runs. Dropping it cancels the model call.
pub struct RunningTurn {
    events: mpsc::Receiver<TurnEvent>,
    begun_at: Option<u64>,
    result: oneshot::Receiver<Result<Outcome, TurnError>>,
    /// What ends it, and what ends everything.
    stop: CancellationToken,
    drained: CancellationToken,
}

impl RunningTurn {
    /// Starts the turn in a task of its own, so that it can put away what was said when its client goes away.
    pub fn start(gateway: &State, caller: &Caller, turn: Turn) -> Result<Self, Problem> {
        if gateway.drain.is_draining() {
            return Err(draining());
        }
        let mut held = None;
        if let (Some(tenants), Some(seat)) = (&gateway.tenants, &caller.seat) {
            let bytes = turn.session.as_ref().map_or(0, |key| gateway.sessions.bytes(key));
            held = tenants.has_room(seat, bytes, &gateway.setup.load())?;
        }
        let (sender, events) = mpsc::channel(EVENTS);
        let (answer, result) = oneshot::channel();
        let running = gateway.drain.enter();
        let drained = gateway.drain.stop.clone();
        let gateway: State = Arc::clone(gateway);
        let stop = caller.stop.clone();
        let caller = caller.clone();
        let task = async move {
            let counted = Counted(&gateway);
            let answer = |outcome| {
                count(&gateway, &outcome);
                // Nobody is there to take it: the client went away.
                let _ = answer.send(outcome);
            };
            match slot(&gateway, &caller, &sender).await {
                Ok(_slot) => {
                    let agent = &gateway.agent;
                    agent.run(turn, sender, &caller.stop, &counted, answer).await;
                }
                Err(error) => {
                    drop(sender);
                    answer(Err(error));
                }
            }
            drop((running, held));
        };
        // In a box, because the runtime moves what it is given many times, and a turn is ten KiB.
        tokio::spawn(Box::pin(task).in_current_span());
        Ok(Self {
            events,
            begun_at: None,
            result,
            stop,
            drained,
        })
    }

    /// The next event; `None` when the turn has ended.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            match self.events.recv().await? {
                TurnEvent::Begun { at } => self.begun_at = Some(at),
                TurnEvent::Text(text) => return Some(Said::Text(text)),
                TurnEvent::Tool { name, status } => return Some(Said::Tool { name, status }),
            }
        }
    }

    /// When a turn with an idempotency key was first begun, in milliseconds since the Unix epoch; known once it says something or ends.
    pub fn begun_at(&self) -> Option<u64> {
        self.begun_at
    }

    /// The answer, once all events are read.
    pub async fn finish(self) -> Result<Outcome, Problem> {
        match self.result.await {
            // Not the client, and not the end of the gateway: the user was disabled, or the token revoked.
            Ok(Err(TurnError::Cancelled)) if self.stop.is_cancelled() && !self.drained.is_cancelled() => {
                Err(access_ended())
            }
            Ok(result) => result.map_err(turn_problem),
            Err(_) => Err(Problem::internal()),
        }
    }

    /// Reads the events to their end and gives the answer.
    pub async fn complete(mut self) -> Result<(Outcome, Option<u64>), Problem> {
        while self.next().await.is_some() {}
        let begun_at = self.begun_at;
        Ok((self.finish().await?, begun_at))
    }
}

/// What a client is to be told while a turn runs.
pub enum Said {
    /// More of the reply.
    Text(String),
    Tool {
        name: String,
        status: ToolStatus,
    },
}

/// Counts what a turn uses, in the turn's own task: whether its client is still there makes no difference.
struct Counted<'a>(&'a State);

impl Meter for Counted<'_> {
    fn tokens(&self, model: &str, usage: Usage) {
        let setup = self.0.setup.load();
        let model = setup.profile.models.metric_label(model);
        self.0.metrics.tokens(model, usage.input_tokens, usage.output_tokens);
    }

    fn tool_call(&self, tool: &str, status: ToolStatus) {
        self.0.metrics.tool_call(metric_label(self.0, tool), status.as_str());
    }
}

/// In a gateway for many users, waits until this one's turn may run.
async fn slot(gateway: &State, caller: &Caller, events: &mpsc::Sender<TurnEvent>) -> Result<Option<Slot>, TurnError> {
    let (Some(tenants), Some(seat)) = (&gateway.tenants, &caller.seat) else {
        return Ok(None);
    };
    let setup = gateway.setup.load_full();
    tokio::select! {
        slot = tenants.slot(seat, &setup) => Ok(slot),
        () = events.closed() => Err(TurnError::Cancelled),
        () = caller.stop.cancelled() => Err(TurnError::Cancelled),
    }
}

/// What a metric calls a tool. Where users bring tool servers of their own, the names are theirs.
fn metric_label<'a>(gateway: &State, tool: &'a str) -> &'a str {
    let setup = gateway.setup.load();
    let settings = setup.config.multi_tenant.as_ref();
    let is_of_a_server = tool.contains("__");
    match settings {
        Some(settings) if settings.user_endpoints != Endpoints::Operators && is_of_a_server => "mcp",
        _ => tool,
    }
}

fn count(gateway: &State, outcome: &Result<Outcome, TurnError>) {
    match outcome {
        Ok(outcome) if outcome.replayed => gateway.metrics.turn("replayed"),
        Ok(_) => gateway.metrics.turn("ok"),
        Err(error) => {
            gateway.metrics.turn(error.code());
            if !matches!(error, TurnError::Cancelled | TurnError::Deleted) {
                tracing::warn!(code = error.code(), model = error.model(), %error, cause = error.internals(), "turn failed");
            }
        }
    }
}

/// The client's idempotency key, if it sent one.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= LONGEST_KEY => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_request(format!(
            "Idempotency-Key: give 1 to {LONGEST_KEY} ASCII characters"
        ))),
    }
}

/// The id of an answer that the same key in the same session finds again.
pub fn derived_id(user: &UserId, session: &SessionId, idempotency_key: &str) -> String {
    let digest = Sha256::digest(format!("{user}\n{session}\n{idempotency_key}"));
    hex::encode(&digest[..16])
}

/// The session of a request that names none. With an idempotency key it is derived from that, so that the same key finds the
/// same session again, after a restart too.
pub fn new_session(prefix: &str, user: &UserId, idempotency_key: Option<&str>) -> SessionId {
    let id = match idempotency_key {
        Some(key) => {
            let digest = Sha256::digest(format!("{user}\n{key}"));
            hex::encode(&digest[..16])
        }
        None => random_id(),
    };
    SessionId::new(&format!("{prefix}{id}")).expect("hexadecimal digits are a valid id")
}
