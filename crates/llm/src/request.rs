//! What to ask, in words of our own: each API has its own writing of it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::event::ToolCall;

/// A message of the conversation, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    System(String),
    User(Vec<Part>),
    Assistant {
        text: String,
        tool_calls: Vec<ToolCall>,
    },
    /// The result of a call that an earlier assistant message made.
    Tool {
        call_id: String,
        text: String,
        is_error: bool,
    },
}

impl Message {
    /// A user's message of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User(vec![Part::Text(text.into())])
    }

    /// An assistant's message without calls.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Assistant {
            text: text.into(),
            tool_calls: Vec::new(),
        }
    }
}

/// A piece of a user's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// A `data:` URL with base64, or an `https:` URL.
    Image(String),
}

/// A tool that the model may call.
#[derive(Clone, Debug)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    pub schema: Schema,
}

/// JSON Schema of a tool's arguments, of type `object`: written once, for the many requests that it goes along with.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Schema(Arc<RawValue>);

impl Schema {
    /// As JSON.
    pub fn text(&self) -> &str {
        self.0.get()
    }
}

impl From<Value> for Schema {
    fn from(schema: Value) -> Self {
        Self(to_raw_value(&schema).expect("a JSON value can be written").into())
    }
}

/// What is asked. Replies always stream, whatever the caller makes of them.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    /// As OpenAI writes it: `"auto"`, `"none"`, `"required"`, or `{"type":"function","function":{"name":…}}`.
    pub tool_choice: Option<Value>,
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<String>,
    /// Further members of the body, for OpenAI-style providers only. They cannot replace the members above, nor `model`
    /// and `stream`.
    pub extra: Map<String, Value>,
}

impl Request {
    /// A request of messages alone.
    pub fn of(messages: Vec<Message>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }
}
