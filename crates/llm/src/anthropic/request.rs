//! Writes a request.
//!
//! The API has no system role and no tool role: system messages go to the top, results of tools into a user message, and
//! neighbours of the same role are one message.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::request::{Message, Part, Request, Schema, ToolSpec};
use crate::target::Target;

/// The limit of tokens where nobody set one; the API insists on having it.
const MAX_TOKENS: u32 = 8_192;

/// The request as JSON.
pub fn body(target: &Target, request: &Request) -> Vec<u8> {
    let system: Vec<&str> = request
        .messages
        .iter()
        .filter_map(|message| match message {
            Message::System(text) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let body = Body {
        model: &target.model,
        max_tokens: request.max_tokens.or(target.max_tokens).unwrap_or(MAX_TOKENS),
        stream: true,
        system: match system.as_slice() {
            [] => None,
            [one] => Some(Cow::Borrowed(*one)),
            several => Some(Cow::Owned(several.join("\n\n"))),
        },
        messages: turns(&request.messages),
        tools: request.tools.iter().map(WireTool::of).collect(),
        tool_choice: request
            .tool_choice
            .as_ref()
            .filter(|_| !request.tools.is_empty())
            .and_then(tool_choice),
        // OpenAI's scale ends at 2.
        temperature: request.temperature.map(|temperature| temperature.min(1.0)),
        top_p: request.top_p,
        stop_sequences: &request.stop,
    };
    serde_json::to_vec(&body).expect("strings and JSON values always serialise")
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Cow<'a, str>>,
    messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Source<'a>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: &'a RawValue,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Url { url: &'a str },
}

impl<'a> Source<'a> {
    /// `data:image/png;base64,…`, or an address.
    fn of(url: &'a str) -> Self {
        url.strip_prefix("data:")
            .and_then(|rest| rest.split_once(";base64,"))
            .map_or(Self::Url { url }, |(media_type, data)| Self::Base64 {
                media_type,
                data,
            })
    }
}

fn turns(messages: &[Message]) -> Vec<WireMessage<'_>> {
    let mut turns: Vec<WireMessage<'_>> = Vec::with_capacity(messages.len());
    for message in messages {
        let role = match message {
            Message::System(_) => continue,
            Message::User(_) | Message::Tool { .. } => "user",
            Message::Assistant { .. } => "assistant",
        };
        let blocks = blocks(message);
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => turns.push(WireMessage { role, content: blocks }),
        }
    }
    turns
}

/// Empty texts are left out: the API refuses them.
fn blocks(message: &Message) -> Vec<Block<'_>> {
    let text = |text: &'_ str| !text.is_empty();
    match message {
        Message::System(_) => Vec::new(),
        Message::User(parts) => parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(said) => text(said).then_some(Block::Text { text: said }),
                Part::Image(url) => Some(Block::Image {
                    source: Source::of(url),
                }),
            })
            .collect(),
        Message::Assistant { text: said, tool_calls } => {
            let said = text(said).then_some(Block::Text { text: said });
            let calls = tool_calls.iter().map(|call| Block::ToolUse {
                id: id(&call.id),
                name: &call.name,
                input: object(&call.arguments),
            });
            said.into_iter().chain(calls).collect()
        }
        Message::Tool {
            call_id,
            text,
            is_error,
        } => {
            vec![Block::ToolResult {
                tool_use_id: id(call_id),
                content: text,
                is_error: *is_error,
            }]
        }
    }
}

/// The API takes `[a-zA-Z0-9_-]+`; a conversation that began with another provider may have other ids.
fn id(id: &str) -> Cow<'_, str> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.chars().all(fine) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("id_{}", id.replace(|c| !fine(c), "_")))
}

/// The arguments of a call, or `{}` if the model did not write an object.
fn object(arguments: &str) -> &RawValue {
    serde_json::from_str::<&RawValue>(arguments)
        .ok()
        .filter(|raw| raw.get().starts_with('{'))
        .unwrap_or_else(|| serde_json::from_str("{}").expect("this is JSON"))
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Schema,
}

