//! A request's body, of which only the few members that matter here are read; the rest passes as it came.
//!
//! Whatever must be changed on the way is cut out and replaced in place, so that a provider sees every other byte as the client sent
//! it: unknown members, their order, their blanks.

use std::ops::Range;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::style::Surface;

/// What of a request decides where it goes and what it may cost.
#[derive(Debug)]
pub struct Ask {
    pub surface: Surface,
    pub body: Bytes,
    pub model: String,
    pub stream: bool,
    /// The client asked for the usage of a streamed completion.
    pub wants_usage: bool,
    /// The most tokens that the client lets a reply have.
    pub max_tokens: Option<u64>,
    /// How many replies.
    pub choices: u64,
    model_at: Range<usize>,
    stream_options_at: Option<Range<usize>>,
}

/// Why a body is no request. Said to the client.
#[derive(Debug, Error)]
pub enum AskError {
    /// No JSON, or not what is wanted there: which, and where.
    #[error("{0}")]
    Unreadable(String),
    #[error("`model` is missing: name one of those that GET /v1/models lists")]
    NoModel,
}

/// Bytes of a model's name, a provider's before it included. It is told back, logged and kept: nobody has a longer one.
const LONGEST_NAME: usize = 512;

/// The most replies of one request: OpenAI's own limit, <https://platform.openai.com/docs/api-reference/chat/create#chat-create-n>.
const MOST_CHOICES: u64 = 128;

/// May a model be called so? It is listed, on terminals too.
pub fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && !name.contains(char::is_control)
}

/// It may not.
pub fn no_name() -> AskError {
    unfit(
        "model",
        &format!("a name of {LONGEST_NAME} bytes at most, without control characters"),
    )
}

fn unfit(what: &str, wanted: &str) -> AskError {
    AskError::Unreadable(format!("{what}: must be {wanted}"))
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    stream: Option<bool>,
    /// A `null` too, because it is to be replaced where it stands.
    #[serde(borrow, default, deserialize_with = "written")]
    stream_options: Option<&'a RawValue>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    n: Option<u64>,
    #[serde(borrow)]
    background: Option<&'a RawValue>,
}

