//! One turn of an assistant: workspace -> prompt -> model <-> tools -> transcript.
//!
//! The gateway calls [`Agent::run`] with a [`Turn`] that it has parsed at its door, and passes the [`TurnEvent`]s on to whoever
//! asked. This room knows sessions, leases and model providers; it knows nothing of HTTP servers, of configuration files, or of
//! who the user is beyond the key of their session.

mod ask;
mod error;
mod history;
mod look;
mod ownership;
mod prompt;
mod queue;
mod record;
mod replay;
mod run;
mod tools;
mod turn;
mod work;
mod workspace;

pub use error::TurnError;
pub use ownership::Ownership;
pub use run::Agent;
pub use tools::{McpServer, McpServers, McpTransport, MemoryTools, ToolOutput, ToolSource, Toolbox};
pub use turn::{History, Limits, Meter, Outcome, Route, Sampling, ToolStatus, Turn, TurnEvent};
pub use workspace::Workspace;
