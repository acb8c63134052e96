//! Reads a reply: <https://platform.openai.com/docs/api-reference/chat/streaming>.

use std::collections::VecDeque;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::call::{Calls, Piece};
use crate::decode::{Decode, Fault, json};
use crate::event::{Event, Stop, Usage};

/// What has come of a reply so far.
#[derive(Default)]
pub struct Reply {
    calls: Calls,
    stop: Option<Stop>,
    usage: Option<Usage>,
    /// Something of the model was there at all.
    begun: bool,
}

impl Decode for Reply {
    fn event(&mut self, data: &[u8], out: &mut VecDeque<Event>) -> Result<bool, Fault> {
        if data == b"[DONE]" {
            if !self.begun {
                return Err(Fault::Garbage("the reply is empty".to_owned()));
            }
            self.finish(out);
            return Ok(true);
        }
        self.take(json(data)?, out)?;
        Ok(false)
    }

    fn end(&mut self, out: &mut VecDeque<Event>) -> Result<(), Fault> {
        if self.stop.is_none() {
            return Err(Fault::Cut);
        }
        self.finish(out);
        Ok(())
    }

    fn whole(&mut self, body: &[u8], out: &mut VecDeque<Event>) -> Result<(), Fault> {
        self.take(json(body)?, out)?;
        if !self.begun {
            return Err(Fault::Garbage("there is no `choices` in it".to_owned()));
        }
        self.finish(out);
        Ok(())
    }
}

impl Reply {
    fn take(&mut self, chunk: Chunk, out: &mut VecDeque<Event>) -> Result<(), Fault> {
        if let Some(error) = chunk.error {
            return Err(Fault::Refused(error));
        }
        // The last chunk counts all; some providers send it twice, or a running total with every chunk.
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage.into());
        }
        // Only one choice was asked for.
        let Some(choice) = chunk
            .choices
            .unwrap_or_default()
            .into_iter()
            .find(|choice| choice.index == 0)
        else {
            return Ok(());
        };
        self.begun = true;
        if let Some(delta) = choice.delta.or(choice.message) {
            let reasoning = delta
                .reasoning_content
                .or(delta.reasoning)
                .filter(|text| !text.is_empty());
            out.extend(reasoning.map(Event::Reasoning));
            let texts = [delta.content.map(|content| content.0), delta.refusal];
            out.extend(
                texts
                    .into_iter()
                    .flatten()
                    .filter(|text| !text.is_empty())
                    .map(Event::Text),
            );
            delta
                .tool_calls
                .into_iter()
                .flatten()
                .for_each(|piece| self.calls.add(piece));
        }
        if let Some(reason) = choice.finish_reason {
            self.stop = Some(match reason.as_str() {
                "length" => Stop::Length,
                "content_filter" => Stop::ContentFilter,
                "tool_calls" | "function_call" => Stop::ToolCalls,
                _ => Stop::End,
            });
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut VecDeque<Event>) {
        // Some providers end with `stop` although they call tools.
        let stop = match self.stop {
            None | Some(Stop::End) if !self.calls.is_empty() => Stop::ToolCalls,
            stop => stop.unwrap_or(Stop::End),
        };
        out.extend(self.calls.take().map(Event::ToolCall));
        out.push_back(Event::Finish {
            stop,
            usage: self.usage,
        });
    }
}

/// A chunk of a stream, or a whole reply: they differ in `delta` and `message` only.
#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    delta: Option<Delta>,
    message: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Content>,
    refusal: Option<String>,
    /// DeepSeek, Qwen and others: <https://api-docs.deepseek.com/guides/reasoning_model>.
    reasoning_content: Option<String>,
    /// OpenRouter and others: <https://openrouter.ai/docs/use-cases/reasoning-tokens>.
    reasoning: Option<String>,
    tool_calls: Option<Vec<Piece>>,
}

/// A text; Mistral's reasoning models send a list of parts: <https://docs.mistral.ai/capabilities/reasoning/>.
struct Content(String);

