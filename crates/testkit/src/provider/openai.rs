//! How OpenAI writes answers: <https://platform.openai.com/docs/api-reference/chat/object>, streams
//! <https://platform.openai.com/docs/api-reference/chat-streaming>, errors <https://platform.openai.com/docs/guides/error-codes>.

use bytes::Bytes;
use serde_json::{Value, json};

use super::body::Piece;
use super::reply::{Answer, Call, Wanted};

/// When the answers were made: a benchmark's answers are all alike.
const CREATED: u64 = 1_767_225_600;

/// The answer as one document.
pub fn document(answer: &Answer, wanted: &Wanted) -> Bytes {
    let text = answer.texts.concat();
    let mut message = json!({"role": "assistant", "content": text, "refusal": null, "annotations": []});
    if !answer.calls.is_empty() {
        message["tool_calls"] = answer.calls.iter().map(whole_call).collect();
        if text.is_empty() {
            message["content"] = Value::Null;
        }
    }
    if let Some(reasoning) = &answer.reasoning {
        message["reasoning_content"] = json!(reasoning);
    }
    let document = json!({
        "id": id(answer), "object": "chat.completion", "created": CREATED, "model": wanted.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(answer)}],
        "usage": usage(answer), "service_tier": "default", "system_fingerprint": null,
    });
    document.to_string().into()
}

/// The answer as a stream. With `stream_options.include_usage`, the last chunk but the marker has the usage and no
/// choice, and all others have `"usage": null`.
pub fn stream(answer: &Answer, wanted: &Wanted) -> Vec<Piece> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": id(answer), "object": "chat.completion.chunk", "created": CREATED, "model": wanted.model,
            "service_tier": "default", "system_fingerprint": null, "choices": choices,
        });
        if wanted.usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value, finish_reason: Value| {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
        chunk(choices, Value::Null)
    };
    let piece = |content: Value| Piece::new(delta(content, Value::Null));

    let mut pieces = vec![piece(json!({"role": "assistant", "content": "", "refusal": null}))];
    if let Some(reasoning) = &answer.reasoning {
        pieces.push(piece(json!({"reasoning_content": reasoning})));
    }
    pieces.extend(answer.text_pieces(|text| delta(json!({"content": text}), Value::Null)));
    if answer.gives_up {
        let error = json!({"error": {"message": "The server had an error", "type": "server_error", "param": null, "code": null}});
        pieces.push(Piece::new(format!("data: {error}\n\n")));
        return pieces;
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let mut begun = whole_call(call);
        begun["index"] = json!(index);
        begun["function"]["arguments"] = json!("");
        pieces.push(piece(json!({"tool_calls": [begun]})));
        for part in halves(&call.arguments) {
            pieces.push(piece(
                json!({"tool_calls": [{"index": index, "function": {"arguments": part}}]}),
            ));
        }
    }
    pieces.push(Piece::new(delta(json!({}), json!(finish_reason(answer)))));
    if wanted.usage {
        for _ in 0..=usize::from(answer.repeat_usage) {
            pieces.push(Piece::new(chunk(json!([]), usage(answer))));
        }
    }
    pieces.push(Piece::new("data: [DONE]\n\n"));
    pieces
}

/// An error's body.
pub fn error(status: u16, message: &str, code: Option<&str>) -> Bytes {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let code = code.or(match status {
        401 => Some("invalid_api_key"),
        404 => Some("model_not_found"),
        429 => Some("rate_limit_exceeded"),
        _ => None,
    });
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        .to_string()
        .into()
}

fn id(answer: &Answer) -> String {
    format!("chatcmpl-{:08}", answer.number)
}

fn whole_call(call: &Call) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

fn finish_reason(answer: &Answer) -> &'static str {
    match answer {
        Answer {
            reached_limit: true, ..
        } => "length",
        Answer { withheld: true, .. } => "content_filter",
        Answer { calls, .. } if !calls.is_empty() => "tool_calls",
        _ => "stop",
    }
}

fn usage(answer: &Answer) -> Value {
    let (input, output) = (answer.input_tokens, answer.output_tokens());
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}

/// Arguments come in pieces that are no JSON for themselves.
pub fn halves(text: &str) -> [&str; 2] {
    let middle = (text.len() / 2..)
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    let (first, second) = text.split_at(middle);
    [first, second]
}
