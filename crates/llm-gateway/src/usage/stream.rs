//! Reads the events of a provider's stream for what metering needs of them, and no more: most events are looked at without parsing.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;

use super::Tally;
use super::reported::WireUsage;
use crate::style::{Style, Surface};

/// A member's quoted name, ready to be looked for: making that ready costs more than looking through an event.
type Member = LazyLock<Finder<'static>>;

macro_rules! member {
    ($name:literal) => {
        LazyLock::new(|| Finder::new(concat!("\"", $name, "\"")))
    };
}

static TYPE: Member = member!("type");
static DELTA: Member = member!("delta");
static USAGE: Member = member!("usage");
/// Where a chunk of completions holds what the model says.
static SAID_IN_CHUNKS: [Member; 5] = [
    member!("content"),
    member!("reasoning_content"),
    member!("reasoning"),
    member!("arguments"),
    member!("refusal"),
];
static SAID_IN_MESSAGES: [Member; 3] = [member!("text"), member!("thinking"), member!("partial_json")];

/// What an event is to the metering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// One of many.
    Event,
    /// It tells the usage, and nothing else: a client that did not ask for it need not see it.
    UsageOnly,
    /// The provider gives up.
    Error,
    /// The reply is whole.
    End,
}

/// Knows one provider's way of streaming.
#[derive(Clone, Copy, Debug)]
pub enum StreamReader {
    Completions,
    Responses,
    Messages,
}

impl StreamReader {
    /// By what is asked of the provider.
    pub fn of(surface: Surface) -> Self {
        match surface {
            Surface::Messages => Self::Messages,
            Surface::Responses => Self::Responses,
            Surface::Completions | Surface::Embeddings => Self::Completions,
        }
    }

    /// Takes the data of one event.
    pub fn read(self, data: &[u8], tally: &mut Tally) -> Seen {
        match self {
            Self::Completions => completions(data, tally),
            Self::Responses => responses(data, tally),
            Self::Messages => messages(data, tally),
        }
    }
}

fn completions(data: &[u8], tally: &mut Tally) -> Seen {
    if data == b"[DONE]" {
        return Seen::End;
    }
    for member in &SAID_IN_CHUNKS {
        tally.said(string_member(data, member));
    }
    if tells_usage(data)
        && let Ok(chunk) = serde_json::from_slice::<Chunk>(data)
    {
        let choices = chunk.choices.unwrap_or_default();
        let told = chunk.usage.is_some();
        // Moonshot tells it within the choice: https://platform.moonshot.ai/docs/api/chat
        let within = choices.iter().find_map(|choice| choice.usage.as_ref());
        if let Some(usage) = chunk.usage.as_ref().or(within) {
            tally.report(usage.reported(Style::Openai));
        }
        if told && choices.is_empty() {
            return Seen::UsageOnly;
        }
    }
    if begins_with_error(data) {
        Seen::Error
    } else {
        Seen::Event
    }
}

fn responses(data: &[u8], tally: &mut Tally) -> Seen {
    tally.said(string_member(data, &DELTA));
    let kind = response_kind(data);
    match kind {
        b"response.completed" | b"response.incomplete" | b"response.failed" => {
            let usage = serde_json::from_slice::<ResponseEvent>(data)
                .ok()
                .and_then(|event| event.response?.usage);
            if let Some(usage) = usage {
                tally.report(usage.reported(Style::Openai));
            }
            if kind == b"response.failed" {
                Seen::Error
            } else {
                Seen::End
            }
        }
        b"error" => Seen::Error,
        _ => Seen::Event,
    }
}

fn messages(data: &[u8], tally: &mut Tally) -> Seen {
    if tells_usage(data)
        && let Ok(event) = serde_json::from_slice::<MessageEvent>(data)
    {
        let begun = event.message.and_then(|message| message.usage);
        if let Some(usage) = event.usage.or(begun) {
            tally.report(usage.reported(Style::Anthropic));
        }
        return match string_member(data, &TYPE) {
            b"message_stop" => Seen::End,
            _ => Seen::Event,
        };
    }
    match string_member(data, &TYPE) {
        b"message_stop" => Seen::End,
        b"error" => Seen::Error,
        _ if begins_with_error(data) => Seen::Error,
        _ => {
            for member in &SAID_IN_MESSAGES {
                tally.said(string_member(data, member));
            }
            Seen::Event
        }
    }
}

