//! What goes into a turn and what comes out of it.

use std::sync::Arc;
use std::time::Duration;

use creel_llm::{Message, Target, ToolCall, ToolSpec, Usage};
use creel_session::{SessionKey, Stop};
use serde_json::{Map, Value};

use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// One request to answer. Everything in it is already checked: the gateway parses at its door.
pub struct Turn {
    /// Unique; the transcript's lines carry it.
    pub id: String,
    /// Where the turn is recorded. `None`: nowhere.
    pub session: Option<SessionKey>,
    pub history: History,
    /// The new message, or the results of tools that the client ran.
    pub input: Vec<Message>,
    /// The client's own system messages.
    pub instructions: Option<String>,
    /// With the same key in the same session there is one turn and one answer.
    pub idempotency_key: Option<String>,
    /// Which model to ask, then which to try instead.
    pub routes: Vec<Route>,
    pub workspace: Workspace,
    /// The gateway's own tools.
    pub toolbox: Toolbox,
    /// Tools that the client runs by itself: a call of one ends the turn with [`Outcome::tool_calls`].
    pub client_tools: Vec<ToolSpec>,
    pub sampling: Sampling,
    pub limits: Limits,
    /// Whether whoever asked follows the turn. If not, of its events only [`TurnEvent::Begun`] is told: the outcome holds all that was
    /// said, and handing it over piece by piece as well would be for nothing.
    pub followed: bool,
}

/// What the model is told of the conversation so far.
pub enum History {
    /// What the session's transcript holds, cut to the model's context.
    Transcript,
    /// What the client sent along.
    Given(Vec<Message>),
}

/// A model and its measures.
#[derive(Clone, Debug)]
pub struct Route {
    /// `PROVIDER/MODEL`, as users name it.
    pub label: Arc<str>,
    pub target: Arc<Target>,
    /// Tokens, prompt and reply together.
    pub context_window: u32,
    /// Tokens kept free for the reply.
    pub reply_tokens: u32,
    /// How long one call may take in all; `None`: as long as the turn may.
    pub timeout: Option<Duration>,
}

/// What a client may say about how the model is to answer; passed on as it is.
#[derive(Clone, Debug, Default)]
pub struct Sampling {
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<String>,
    pub tool_choice: Option<Value>,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Model calls in one turn that may ask for tools. The call after the last of them is made without tools, so that the turn
    /// ends in words.
    pub tool_rounds: u32,
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tool_rounds: 16,
            timeout: Duration::from_secs(600),
        }
    }
}

/// What happens during a turn, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnEvent {
    /// Of a turn with an idempotency key, before anything else: when it was first begun, in milliseconds since the Unix epoch.
    Begun {
        at: u64,
    },
    /// More of the reply.
    Text(String),
    Tool {
        name: String,
        status: ToolStatus,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolStatus {
    Running,
    Done,
    Failed,
    /// The turn ended before the call did. No event says so: nobody listens any more.
    Cancelled,
}

impl ToolStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Is told what a turn uses as it uses it, whatever becomes of the turn, and whether or not somebody waits for its answer.
pub trait Meter: Send + Sync {
    /// A model call has ended with this usage. `model` is its label.
    fn tokens(&self, model: &str, usage: Usage);

    /// A call of a tool that was offered has ended.
    fn tool_call(&self, tool: &str, status: ToolStatus);
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub reply: String,
    /// Calls of the client's own tools, for the client to run.
    pub tool_calls: Vec<ToolCall>,
    /// The label of the model that answered.
    pub model: String,
    /// Sum over the model calls of the turn.
    pub usage: Usage,
    pub stop: Stop,
    /// The answer of an earlier turn with the same idempotency key; no model was asked.
    pub replayed: bool,
}
