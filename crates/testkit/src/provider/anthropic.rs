//! How Anthropic writes answers: <https://docs.anthropic.com/en/api/messages>, streams
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>, errors <https://docs.anthropic.com/en/api/errors>.

use bytes::Bytes;
use serde_json::{Value, json};

use super::body::Piece;
use super::openai::halves;
use super::reply::{Answer, Wanted};

/// The answer as one document.
pub fn document(answer: &Answer, wanted: &Wanted) -> Bytes {
    let mut content = Vec::new();
    if let Some(reasoning) = &answer.reasoning {
        content.push(json!({"type": "thinking", "thinking": reasoning, "signature": "c2lnbmVk"}));
    }
    if !answer.texts.is_empty() {
        content.push(json!({"type": "text", "text": answer.texts.concat()}));
    }
    for call in &answer.calls {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        content.push(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}));
    }
    let mut message = message(answer, wanted);
    message["content"] = content.into();
    message["stop_reason"] = json!(stop_reason(answer));
    message["usage"]["output_tokens"] = json!(answer.output_tokens());
    message.to_string().into()
}

/// The answer as a stream: the message's start with the input's cost, each content block's start, deltas and stop, the
/// reason and the output's cost, the stop. A ping is among them.
pub fn stream(answer: &Answer, wanted: &Wanted) -> Vec<Piece> {
    let mut stream = Stream::default();
    stream.send(json!({"type": "message_start", "message": message(answer, wanted)}));
    stream.send(json!({"type": "ping"}));
    if let Some(reasoning) = &answer.reasoning {
        stream.block(json!({"type": "thinking", "thinking": "", "signature": ""}), |delta| {
            delta.send(json!({"type": "thinking_delta", "thinking": reasoning}));
            delta.send(json!({"type": "signature_delta", "signature": "c2lnbmVk"}));
        });
    }
    if !answer.texts.is_empty() {
        stream.block(json!({"type": "text", "text": ""}), |delta| {
            let texts = answer.text_pieces(|text| written(&delta.event(json!({"type": "text_delta", "text": text}))));
            delta.stream.pieces.extend(texts);
        });
    }
    if answer.gives_up {
        stream.send(json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
        return stream.pieces;
    }
    for call in &answer.calls {
        stream.block(
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}),
            |delta| {
                for part in [""].into_iter().chain(halves(&call.arguments)) {
                    delta.send(json!({"type": "input_json_delta", "partial_json": part}));
                }
            },
        );
    }
    let delta = json!({"stop_reason": stop_reason(answer), "stop_sequence": null});
    for _ in 0..=usize::from(answer.repeat_usage) {
        stream
            .send(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": answer.output_tokens()}}));
    }
    stream.send(json!({"type": "message_stop"}));
    stream.pieces
}

/// An error's body.
pub fn error(status: u16, message: &str, kind: Option<&str>) -> Bytes {
    let kind = kind.unwrap_or(match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    });
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})
        .to_string()
        .into()
}

#[derive(Default)]
struct Stream {
    pieces: Vec<Piece>,
    blocks: usize,
}

impl Stream {
    fn send(&mut self, event: Value) {
        self.pieces.push(Piece::new(written(&event)));
    }

    fn block(&mut self, content_block: Value, deltas: impl FnOnce(&mut Deltas<'_>)) {
        let index = self.blocks;
        self.blocks += 1;
        self.send(json!({"type": "content_block_start", "index": index, "content_block": content_block}));
        deltas(&mut Deltas { stream: self, index });
        self.send(json!({"type": "content_block_stop", "index": index}));
    }
}

struct Deltas<'a> {
    stream: &'a mut Stream,
    index: usize,
}

impl Deltas<'_> {
    fn event(&self, delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": self.index, "delta": delta})
    }

    fn send(&mut self, delta: Value) {
        let event = self.event(delta);
        self.stream.send(event);
    }
}

fn written(event: &Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap_or_default()
    )
}

/// The message before it has content. Its input tokens leave out the cached ones.
fn message(answer: &Answer, wanted: &Wanted) -> Value {
    json!({
        "id": format!("msg_{:08}", answer.number), "type": "message", "role": "assistant", "model": wanted.model,
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {
            "input_tokens": answer.input_tokens.saturating_sub(answer.cached_tokens),
            "cache_creation_input_tokens": 0, "cache_read_input_tokens": answer.cached_tokens, "output_tokens": 1,
        },
    })
}

fn stop_reason(answer: &Answer) -> &'static str {
    match answer {
        Answer {
            reached_limit: true, ..
        } => "max_tokens",
        Answer { withheld: true, .. } => "refusal",
        Answer { calls, .. } if !calls.is_empty() => "tool_use",
        _ => "end_turn",
    }
}
