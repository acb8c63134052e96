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
    pub fn whole<'a>(&'a self, outcome: &'a Outcome) -> Completion<'a> {
        let has_calls = !outcome.tool_calls.is_empty();
        let message = Message {
            role: "assistant",
            content: (!has_calls || !outcome.reply.is_empty()).then_some(&outcome.reply),
            refusal: None,
            tool_calls: has_calls.then(|| calls(outcome, false)),
        };
        Completion {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model,
            choices: [WholeChoice {
                index: 0,
                message,
                logprobs: None,
                finish_reason: finish_reason(outcome),
            }],
            usage: Usage::of(outcome),
        }
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
            usage: Some(Usage::of(outcome)),
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

/// An answer in one object. What every turn ends in is written without a [`Value`] in between.
#[derive(Serialize)]
pub struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [WholeChoice<'a>; 1],
    usage: Usage,
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: u32,
    message: Message<'a>,
    /// Always null: nobody is asked for them.
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    /// Always null: a refusal is a part of the text.
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Value>,
}

/// A chunk of a stream. Every delta is one.
#[derive(Serialize)]
pub struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    /// As in [`WholeChoice`].
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

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

impl Usage {
    fn of(outcome: &Outcome) -> Self {
        let (input, output) = (outcome.usage.input_tokens, outcome.usage.output_tokens);
        Self {
            prompt_tokens: input,
            completion_tokens: output,
            total_tokens: input + output,
        }
    }
}
