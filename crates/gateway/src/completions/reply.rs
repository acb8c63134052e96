//! OpenAI's chat completion object and its chunks
//! (<https://platform.openai.com/docs/api-reference/chat/object>, `/chat/streaming`).

use std::time::{SystemTime, UNIX_EPOCH};

use creel_agent::Outcome;
use creel_session::Stop;
use serde_json::{Value, json};

pub struct Reply {
    id: String,
    created: u64,
    model: String,
}

impl Reply {
    pub fn new(turn: &str, model: String) -> Self {
        let created = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self {
            id: format!("chatcmpl-{turn}"),
            created,
            model,
        }
    }

    /// The answer in one object.
    pub fn whole(&self, outcome: &Outcome) -> Value {
        let mut message = json!({"role": "assistant", "content": outcome.reply, "refusal": null});
        if !outcome.tool_calls.is_empty() {
            message["tool_calls"] = calls(outcome, false);
            if outcome.reply.is_empty() {
                message["content"] = Value::Null;
            }
        }
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(outcome)}],
            "usage": usage(outcome),
        })
    }

    pub fn opening(&self) -> Value {
        self.chunk(json!({"role": "assistant", "content": ""}), Value::Null)
    }

    pub fn delta(&self, text: &str) -> Value {
        self.chunk(json!({"content": text}), Value::Null)
    }

    pub fn tool_calls(&self, outcome: &Outcome) -> Value {
        self.chunk(json!({"tool_calls": calls(outcome, true)}), Value::Null)
    }

    pub fn closing(&self, outcome: &Outcome) -> Value {
        self.chunk(json!({}), finish_reason(outcome).into())
    }

    /// The last chunk where `stream_options.include_usage` asks for it: usage, and no choices.
    pub fn usage(&self, outcome: &Outcome) -> Value {
        let mut chunk = self.chunk(json!({}), Value::Null);
        chunk["choices"] = json!([]);
        chunk["usage"] = usage(outcome);
        chunk
    }

    fn chunk(&self, delta: Value, finish_reason: Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}],
        })
    }
}

fn finish_reason(outcome: &Outcome) -> &'static str {
    match outcome.stop {
        _ if !outcome.tool_calls.is_empty() => "tool_calls",
        Stop::Length => "length",
        _ => "stop",
    }
}

fn calls(outcome: &Outcome, numbered: bool) -> Value {
    let call = |(index, call): (usize, &creel_llm::ToolCall)| {
        let function = json!({"name": call.name, "arguments": call.arguments});
        let mut value = json!({"id": call.id, "type": "function", "function": function});
        if numbered {
            value["index"] = index.into();
        }
        value
    };
    outcome.tool_calls.iter().enumerate().map(call).collect()
}

fn usage(outcome: &Outcome) -> Value {
    let (input, output) = (outcome.usage.input_tokens, outcome.usage.output_tokens);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}