fn written<'de: 'a, 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl Ask {
    /// # Errors
    /// [`AskError`], for the client. A member that occurs twice is an error too: the provider might read the other one.
    pub fn parse(surface: Surface, body: Bytes) -> Result<Self, AskError> {
        if body.trim_ascii_start().starts_with(b"[") {
            // serde would take its items for the members, in their order.
            return Err(unfit("the request body", "an object"));
        }
        let members: Members<'_> = creel_http::from_json(&body).map_err(AskError::Unreadable)?;
        let raw_model = members.model.ok_or(AskError::NoModel)?;
        let model: String = serde_json::from_str(raw_model.get()).map_err(|_| unfit("model", "text"))?;
        if model.is_empty() {
            return Err(AskError::NoModel);
        }
        if !is_name(&model) {
            return Err(no_name());
        }
        let options: Option<StreamOptions> = members
            .stream_options
            .map(|raw| serde_json::from_str::<Option<StreamOptions>>(raw.get()))
            .transpose()
            .map_err(|_| unfit("stream_options", "an object that says `include_usage`, true or false"))?
            .flatten();
        if surface == Surface::Responses && members.background.is_some_and(|raw| raw.get() == "true") {
            // Its answer comes before it is made, and tells no usage.
            return Err(unfit("background", "false: what is made later cannot be metered"));
        }
        let max_tokens = match surface {
            // Many providers know one of them and pass over the other.
            Surface::Completions => members.max_completion_tokens.max(members.max_tokens),
            Surface::Responses => members.max_output_tokens,
            Surface::Messages => members.max_tokens,
            Surface::Embeddings => Some(0),
        };
        let at = |raw: &RawValue| {
            let begin = raw.get().as_ptr() as usize - body.as_ptr() as usize;
            begin..begin + raw.get().len()
        };
        let (model_at, stream_options_at) = (at(raw_model), members.stream_options.map(at));
        Ok(Self {
            surface,
            model,
            stream: members.stream.unwrap_or(false) && surface != Surface::Embeddings,
            wants_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
            max_tokens,
            choices: members.n.unwrap_or(1).clamp(1, MOST_CHOICES),
            model_at,
            stream_options_at,
            body,
        })
    }

    /// The provider is to be asked for a usage that the client did not ask for.
    pub fn needs_usage(&self) -> bool {
        self.surface == Surface::Completions && self.stream && !self.wants_usage
    }

    /// The body as the provider gets it: with its own name of the model, and asking for the usage of a stream. The client's own
    /// bytes where nothing is to be changed.
    pub fn patched(&self, model: &str, ask_for_usage: bool) -> Bytes {
        let mut changes: Vec<(Range<usize>, String)> = Vec::new();
        if model != self.model {
            changes.push((self.model_at.clone(), Value::from(model).to_string()));
        }
        if ask_for_usage && self.needs_usage() {
            changes.push(self.usage_asked());
        }
        if changes.is_empty() {
            return self.body.clone();
        }
        changes.sort_by_key(|(range, _)| range.start);
        let grown: usize = changes.iter().map(|(_, text)| text.len()).sum();
        let mut patched = BytesMut::with_capacity(self.body.len() + grown);
        let mut done = 0;
        for (range, text) in changes {
            patched.put_slice(&self.body[done..range.start]);
            patched.put_slice(text.as_bytes());
            done = range.end;
        }
        patched.put_slice(&self.body[done..]);
        patched.freeze()
    }

    fn usage_asked(&self) -> (Range<usize>, String) {
        if let Some(at) = &self.stream_options_at {
            let written: Option<Map<String, Value>> =
                serde_json::from_slice(&self.body[at.clone()]).unwrap_or_default();
            let mut options = written.unwrap_or_default();
            options.insert("include_usage".to_owned(), Value::Bool(true));
            return (at.clone(), Value::Object(options).to_string());
        }
        // Behind the last member: the body is an object, and has at least `model`.
        let end = memchr::memrchr(b'}', &self.body).unwrap_or(self.body.len());
        (end..end, r#","stream_options":{"include_usage":true}"#.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Ask, AskError> {
        Ask::parse(Surface::Completions, Bytes::copy_from_slice(body.as_bytes()))
    }

    fn patched(body: &str, model: &str) -> String {
        let ask = parse(body).unwrap();
        String::from_utf8(ask.patched(model, true).to_vec()).unwrap()
    }

    #[test]
    fn nothing_to_change_is_nothing_copied() {
        let ask = parse(r#"{ "model" : "m",  "x": [1, 2.50, "\u00e4"] }"#).unwrap();
        let body = ask.patched("m", true);
        assert_eq!((body.as_ptr(), body.len()), (ask.body.as_ptr(), ask.body.len()));
    }

    #[test]
    fn only_what_must_change_changes() {
        assert_eq!(
            patched(r#"{ "x": 1.50, "model" : "alias", "model_x":"alias" } "#, "real\"1"),
            r#"{ "x": 1.50, "model" : "real\"1", "model_x":"alias" } "#
        );
        assert_eq!(
            patched(r#"{"model":"a","stream":true,"stream_options":{"x":1}}"#, "b"),
            r#"{"model":"b","stream":true,"stream_options":{"x":1,"include_usage":true}}"#
        );
        assert_eq!(
            patched("{\"stream\":true,\"stream_options\":null,\"model\":\"a\"}\n", "a"),
            "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"a\"}\n"
        );
        assert_eq!(
            patched("{\"model\":\"a\",\"stream\":true}\n", "a"),
            "{\"model\":\"a\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}\n"
        );
    }

    #[test]
    fn usage_is_asked_for_only_where_nobody_did_and_something_streams() {
        for (body, needed) in [
            (r#"{"model":"a","stream":true}"#, true),
            (
                r#"{"model":"a","stream":true,"stream_options":{"include_usage":false}}"#,
                true,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{"include_usage":true}}"#,
                false,
            ),
            (r#"{"model":"a"}"#, false),
        ] {
            assert_eq!(parse(body).unwrap().needs_usage(), needed, "{body}");
        }
    }

    #[test]
    fn limits_by_surface() {
        let limit = |surface, body: &str| {
            Ask::parse(surface, Bytes::copy_from_slice(body.as_bytes()))
                .unwrap()
                .max_tokens
        };
        let body = r#"{"model":"m","max_tokens":1,"max_completion_tokens":2,"max_output_tokens":3}"#;
        assert_eq!(limit(Surface::Completions, body), Some(2));
        let swapped = r#"{"model":"m","max_tokens":20,"max_completion_tokens":1}"#;
        assert_eq!(
            limit(Surface::Completions, swapped),
            Some(20),
            "nobody knows which of them the provider reads"
        );
        assert_eq!(limit(Surface::Messages, body), Some(1));
        assert_eq!(limit(Surface::Responses, body), Some(3));
        assert_eq!(limit(Surface::Embeddings, body), Some(0));
        assert_eq!(limit(Surface::Completions, r#"{"model":"m","max_tokens":null}"#), None);
    }

    #[test]
    fn a_response_in_the_background_is_refused_and_the_word_means_nothing_elsewhere() {
        let parse = |surface, said: &str| {
            let body = format!(r#"{{"model":"m","background":{said}}}"#);
            Ask::parse(surface, Bytes::from(body))
                .map(drop)
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            parse(Surface::Responses, "true").unwrap_err(),
            "background: must be false: what is made later cannot be metered"
        );
        for (surface, said) in [
            (Surface::Responses, "false"),
            (Surface::Responses, "null"),
            (Surface::Completions, "true"),
            (Surface::Messages, r#"{"x":1}"#),
        ] {
            parse(surface, said).unwrap();
        }
    }

    #[test]
    fn what_is_no_request_is_said_clearly() {
        for (body, said) in [
            ("", "the request body: is empty; send JSON"),
            ("{", "the request body: is cut off, at line 1 column 1"),
            (
                r#"{"model":"a"} x"#,
                "the request body: goes on after its end, at line 1 column 15",
            ),
            ("[]", "the request body: must be an object"),
            (r#"{"model":7}"#, "model: must be text"),
            (
                &format!(r#"{{"model":"{}"}}"#, "m".repeat(LONGEST_NAME + 1)),
                "model: must be a name of 512 bytes at most, without control characters",
            ),
            (
                r#"{"model":"m\u001b[31m"}"#,
                "model: must be a name of 512 bytes at most, without control characters",
            ),
            (
                r#"{"model":"a","max_tokens":-1}"#,
                "max_tokens: must be a whole number of at least 0",
            ),
            (r#"{"model":"a","stream":"yes"}"#, "stream: must be true or false"),
            (r#"{"model":"a","model":"b"}"#, "model: is there twice"),
            (r#"{"model":"a","mod\u0065l":"b"}"#, "model: is there twice"),
            (
                r#"{"model":"a","stream_options":7}"#,
                "stream_options: must be an object that says `include_usage`, true or false",
            ),
            ("{}", "`model` is missing: name one of those that GET /v1/models lists"),
            (
                r#"{"model":""}"#,
                "`model` is missing: name one of those that GET /v1/models lists",
            ),
        ] {
            assert_eq!(parse(body).unwrap_err().to_string(), said, "{body}");
        }
    }
}
