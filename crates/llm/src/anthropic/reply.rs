//! Reads a reply: <https://docs.anthropic.com/en/docs/build-with-claude/streaming>.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

use crate::count::believable;
use crate::decode::{self, Decode, Fault};
use crate::event::{Event, Stop, ToolCall, Usage};

/// What has come of a reply so far.
#[derive(Default)]
pub struct Reply {
    /// Calls whose block is still open, by the block's index.
    calls: Vec<(u32, ToolCall)>,
    stop: Option<Stop>,
    usage: WireUsage,
}

impl Decode for Reply {
    fn event(&mut self, data: &[u8], out: &mut VecDeque<Event>) -> Result<bool, Fault> {
        let event: WireEvent = decode::json(data)?;
        let index = event.index.unwrap_or_default();
        match event.r#type.as_str() {
            "message_start" => self.usage.update(event.message.and_then(|message| message.usage)),
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    self.open(index, block, out);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = event.delta {
                    self.continue_block(index, delta, out);
                }
            }
            "content_block_stop" => self.close(index, out),
            "message_delta" => {
                self.usage.update(event.usage);
                if let Some(reason) = event.delta.and_then(|delta| delta.stop_reason) {
                    self.stop = Some(stop(&reason));
                }
            }
            "message_stop" => {
                self.finish(out);
                return Ok(true);
            }
            "error" => return Err(Fault::Refused(event.error.unwrap_or_default())),
            // `ping`, and whatever is added later: the API's versioning says to read over it.
            _ => {}
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
        let message: WireMessage = decode::json(body)?;
        if let Some(error) = message.error {
            return Err(Fault::Refused(error));
        }
        let Some(content) = message.content else {
            return Err(Fault::Garbage("there is no `content` in it".to_owned()));
        };
        for (index, block) in (0..).zip(content) {
            self.open(index, block, out);
            self.close(index, out);
        }
        self.usage.update(message.usage);
        self.stop = message.stop_reason.as_deref().map(stop);
        self.finish(out);
        Ok(())
    }
}

impl Reply {
    fn open(&mut self, index: u32, block: Block, out: &mut VecDeque<Event>) {
        match block.r#type.as_str() {
            "text" => out.extend(said(block.text, Event::Text)),
            "thinking" => out.extend(said(block.thinking, Event::Reasoning)),
            "tool_use" => {
                // A stream begins with an empty object and sends the real one in pieces.
                let input = block
                    .input
                    .filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
                let arguments = input.map(|input| input.to_string()).unwrap_or_default();
                let (id, name) = (block.id.unwrap_or_default(), block.name.unwrap_or_default());
                self.calls.push((index, ToolCall { id, name, arguments }));
            }
            _ => {}
        }
    }

    fn continue_block(&mut self, index: u32, delta: Delta, out: &mut VecDeque<Event>) {
        out.extend(said(delta.thinking, Event::Reasoning));
        out.extend(said(delta.text, Event::Text));
        if let Some(json) = delta.partial_json
            && let Some((_, call)) = self.calls.iter_mut().find(|(open, _)| *open == index)
        {
            call.arguments.push_str(&json);
        }
    }

    fn close(&mut self, index: u32, out: &mut VecDeque<Event>) {
        if let Some(position) = self.calls.iter().position(|(open, _)| *open == index) {
            let (_, call) = self.calls.remove(position);
            out.push_back(complete(call));
        }
    }

    fn finish(&mut self, out: &mut VecDeque<Event>) {
        out.extend(self.calls.drain(..).map(|(_, call)| complete(call)));
        out.push_back(Event::Finish {
            stop: self.stop.unwrap_or(Stop::End),
            usage: self.usage.total(),
        });
    }
}

fn said(text: Option<String>, event: fn(String) -> Event) -> Option<Event> {
    text.filter(|text| !text.is_empty()).map(event)
}

fn complete(call: ToolCall) -> Event {
    Event::ToolCall(ToolCall {
        arguments: decode::arguments(call.arguments),
        ..call
    })
}

/// <https://docs.anthropic.com/en/api/handling-stop-reasons>.
fn stop(reason: &str) -> Stop {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "tool_use" => Stop::ToolCalls,
        "refusal" => Stop::ContentFilter,
        _ => Stop::End,
    }
}

#[derive(Deserialize)]
struct WireEvent {
    r#type: String,
    index: Option<u32>,
    message: Option<WireMessage>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<Vec<Block>>,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    text: Option<String>,
    thinking: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Value>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

/// The input is told at the start, the output at the end, as running totals; some providers tell all at the end.
#[derive(Default, Deserialize)]
struct WireUsage {
    #[serde(default, deserialize_with = "believable")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "believable")]
    output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "believable")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "believable")]
    cache_read_input_tokens: Option<u64>,
}

