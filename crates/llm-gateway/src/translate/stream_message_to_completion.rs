//! A message's events, as a chat completion's chunks: <https://docs.anthropic.com/en/docs/build-with-claude/streaming>,
//! <https://platform.openai.com/docs/api-reference/chat-streaming>.

use serde_json::{Map, Value, json};

use super::message_to_completion::{finish_reason, id, now};
use super::{Context, StreamTranslator, Untranslatable, text, usage};

pub struct MessageToCompletion {
    id: String,
    model: String,
    created: u64,
    wants_usage: bool,
    /// The place is the call's own index.
    calls: Vec<Call>,
    stop_reason: String,
    usage: Map<String, Value>,
    ended: bool,
}

/// A block that is a call.
struct Call {
    /// The block's index.
    block: u64,
    /// Something of its arguments is told.
    has_arguments: bool,
}

impl MessageToCompletion {
    pub fn new(context: Context<'_>) -> Self {
        Self {
            id: id("unknown"),
            model: context.model.to_owned(),
            created: now(),
            wants_usage: context.wants_usage,
            calls: Vec::new(),
            stop_reason: String::new(),
            usage: Map::new(),
            ended: false,
        }
    }

    fn chunk(&self, choices: Value, usage: Value, out: &mut Vec<u8>) {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model, "choices": choices,
        });
        if self.wants_usage {
            chunk["usage"] = usage;
        }
        write(&chunk, out);
    }

    fn delta(&self, delta: Value, finish_reason: Value, out: &mut Vec<u8>) {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
        self.chunk(choices, Value::Null, out);
    }

    fn call(&self, block: &Value) -> Option<usize> {
        let block = block.as_u64()?;
        self.calls.iter().position(|call| call.block == block)
    }

    fn open(&mut self, event: &Value, out: &mut Vec<u8>) {
        let block = &event["content_block"];
        if text(block, "type") != "tool_use" {
            return;
        }
        let index = self.calls.len();
        // A stream begins with an empty object and sends the real one in pieces; some send it at once.
        let whole = block["input"].as_object().filter(|input| !input.is_empty());
        let arguments = whole.map(|_| block["input"].to_string()).unwrap_or_default();
        self.calls.push(Call {
            block: event["index"].as_u64().unwrap_or_default(),
            has_arguments: whole.is_some(),
        });
        let function = json!({"name": block["name"], "arguments": arguments});
        let call = json!({"index": index, "id": block["id"], "type": "function", "function": function});
        self.delta(json!({"tool_calls": [call]}), Value::Null, out);
    }

    fn go_on(&mut self, event: &Value, out: &mut Vec<u8>) {
        let delta = &event["delta"];
        let told = match text(delta, "type") {
            "text_delta" => json!({"content": delta["text"]}),
            "thinking_delta" => json!({"reasoning_content": delta["thinking"]}),
            "input_json_delta" => match self.call(&event["index"]) {
                Some(index) => {
                    self.calls[index].has_arguments |= !text(delta, "partial_json").is_empty();
                    argument(index, &delta["partial_json"])
                }
                None => return,
            },
            _ => return,
        };
        self.delta(told, Value::Null, out);
    }

    /// A call of a tool that takes nothing has no pieces; there its arguments are an empty object, and no empty text.
    fn close(&mut self, event: &Value, out: &mut Vec<u8>) {
        if let Some(index) = self.call(&event["index"])
            && !std::mem::replace(&mut self.calls[index].has_arguments, true)
        {
            self.delta(argument(index, &"{}".into()), Value::Null, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.delta(json!({}), finish_reason(&self.stop_reason).into(), out);
        if self.wants_usage {
            let usage = usage::of_message(&Value::Object(std::mem::take(&mut self.usage)));
            self.chunk(json!([]), usage, out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Running totals: whatever is told anew replaces what was told before.
    fn update(&mut self, usage: &Value) {
        let newer = usage
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| value.is_u64() || value.is_object());
        self.usage
            .extend(newer.map(|(name, value)| (name.clone(), value.clone())));
    }
}

impl StreamTranslator for MessageToCompletion {
    fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
        let event: Value = serde_json::from_slice(data).map_err(|error| Untranslatable(error.to_string()))?;
        match text(&event, "type") {
            "message_start" => {
                let message = &event["message"];
                self.id = id(text(message, "id"));
                self.update(&message["usage"]);
                self.delta(json!({"role": "assistant", "content": ""}), Value::Null, out);
            }
            "content_block_start" => self.open(&event, out),
            "content_block_delta" => self.go_on(&event, out),
            "content_block_stop" => self.close(&event, out),
            "message_delta" => {
                self.update(&event["usage"]);
                self.stop_reason.push_str(match self.stop_reason.as_str() {
                    "" => text(&event["delta"], "stop_reason"),
                    _ => "",
                });
            }
            "message_stop" => self.finish(out),
            "error" => {
                self.ended = true;
                let error = &event["error"];
                let told = json!({"error": {"message": error["message"], "type": "server_error", "param": null, "code": error["type"]}});
                write(&told, out);
            }
            // `ping`, and whatever is added later.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        // Without a reason to stop it was cut, and the client sees that there is no end.
        if !self.stop_reason.is_empty() {
            self.finish(out);
        }
    }
}

/// A piece of a call's arguments.
fn argument(index: usize, piece: &Value) -> Value {
    json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
}

fn write(chunk: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(chunk.to_string().as_bytes());
    out.extend_from_slice(b"\n\n");
}
