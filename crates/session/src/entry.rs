//! One line of a transcript.

use serde::{Deserialize, Serialize};

/// One message of a session, as it is stored: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was said: milliseconds since the Unix epoch.
    pub at: u64,
    /// The turn it belongs to; all entries of one turn share it.
    pub turn: String,
    /// The epoch of the session lease under which it was written.
    pub epoch: u64,
    /// The caller's idempotency key, on the user entry that opened the turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    pub body: Body,
}

/// What was said, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Body {
    User {
        parts: Vec<Part>,
    },
    Assistant {
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
        /// The model that answered, as `provider/model`.
        model: String,
        usage: Usage,
        stop: Stop,
    },
    ToolResult {
        call_id: String,
        name: String,
        text: String,
        #[serde(default)]
        is_error: bool,
    },
}

/// A piece of a user's message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    Text {
        text: String,
    },
    /// An image, by a `data:` or `https:` URL.
    Image {
        url: String,
    },
}

/// A tool that the assistant asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// The arguments as the model wrote them: JSON text, not yet checked.
    pub arguments: String,
}

/// Tokens that one model call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// Why an assistant message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    End,
    Length,
    ToolCalls,
    /// The provider withheld it, or what would have followed.
    ContentFilter,
    Cancelled,
    Error,
}