#[derive(Deserialize)]
struct ContentPart {
    text: Option<String>,
}

impl<'de> Deserialize<'de> for Content {
    /// By hand: an untagged enum would put every delta into a buffer first.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of parts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content, A::Error> {
                let mut text = String::new();
                while let Some(part) = parts.next_element::<ContentPart>()? {
                    text.push_str(part.text.as_deref().unwrap_or_default());
                }
                Ok(Content(text))
            }
        }

        from.deserialize_any(TextOrParts)
    }
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens.unwrap_or_default(),
            output_tokens: usage.completion_tokens.unwrap_or_default(),
            cached_tokens: usage
                .prompt_tokens_details
                .and_then(|details| details.cached_tokens)
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &[&str]) -> Result<(Vec<Event>, bool), Fault> {
        let (mut reply, mut out, mut done) = (Reply::default(), VecDeque::new(), false);
        for event in events {
            done = reply.event(event.as_bytes(), &mut out)?;
        }
        if !done {
            reply.end(&mut out)?;
        }
        Ok((out.into(), done))
    }

    fn text(text: &str) -> Event {
        Event::Text(text.to_owned())
    }

    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}}"#;

    #[test]
    fn usage_comes_after_the_end_and_counts_once() {
        let usage = Some(Usage {
            input_tokens: 5,
            output_tokens: 2,
            cached_tokens: 3,
        });
        let events = [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            USAGE,
            USAGE,
            "[DONE]",
        ];
        let (out, done) = read(&events).unwrap();
        assert!(done);
        assert_eq!(out, [text("Hi"), Event::Finish { stop: Stop::End, usage }]);
    }

    #[test]
    fn the_marker_at_the_end_may_be_missing_if_the_model_was_done() {
        let last = r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"length"}]}"#;
        assert_eq!(
            read(&[last]).unwrap().0,
            [
                text("a"),
                Event::Finish {
                    stop: Stop::Length,
                    usage: None
                }
            ]
        );
        let open = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
        assert!(matches!(read(&[open]), Err(Fault::Cut)));
        assert!(matches!(read(&[]), Err(Fault::Cut)));
        assert!(matches!(read(&["[DONE]"]), Err(Fault::Garbage(_))));
    }

    #[test]
    fn reasoning_refusals_and_lists_of_parts() {
        let (out, _) = read(&[
            r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"well","content":null}}]}"#,
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}"#,
            r#"{"choices":[{"delta":{"refusal":"no"},"finish_reason":"content_filter"}]}"#,
        ])
        .unwrap();
        let finish = Event::Finish {
            stop: Stop::ContentFilter,
            usage: None,
        };
        let reasoning = |text: &str| Event::Reasoning(text.to_owned());
        assert_eq!(
            out,
            [reasoning("hm"), reasoning("well"), text("ab"), text("no"), finish]
        );
    }

    #[test]
    fn an_error_in_the_stream_and_garbage() {
        assert!(matches!(
            read(&[r#"{"error":{"message":"x"}}"#]),
            Err(Fault::Refused(_))
        ));
        assert!(matches!(read(&["{\"choices\":"]), Err(Fault::Garbage(_))));
        assert!(matches!(read(&["\u{1}"]), Err(Fault::Garbage(_))));
    }

    #[test]
    fn a_whole_reply() {
        let mut out = VecDeque::new();
        let body = r#"{"choices":[{"index":0,"message":{"content":null,"tool_calls":[{"id":"a","type":"function",
            "function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        Reply::default().whole(body.as_bytes(), &mut out).unwrap();
        assert!(matches!(&out[0], Event::ToolCall(call) if call.name == "f"));
        assert!(matches!(
            out[1],
            Event::Finish {
                stop: Stop::ToolCalls,
                usage: Some(_)
            }
        ));
        assert!(matches!(
            Reply::default().whole(b"{}", &mut out),
            Err(Fault::Garbage(_))
        ));
    }
}
