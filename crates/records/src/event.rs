//! The activity log: who did what to which instance, newest last.

use serde::Serialize;
use serde_json::{Map, Value};

/// An event to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Dotted kind, for example `instance.running` or `console.signed_in`.
    pub kind: String,
    /// The instance it is about.
    pub instance: Option<String>,
    /// Who caused it: an administrator's name, an API token's name, or `fleet`.
    pub actor: String,
    /// One line for a reader, in English. Never a secret.
    pub message: String,
    /// What the line is made of, such as `{"port": 18789}`: with the kind it is enough to say it in another language.
    pub data: Map<String, Value>,
}

/// An event as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Grows with every event.
    pub id: i64,
    /// When it was recorded, in milliseconds since the Unix epoch.
    pub at: i64,
    pub kind: String,
    pub instance: Option<String>,
    pub actor: String,
    pub message: String,
    pub data: Map<String, Value>,
}
