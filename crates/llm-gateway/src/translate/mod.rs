//! Between the styles: a client of one reaches providers of the other. This is the slow path, where bodies are parsed whole; where the
//! styles are equal nothing here is used.
//!
//! Chat completions are the middle: messages are translated to and from them, and so are responses. What the other side has no word for
//! is left out where the answer stays what was asked for (sampling hints, cache marks, earlier thoughts), and refused where it would not
//! (several replies, tools that the provider itself would run).

mod calls;
mod chain;
mod choice;
mod completion_to_message;
mod completion_to_response;
mod completions_to_messages;
mod message_to_completion;
mod messages_to_completions;
mod responses_to_completions;
mod spoken;
mod stream_completion_to_message;
mod stream_completion_to_response;
mod stream_message_to_completion;
mod usage;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::style::Surface;
use chain::Chain;
use stream_completion_to_message::CompletionToMessage;
use stream_completion_to_response::CompletionToResponse;
use stream_message_to_completion::MessageToCompletion;

/// A body that is larger must not have more values than that: each becomes one in memory, and all other calls of the thread wait for it.
const LARGE: usize = 256 * 1024;
const MOST_VALUES: usize = 100_000;

/// What cannot be said in the other style; for requests, the client is told.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Untranslatable(pub String);

fn cannot<T>(what: impl Into<String>) -> Result<T, Untranslatable> {
    Err(Untranslatable(what.into()))
}

/// Tells a provider's stream in the client's style.
pub trait StreamTranslator: Send {
    /// Takes the data of one event, and writes what the client gets for it.
    ///
    /// # Errors
    /// The event is not what its API promises.
    fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable>;

    /// The stream has ended: writes what is still owed, if it was not at its end.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// What a translation must know besides the body.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The model: in a request the provider's name of it, in a reply the client's.
    pub model: &'a str,
    /// The most tokens of a reply, where the client did not say and the provider insists.
    pub max_tokens: u64,
    /// The client asked for the usage of its stream.
    pub wants_usage: bool,
    /// The provider's name for the most tokens of a completion.
    pub limit: &'static str,
}

/// Writes a client's request as the provider wants it.
///
/// # Errors
/// [`Untranslatable`], for the client.
pub fn request(from: Surface, to: Surface, body: &[u8], context: Context<'_>) -> Result<Vec<u8>, Untranslatable> {
    if body.len() > LARGE && creel_http::values(body) > MOST_VALUES {
        return cannot(format!(
            "the request body: has more than {MOST_VALUES} values, too many for a provider of another style"
        ));
    }
    let mut asked = object(body)?;
    if from == Surface::Responses {
        asked = responses_to_completions::request(&asked, context)?;
    }
    let told = match (from, to) {
        (Surface::Messages, Surface::Completions) => messages_to_completions::request(&asked, context)?,
        (_, Surface::Messages) => completions_to_messages::request(&asked, context)?,
        _ => {
            asked.insert("model".into(), context.model.into());
            if asked.get("stream") == Some(&Value::Bool(true)) {
                asked.insert("stream_options".into(), serde_json::json!({"include_usage": true}));
            }
            asked
        }
    };
    Ok(Value::Object(told).to_string().into_bytes())
}

/// Writes a provider's whole reply in the client's style.
///
/// # Errors
/// It is not what the provider's API promises.
pub fn document(from: Surface, to: Surface, body: &[u8], context: Context<'_>) -> Result<Vec<u8>, Untranslatable> {
    let said = Value::Object(object(body)?);
    let completion = match from {
        Surface::Messages => message_to_completion::document(&said, context)?,
        _ => said,
    };
    let told = match to {
        Surface::Messages => completion_to_message::document(&completion, context)?,
        Surface::Responses => completion_to_response::document(&completion, context)?,
        Surface::Completions | Surface::Embeddings => completion,
    };
    Ok(told.to_string().into_bytes())
}

/// What tells a stream of the provider's in the client's style.
pub fn stream(from: Surface, to: Surface, context: Context<'_>) -> Box<dyn StreamTranslator> {
    match (from, to) {
        (Surface::Messages, Surface::Responses) => Box::new(Chain::new(
            Box::new(MessageToCompletion::new(Context {
                wants_usage: true,
                ..context
            })),
            Box::new(CompletionToResponse::new(context)),
        )),
        (Surface::Messages, _) => Box::new(MessageToCompletion::new(context)),
        (_, Surface::Messages) => Box::new(CompletionToMessage::new(context)),
        _ => Box::new(CompletionToResponse::new(context)),
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Untranslatable> {
    creel_http::from_json(body).map_err(Untranslatable)
}

/// A member's text, or nothing.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// What a model thought, of a message or a delta. OpenAI's own API does not tell it; DeepSeek's name for it and OpenRouter's are those that others
/// took up, some of them both for the same thought.
fn thought(value: &Value) -> &str {
    match text(value, "reasoning_content") {
        "" => text(value, "reasoning"),
        thought => thought,
    }
}

/// Why a provider of completions gives up in the middle of its stream: `{"error": {"message": …}}`, or with some a text alone.
fn given_up(chunk: &Value) -> Option<&str> {
    let error = chunk.get("error").filter(|error| !error.is_null())?;
    Some(error.as_str().unwrap_or_else(|| text(error, "message")))
}

/// The items of a member that is a list.
fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

/// Copies members that mean the same on both sides.
fn copy(from: &Map<String, Value>, to: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (name, new_name) in names {
        if let Some(value) = from.get(*name).filter(|value| !value.is_null()) {
            to.insert((*new_name).to_owned(), value.clone());
        }
    }
}
