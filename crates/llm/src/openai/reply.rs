//! Reads a reply: <https://platform.openai.com/docs/api-reference/chat/streaming>.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::alike::Alike;
use super::call::{Calls, Piece};
use crate::count::believable;
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
    /// To the last event that was read as JSON.
    alike: Option<Alike>,
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
        match self.alike.as_ref().and_then(|alike| alike.text(data)) {
            Some(text) => out.extend(said(Cow::Borrowed(text))),
            None => {
                let text = self.take(json(data)?, out)?;
                self.alike = text.and_then(|text| Alike::to(data, text));
            }
        }
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
    /// The text of a chunk that adds nothing else to the reply, if that is how it is written: another one with the same around it adds
    /// nothing but its text either.
    fn take<'a>(&mut self, chunk: Chunk<'a>, out: &mut VecDeque<Event>) -> Result<Option<&'a str>, Fault> {
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
            return Ok(None);
        };
        self.begun = true;
        let mut only_text = None;
        if let Some(delta) = choice.delta.or(choice.message) {
            let reasoning = delta
                .reasoning_content
                .or(delta.reasoning)
                .filter(|text| !text.is_empty());
            if let Some(Content(Cow::Borrowed(text))) = delta.content
                && reasoning.is_none()
                && delta.refusal.is_none()
                && delta.tool_calls.is_none()
            {
                only_text = Some(text);
            }
            out.extend(reasoning.map(Event::Reasoning));
            let texts = [delta.content.map(|content| content.0), delta.refusal.map(Cow::Owned)];
            out.extend(texts.into_iter().flatten().filter_map(said));
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
        Ok(only_text)
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

fn said(text: Cow<'_, str>) -> Option<Event> {
    (!text.is_empty()).then(|| Event::Text(text.into_owned()))
}

/// A chunk of a stream, or a whole reply: they differ in `delta` and `message` only.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    message: Option<Delta<'a>>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    refusal: Option<String>,
    /// DeepSeek, Qwen and others: <https://api-docs.deepseek.com/guides/reasoning_model>.
    reasoning_content: Option<String>,
    /// OpenRouter and others: <https://openrouter.ai/docs/use-cases/reasoning-tokens>.
    reasoning: Option<String>,
    tool_calls: Option<Vec<Piece>>,
}

/// A text; Mistral's reasoning models send a list of parts: <https://docs.mistral.ai/capabilities/reasoning/>.
struct Content<'a>(Cow<'a, str>);

#[derive(Deserialize)]
struct ContentPart {
    text: Option<String>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    /// By hand: an untagged enum would put every delta into a buffer first.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of parts")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content(text.to_owned().into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Content<'de>, A::Error> {
                let mut text = String::new();
                while let Some(part) = parts.next_element::<ContentPart>()? {
                    text.push_str(part.text.as_deref().unwrap_or_default());
                }
                Ok(Content(text.into()))
            }
        }

        from.deserialize_any(TextOrParts)
    }
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default, deserialize_with = "believable")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "believable")]
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default, deserialize_with = "believable")]
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
    fn usage_that_cannot_be_is_as_good_as_none() {
        let tells = |usage: &str| format!(r#"{{"choices":[],"usage":{usage}}}"#);
        let of = |usage: &str| {
            let end = r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#;
            let (out, _) = read(&[end, &tells(usage), "[DONE]"]).unwrap();
            match out.last() {
                Some(Event::Finish { usage: Some(usage), .. }) => (usage.input_tokens, usage.output_tokens),
                other => panic!("{other:?}"),
            }
        };
        for (usage, told) in [
            (r#"{"prompt_tokens":12.0,"completion_tokens":3}"#, (12, 3)),
            (r#"{"prompt_tokens":-4,"completion_tokens":1.5}"#, (0, 0)),
            (
                r#"{"prompt_tokens":18446744073709551615,"completion_tokens":"3"}"#,
                (0, 0),
            ),
            (
                r#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":null}}"#,
                (5, 0),
            ),
        ] {
            assert_eq!(of(usage), told, "{usage}");
        }
    }

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
    fn what_is_written_alike_is_read_alike() {
        let chunk = |text: &str, rest: &str| {
            format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":"{text}"{rest}}}}}]}}"#)
        };
        let call = r#","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]"#;
        let chunks = [
            chunk("a", ""),
            chunk("b", ""),
            chunk("", ""),
            chunk(r#"\"c\n"#, ""),
            chunk("你好", ""),
            // What is there twice counts twice, or not at all.
            chunk("d", call),
            chunk("e", call),
            chunk("f", r#","refusal":"no""#),
            chunk("g", r#","refusal":"no""#),
            chunk("h", r#","reasoning":"hm""#),
            chunk("i", r#","reasoning":"hm""#),
            chunk("j", r#"},"finish_reason":"length""#).replace("}}]}", "}]}"),
            chunk("k", ""),
        ];
        let mut events: Vec<&str> = chunks.iter().map(String::as_str).collect();
        events.push("[DONE]");
        let (out, _) = read(&events).unwrap();
        let texts = out.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let said = [
            "a", "b", "\"c\n", "你好", "d", "e", "f", "no", "g", "no", "h", "i", "j", "k",
        ];
        assert_eq!(texts.collect::<Vec<_>>(), said);
        let thoughts = out.iter().filter(|event| matches!(event, Event::Reasoning(_))).count();
        assert_eq!(thoughts, 2);
        assert!(
            out.iter()
                .any(|event| matches!(event, Event::ToolCall(call) if call.arguments == "{}{}"))
        );
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
