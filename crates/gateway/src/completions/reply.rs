//! OpenAI's chat completion object and its chunks
//! (<https://platform.openai.com/docs/api-reference/chat/object>, `/chat/streaming`).

use std::time::{SystemTime, UNIX_EPOCH};

use creel_agent::Outcome;
use creel_session::Stop;
use serde::Serialize;
use serde_json::{Value, json};

pub struct Reply {
    id: String,
    created: u64,
    model: String,
}

impl Reply {
    pub fn new(id: &str, model: String) -> Self {
        let created = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self {
            id: format!("chatcmpl-{id}"),
            created,
            model,
        }
    }

    /// Dates it back to when the same request was first made, in milliseconds since the Unix epoch.
    pub fn set_created(&mut self, at: Option<u64>) {
        self.created = at.map_or(self.created, |at| at / 1000);
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

    pub fn opening(&self) -> Chunk<'_> {
        self.chunk(Delta {
            role: Some("assistant"),
            content: Some(""),
            tool_calls: None,
        })
    }

    pub fn delta<'a>(&'a self, text: &'a str) -> Chunk<'a> {
        self.chunk(Delta {
            content: Some(text),
            ..Delta::default()
        })
    }

    pub fn tool_calls(&self, outcome: &Outcome) -> Chunk<'_> {
        self.chunk(Delta {
            tool_calls: Some(calls(outcome, true)),
            ..Delta::default()
        })
    }

    pub fn closing(&self, outcome: &Outcome) -> Chunk<'_> {
        let mut chunk = self.chunk(Delta::default());
        chunk.choices[0].finish_reason = Some(finish_reason(outcome));
        chunk
    }

    /// The last chunk where `stream_options.include_usage` asks for it: usage, and no choices.
    pub fn usage(&self, outcome: &Outcome) -> Chunk<'_> {
        Chunk {
            choices: Vec::new(),
            usage: Some(usage(outcome)),
            ..self.chunk(Delta::default())
        }
    }

    fn chunk<'a>(&'a self, delta: Delta<'a>) -> Chunk<'a> {
        Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices: vec![Choice {
                index: 0,
                delta,
                logprobs: None,
                finish_reason: None,
            }],
            usage: None,
        }
    }
}

/// A chunk of a stream. Every delta is one: they are written without a [`Value`] in between.
#[derive(Serialize)]
pub struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    /// Always null: nobody is asked for them.
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Value>,
}

fn finish_reason(outcome: &Outcome) -> &'static str {
    match outcome.stop {
        _ if !outcome.tool_calls.is_empty() => "tool_calls",
        Stop::Length => "length",
        Stop::ContentFilter => "content_filter",
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
