//! The gateway from a client's side, before a fake provider and with books in memory.

mod budgets;
mod faults;
mod harness;
mod keys;
mod money;
mod passing;
mod routing;
mod tools;
mod translating;

use harness::{Client, House};

/// A question to the OpenAI-style model.
const COMPLETION: &str = r#"{"model":"m1","messages":[{"role":"user","content":"hi"}],"max_tokens":100}"#;
const STREAMED_COMPLETION: &str =
    r#"{"model":"m1","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}"#;
/// A question to the Anthropic-style model.
const STREAMED_MESSAGE: &str =
    r#"{"model":"c1","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"stream":true}"#;
