//! A chat completion's chunks, as a message's events: <https://platform.openai.com/docs/api-reference/chat-streaming>,
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>.

use serde_json::{Value, json};

use super::calls::{Calls, Piece};
use super::completion_to_message::{id, said, stop_reason};
use super::{Context, StreamTranslator, Untranslatable, given_up, items, text, thought, usage};

pub struct CompletionToMessage {
    model: String,
    begun: bool,
    ended: bool,
    /// The block that is open; its index is `blocks - 1`.
    open: Option<Open>,
    blocks: u64,
    calls: Calls,
    finish_reason: Option<String>,
    usage: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    /// The call with this place of its own.
    Call(usize),
}

impl CompletionToMessage {
    pub fn new(context: Context<'_>) -> Self {
        Self {
            model: context.model.to_owned(),
            begun: false,
            ended: false,
            open: None,
            blocks: 0,
            calls: Calls::default(),
            finish_reason: None,
            usage: Value::Null,
        }
    }

    fn begin(&mut self, chunk: &Value, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        // The input is told at the end, as the other side does it.
        let message = json!({
            "id": id(text(chunk, "id")), "type": "message", "role": "assistant", "model": self.model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 0, "output_tokens": 0},
        });
        write(&json!({"type": "message_start", "message": message}), out);
    }

    /// Makes sure that this block is open, and no other.
    fn open(&mut self, wanted: Open, block: Value, out: &mut Vec<u8>) {
        if self.open == Some(wanted) {
            return;
        }
        self.close(out);
        write(
            &json!({"type": "content_block_start", "index": self.blocks, "content_block": block}),
            out,
        );
        self.blocks += 1;
        self.open = Some(wanted);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            write(&json!({"type": "content_block_stop", "index": self.blocks - 1}), out);
        }
    }

    fn delta(&self, delta: Value, out: &mut Vec<u8>) {
        write(
            &json!({"type": "content_block_delta", "index": self.blocks - 1, "delta": delta}),
            out,
        );
    }

    fn take(&mut self, delta: &Value, out: &mut Vec<u8>) {
        let thought = thought(delta);
        if !thought.is_empty() {
            self.open(
                Open::Thinking,
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                out,
            );
            self.delta(json!({"type": "thinking_delta", "thinking": thought}), out);
        }
        let said = said(&delta["content"]) + text(delta, "refusal");
        if !said.is_empty() {
            self.open(Open::Text, json!({"type": "text", "text": ""}), out);
            self.delta(json!({"type": "text_delta", "text": said}), out);
        }
        for item in items(delta, "tool_calls") {
            for piece in self.calls.take(item) {
                self.call(piece, out);
            }
        }
    }

    fn call(&mut self, piece: Piece, out: &mut Vec<u8>) {
        let block = json!({"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}});
        self.open(Open::Call(piece.place), block, out);
        if !piece.arguments.is_empty() {
            self.delta(
                json!({"type": "input_json_delta", "partial_json": piece.arguments}),
                out,
            );
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.begin(&Value::Null, out);
        for piece in self.calls.rest() {
            self.call(piece, out);
        }
        self.close(out);
        let reason = stop_reason(
            self.finish_reason.as_deref().unwrap_or_default(),
            !self.calls.is_empty(),
        );
        let delta = json!({"stop_reason": reason, "stop_sequence": null});
        write(
            &json!({"type": "message_delta", "delta": delta, "usage": usage::for_message(&self.usage)}),
            out,
        );
        write(&json!({"type": "message_stop"}), out);
    }
}

impl StreamTranslator for CompletionToMessage {
    fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
        if data == b"[DONE]" {
            self.finish(out);
            return Ok(());
        }
        let chunk: Value = serde_json::from_slice(data).map_err(|error| Untranslatable(error.to_string()))?;
        if let Some(message) = given_up(&chunk) {
            self.ended = true;
            let error = json!({"type": "api_error", "message": message});
            write(&json!({"type": "error", "error": error}), out);
            return Ok(());
        }
        self.begin(&chunk, out);
        if let Some(told) = usage::told(&chunk) {
            self.usage = told.clone();
        }
        let Some(choice) = items(&chunk, "choices").find(|choice| choice["index"].as_u64().unwrap_or(0) == 0) else {
            return Ok(());
        };
        self.take(&choice["delta"], out);
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reason = Some(reason.to_owned());
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        // Some providers leave out the last marker. Without a reason to stop it was cut, and the client sees that there is no end.
        if self.finish_reason.is_some() {
            self.finish(out);
        }
    }
}

fn write(event: &Value, out: &mut Vec<u8>) {
    let written = format!("event: {}\ndata: {event}\n\n", text(event, "type"));
    out.extend_from_slice(written.as_bytes());
}