/// What a response's event is. Some write the members in the order of their names, and then that of an item comes first.
fn response_kind(data: &[u8]) -> &[u8] {
    match string_member(data, &TYPE) {
        first if first.contains(&b'.') || first == b"error" => first,
        _ => serde_json::from_slice(data).map_or(b"", |Kind { kind }| kind.as_bytes()),
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Choice {
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct ResponseEvent {
    response: Option<WithUsage>,
}

#[derive(Deserialize)]
struct MessageEvent {
    message: Option<WithUsage>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct WithUsage {
    usage: Option<WireUsage>,
}

/// Is there a `usage` that is not null? With `include_usage`, every chunk has one that is.
fn tells_usage(data: &[u8]) -> bool {
    let mut rest = data;
    while let Some(at) = USAGE.find(rest) {
        rest = &rest[at + 7..];
        let value = rest.trim_ascii_start();
        if let Some(value) = value.strip_prefix(b":")
            && !value.trim_ascii_start().starts_with(b"null")
        {
            return true;
        }
    }
    false
}

/// `{"error":…}`, as OpenAI-style providers give up.
fn begins_with_error(data: &[u8]) -> bool {
    data.trim_ascii_start()
        .strip_prefix(b"{")
        .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"error\""))
}

/// The text between the quotes of the first string of that name, escapes and all; empty if there is none. `name` is quoted, so that
/// it cannot be found within a string: there its quotes would be escaped.
fn string_member<'a>(data: &'a [u8], name: &Member) -> &'a [u8] {
    let Some(at) = name.find(data) else { return &[] };
    let rest = data[at + name.needle().len()..].trim_ascii_start();
    let Some(rest) = rest.strip_prefix(b":") else {
        return &[];
    };
    let Some(text) = rest.trim_ascii_start().strip_prefix(b"\"") else {
        return &[];
    };
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'"', b'\\', &text[from..]) {
        if text[from + at] == b'"' {
            return &text[..from + at];
        }
        from = (from + at + 2).min(text.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::By;

    fn read(reader: StreamReader, events: &[&str]) -> (Vec<Seen>, super::super::Counts) {
        let mut tally = Tally::new(&bytes::Bytes::new(), 1_000);
        let seen = events
            .iter()
            .map(|event| reader.read(event.as_bytes(), &mut tally))
            .collect();
        (seen, tally.counts(true, By::Table))
    }

    #[test]
    fn completions_tell_usage_at_the_end() {
        let (seen, counts) = read(
            StreamReader::Completions,
            &[
                r#"{"choices":[{"delta":{"content":"Hi"}}],"usage":null}"#,
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage": null}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#,
                "[DONE]",
            ],
        );
        assert_eq!(seen, [Seen::Event, Seen::Event, Seen::UsageOnly, Seen::End]);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (7, 3, false));
    }

    #[test]
    fn usage_beside_or_within_a_choice_hides_nothing() {
        for event in [
            r#"{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#,
            r#"{"choices":[{"delta":{},"usage":{"prompt_tokens":7,"completion_tokens":3}}]}"#,
        ] {
            let (seen, counts) = read(StreamReader::Completions, &[event]);
            assert_eq!(
                (seen[0], counts.prompt, counts.completion),
                (Seen::Event, 7, 3),
                "{event}"
            );
        }
    }

    #[test]
    fn without_usage_the_texts_are_counted() {
        let (_, counts) = read(
            StreamReader::Completions,
            &[
                r#"{"choices":[{"delta":{"content": "four"}}]}"#,
                r#"{"choices":[{"delta":{"reasoning_content":"four"}}]}"#,
                r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a\":1}"}}]}}]}"#,
            ],
        );
        let texts = crate::estimate::text(br#"fourfour{\"a\":1}"#);
        assert_eq!((counts.completion, counts.estimated), (texts, true));
    }

    #[test]
    fn messages_tell_it_at_both_ends() {
        let (seen, counts) = read(
            StreamReader::Messages,
            &[
                r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        );
        assert_eq!(seen, [Seen::Event, Seen::Event, Seen::Event, Seen::End]);
        assert_eq!((counts.prompt, counts.cached, counts.completion), (14, 4, 9));
    }

    #[test]
    fn responses_tell_it_in_the_last_event() {
        let (seen, counts) = read(
            StreamReader::Responses,
            &[
                r#"{"type":"response.output_text.delta","delta":"Hi"}"#,
                r#"{"type":"response.completed","response":{"usage":{"input_tokens":5,"output_tokens":2}}}"#,
            ],
        );
        assert_eq!(seen, [Seen::Event, Seen::End]);
        assert_eq!((counts.prompt, counts.completion), (5, 2));
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        let (seen, counts) = read(
            StreamReader::Responses,
            &[
                r#"{"delta":"Hi","item_id":"msg_1","type":"response.output_text.delta"}"#,
                r#"{"response":{"output":[{"id":"msg_1","type":"message"}],"usage":{"input_tokens":5,"output_tokens":2}},"type":"response.completed"}"#,
            ],
        );
        assert_eq!(seen, [Seen::Event, Seen::End]);
        assert_eq!((counts.prompt, counts.completion), (5, 2));
    }

    #[test]
    fn a_provider_that_gives_up() {
        for (reader, event) in [
            (StreamReader::Completions, r#"{"error":{"message":"x"}}"#),
            (StreamReader::Responses, r#"{"type":"error","message":"x"}"#),
            (StreamReader::Responses, r#"{"type":"response.failed","response":{}}"#),
            (
                StreamReader::Messages,
                r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            ),
            (
                StreamReader::Messages,
                r#"{"error":{"type":"overloaded_error"},"type":"error"}"#,
            ),
        ] {
            assert_eq!(read(reader, &[event]).0, [Seen::Error], "{event}");
        }
    }

    #[test]
    fn words_in_a_text_are_no_members() {
        let text = r#"{"choices":[{"delta":{"content":"say \"usage\":{} and \"content\":\"xxxxxxxx\""}}]}"#;
        let (seen, counts) = read(StreamReader::Completions, &[text]);
        assert_eq!((seen[0], counts.prompt), (Seen::Event, 1_000));
        assert_eq!(string_member(br#"{"type":"b\\","c":"d"}"#, &TYPE), br"b\\");
        assert_eq!(string_member(br#"{"type":"b\"#, &TYPE), br"b\");
    }
}