impl WireUsage {
    fn update(&mut self, newer: Option<Self>) {
        let Some(newer) = newer else { return };
        self.input_tokens = newer.input_tokens.or(self.input_tokens);
        self.output_tokens = newer.output_tokens.or(self.output_tokens);
        self.cache_creation_input_tokens = newer.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = newer.cache_read_input_tokens.or(self.cache_read_input_tokens);
    }

    /// `input_tokens` leaves out what was read from the cache or written to it:
    /// <https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching>.
    fn total(&self) -> Option<Usage> {
        let cached_tokens = self.cache_read_input_tokens.unwrap_or_default();
        let written = self.cache_creation_input_tokens.unwrap_or_default();
        (self.input_tokens.is_some() || self.output_tokens.is_some()).then(|| Usage {
            input_tokens: self
                .input_tokens
                .unwrap_or_default()
                .saturating_add(cached_tokens)
                .saturating_add(written),
            output_tokens: self.output_tokens.unwrap_or_default(),
            cached_tokens,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &[&str]) -> Result<Vec<Event>, Fault> {
        let (mut reply, mut out) = (Reply::default(), VecDeque::new());
        for event in events {
            if reply.event(event.as_bytes(), &mut out)? {
                return Ok(out.into());
            }
        }
        reply.end(&mut out)?;
        Ok(out.into())
    }

    const START: &str = r#"{"type":"message_start","message":{"id":"m","content":[],"stop_reason":null,
        "usage":{"input_tokens":10,"cache_read_input_tokens":4,"cache_creation_input_tokens":1,"output_tokens":1}}}"#;

    #[test]
    fn usage_that_cannot_be_is_as_good_as_none() {
        let out = read(&[
            START,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":-1,"output_tokens":7.0}}"#,
            r#"{"type":"message_stop"}"#,
        ]);
        let usage = Usage {
            input_tokens: 15,
            output_tokens: 7,
            cached_tokens: 4,
        };
        let end = Event::Finish {
            stop: Stop::End,
            usage: Some(usage),
        };
        assert_eq!(out.unwrap().last(), Some(&end));
    }

    #[test]
    fn text_thinking_and_calls_in_their_order() {
        let out = read(&[
            START,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"xyz"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}"#,
            r#"{"type":"content_block_stop","index":3}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":7}}"#,
            r#"{"type":"something_new","detail":1}"#,
            r#"{"type":"message_stop"}"#,
        ])
        .unwrap();
        let call = |id: &str, name: &str, arguments: &str| {
            Event::ToolCall(ToolCall {
                id: id.into(),
                name: name.into(),
                arguments: arguments.into(),
            })
        };
        let usage = Some(Usage {
            input_tokens: 15,
            output_tokens: 7,
            cached_tokens: 4,
        });
        assert_eq!(
            out,
            [
                Event::Reasoning("hm".into()),
                Event::Text("Hi".into()),
                call("a", "f", "{\"x\":1}"),
                call("b", "g", "{}"),
                Event::Finish {
                    stop: Stop::ToolCalls,
                    usage
                },
            ]
        );
    }

    #[test]
    fn a_stream_that_breaks_off_or_gives_up() {
        assert!(matches!(read(&[START]), Err(Fault::Cut)));
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        assert!(matches!(read(&[START, error]), Err(Fault::Refused(_))));
        assert!(matches!(read(&["{}"]), Err(Fault::Garbage(_))));
        let done = r#"{"type":"message_delta","delta":{"stop_reason":"refusal"},"usage":{"output_tokens":0}}"#;
        assert!(matches!(
            read(&[START, done]).unwrap()[..],
            [Event::Finish {
                stop: Stop::ContentFilter,
                ..
            }]
        ));
    }

    #[test]
    fn a_whole_reply() {
        let body = r#"{"type":"message","content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"a","name":"f",
            "input":{"x":1}}],"stop_reason":"tool_use","usage":{"input_tokens":2,"output_tokens":3}}"#;
        let mut out = VecDeque::new();
        Reply::default().whole(body.as_bytes(), &mut out).unwrap();
        assert_eq!(out[0], Event::Text("Hi".into()));
        assert!(matches!(&out[1], Event::ToolCall(call) if call.arguments == r#"{"x":1}"#));
        let usage = Some(Usage {
            input_tokens: 2,
            output_tokens: 3,
            cached_tokens: 0,
        });
        assert_eq!(
            out[2],
            Event::Finish {
                stop: Stop::ToolCalls,
                usage
            }
        );
        assert!(matches!(
            Reply::default().whole(b"{}", &mut out),
            Err(Fault::Garbage(_))
        ));
    }
}