impl<'a> WireTool<'a> {
    fn of(tool: &'a ToolSpec) -> Self {
        Self {
            name: &tool.name,
            description: &tool.description,
            input_schema: &tool.schema,
        }
    }
}

/// From OpenAI's words to Anthropic's: <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use>.
fn tool_choice(choice: &Value) -> Option<Value> {
    match choice.as_str() {
        Some("required") => Some(json!({"type": "any"})),
        Some(word @ ("auto" | "none")) => Some(json!({"type": word})),
        Some(_) => None,
        None => choice
            .pointer("/function/name")
            .map(|name| json!({"type": "tool", "name": name})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ToolCall;
    use crate::target::Api;

    fn written(request: &Request) -> Value {
        let target = Target::new(Api::AnthropicMessages, "http://localhost", "m");
        serde_json::from_slice(&body(&target, request)).unwrap()
    }

    #[test]
    fn system_on_top_and_neighbours_merged() {
        let call = |id: &str, arguments: &str| ToolCall {
            id: id.into(),
            name: "f".into(),
            arguments: arguments.into(),
        };
        let result = |id: &str, is_error| Message::Tool {
            call_id: id.into(),
            text: "r".into(),
            is_error,
        };
        let request = Request::of(vec![
            Message::System("one".into()),
            Message::System("two".into()),
            Message::User(vec![Part::Text("see".into()), Part::Text(String::new())]),
            Message::User(vec![
                Part::Image("data:image/png;base64,AA==".into()),
                Part::Image("https://x/y".into()),
            ]),
            Message::Assistant {
                text: String::new(),
                tool_calls: vec![call("a", "{\"x\":1}"), call("f:1", "[]")],
            },
            result("a", false),
            result("f:1", true),
            Message::user("go on"),
        ]);
        let body = written(&request);
        assert_eq!(body["system"], "one\n\ntwo");
        assert_eq!(body["max_tokens"], MAX_TOKENS);
        assert_eq!(
            body["messages"],
            json!([
                {"role": "user", "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                    {"type": "image", "source": {"type": "url", "url": "https://x/y"}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                    {"type": "tool_use", "id": "id_f_1", "name": "f", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "r"},
                    {"type": "tool_result", "tool_use_id": "id_f_1", "content": "r", "is_error": true},
                    {"type": "text", "text": "go on"},
                ]},
            ])
        );
    }

    #[test]
    fn tools_choice_and_sampling() {
        let schema = json!({"type": "object"});
        let tools = vec![ToolSpec {
            name: "f".into(),
            description: "d".into(),
            schema: schema.clone().into(),
        }];
        let mut request = Request {
            tools,
            temperature: Some(1.7),
            stop: vec!["x".into()],
            ..Request::default()
        };
        for (choice, expected) in [
            (json!("auto"), json!({"type": "auto"})),
            (json!("none"), json!({"type": "none"})),
            (json!("required"), json!({"type": "any"})),
            (
                json!({"type": "function", "function": {"name": "f"}}),
                json!({"type": "tool", "name": "f"}),
            ),
        ] {
            request.tool_choice = Some(choice);
            assert_eq!(written(&request)["tool_choice"], expected);
        }
        let body = written(&request);
        assert_eq!(
            body["tools"],
            json!([{"name": "f", "description": "d", "input_schema": schema}])
        );
        assert_eq!(body["temperature"], 1.0);
        assert_eq!(body["stop_sequences"], json!(["x"]));
    }

    #[test]
    fn the_address_with_and_without_version() {
        for base in ["http://h", "http://h/", "http://h/v1", "http://h/v1/"] {
            let target = Target::new(Api::AnthropicMessages, base, "m");
            assert_eq!(crate::anthropic::url(&target), "http://h/v1/messages");
        }
    }
}
