//! Writes a request.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::event::ToolCall;
use crate::request::{Message, Part, Request, Schema, ToolSpec};
use crate::target::Target;

/// Members that `extra` cannot set, because the reader of the reply relies on them.
const RESERVED: [&str; 6] = ["model", "messages", "stream", "stream_options", "n", "tools"];

/// Bytes that the beginning of a conversation fits into, tools included: it is not moved six times while it grows.
const ROOM: usize = 4096;

/// The request as JSON.
pub fn body(target: &Target, request: &Request) -> Vec<u8> {
    let body = Body {
        target,
        max_tokens: request.max_tokens.or(target.max_tokens),
        tool_choice: request.tool_choice.as_ref().filter(|_| !request.tools.is_empty()),
        request,
    };
    let mut written = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut written, &body).expect("strings and JSON values always serialise");
    written
}

struct Body<'a> {
    target: &'a Target,
    request: &'a Request,
    max_tokens: Option<u32>,
    tool_choice: Option<&'a Value>,
}

impl Body<'_> {
    /// OpenAI's own reasoning models refuse the old name of the limit; most other providers know only that one.
    fn limit_name(&self) -> &'static str {
        if self.target.base_url.starts_with("https://api.openai.com") {
            "max_completion_tokens"
        } else {
            "max_tokens"
        }
    }

    /// Is this member of `extra` already said otherwise?
    fn is_taken(&self, name: &str) -> bool {
        RESERVED.contains(&name)
            || match name {
                "max_tokens" | "max_completion_tokens" => self.max_tokens.is_some(),
                "tool_choice" => self.request.tool_choice.is_some(),
                "temperature" => self.request.temperature.is_some(),
                "top_p" => self.request.top_p.is_some(),
                "stop" => !self.request.stop.is_empty(),
                _ => false,
            }
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.request;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", &self.target.model)?;
        map.serialize_entry("messages", &Each(&request.messages, WireMessage::of))?;
        map.serialize_entry("stream", &true)?;
        map.serialize_entry("stream_options", &StreamOptions { include_usage: true })?;
        if !request.tools.is_empty() {
            map.serialize_entry("tools", &Each(&request.tools, WireTool::of))?;
        }
        if let Some(choice) = self.tool_choice {
            map.serialize_entry("tool_choice", choice)?;
        }
        if let Some(limit) = self.max_tokens {
            map.serialize_entry(self.limit_name(), &limit)?;
        }
        if let Some(temperature) = request.temperature {
            map.serialize_entry("temperature", &temperature)?;
        }
        if let Some(top_p) = request.top_p {
            map.serialize_entry("top_p", &top_p)?;
        }
        if !request.stop.is_empty() {
            map.serialize_entry("stop", &request.stop)?;
        }
        for (name, value) in request.extra.iter().filter(|(name, _)| !self.is_taken(name)) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// A list, each of whose items is written as something else; nothing is copied.
struct Each<'a, T, W>(&'a [T], fn(&'a T) -> W);

impl<T, W: Serialize> Serialize for Each<'_, T, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum WireMessage<'a> {
    System {
        content: &'a str,
    },
    User {
        content: Content<'a>,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "is_empty")]
        tool_calls: Each<'a, ToolCall, WireCall<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

fn is_empty<T, W>(each: &Each<'_, T, W>) -> bool {
    each.0.is_empty()
}

impl<'a> WireMessage<'a> {
    fn of(message: &'a Message) -> Self {
        match message {
            Message::System(content) => Self::System { content },
            Message::User(parts) => Self::User {
                // Many providers take a list of parts only from models that see.
                content: match parts.as_slice() {
                    [Part::Text(text)] => Content::Text(text),
                    parts => Content::Parts(Each(parts, WirePart::of)),
                },
            },
            Message::Assistant { text, tool_calls } => Self::Assistant {
                content: (!text.is_empty() || tool_calls.is_empty()).then_some(text.as_str()),
                tool_calls: Each(tool_calls, WireCall::of),
            },
            Message::Tool {
                call_id,
                text,
                is_error: _,
            } => Self::Tool {
                tool_call_id: call_id,
                content: text,
            },
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Each<'a, Part, WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Url<'a> },
}

#[derive(Serialize)]
struct Url<'a> {
    url: &'a str,
}

impl<'a> WirePart<'a> {
    fn of(part: &'a Part) -> Self {
        match part {
            Part::Text(text) => Self::Text { text },
            Part::Image(url) => Self::ImageUrl { image_url: Url { url } },
        }
    }
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> WireCall<'a> {
    fn of(call: &'a ToolCall) -> Self {
        // A model's broken JSON would have stricter providers refuse the conversation forever.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_ok();
        let arguments = if is_json { call.arguments.as_str() } else { "{}" };
        Self {
            id: &call.id,
            r#type: "function",
            function: CalledFunction {
                name: &call.name,
                arguments,
            },
        }
    }
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Schema,
}

impl<'a> WireTool<'a> {
    fn of(tool: &'a ToolSpec) -> Self {
        let ToolSpec {
            name,
            description,
            schema,
        } = tool;
        Self {
            r#type: "function",
            function: Function {
                name,
                description,
                parameters: schema,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::target::Api;

    fn target() -> Target {
        Target::new(Api::OpenaiCompletions, "http://localhost/v1", "m")
    }

    fn written(request: &Request) -> Value {
        serde_json::from_slice(&body(&target(), request)).unwrap()
    }

    #[test]
    fn a_plain_question_is_a_plain_body() {
        let expected = json!({
            "model": "m", "stream": true, "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "hi"}],
        });
        assert_eq!(written(&Request::of(vec![Message::user("hi")])), expected);
    }

    #[test]
    fn every_kind_of_message() {
        let call = |arguments: &str| ToolCall {
            id: "c1".into(),
            name: "f".into(),
            arguments: arguments.into(),
        };
        let request = Request::of(vec![
            Message::System("be brief".into()),
            Message::User(vec![
                Part::Text("see".into()),
                Part::Image("data:image/png;base64,AA==".into()),
            ]),
            Message::Assistant {
                text: String::new(),
                tool_calls: vec![call("{\"a\":1}"), call("{broken")],
            },
            Message::Tool {
                call_id: "c1".into(),
                text: "done".into(),
                is_error: false,
            },
            Message::assistant("fine"),
        ]);
        let function = |arguments: &str| json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}});
        assert_eq!(
            written(&request)["messages"],
            json!([
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [function("{\"a\":1}"), function("{}")]},
                {"role": "tool", "tool_call_id": "c1", "content": "done"},
                {"role": "assistant", "content": "fine"},
            ])
        );
    }

    #[test]
    fn extra_members_pass_but_replace_nothing() {
        let mut request = Request::of(vec![Message::user("hi")]);
        request.temperature = Some(0.5);
        request.extra =
            serde_json::from_value(json!({"seed": 7, "stream": false, "n": 3, "temperature": 2, "top_p": 0.1}))
                .unwrap();
        let text = String::from_utf8(body(&target(), &request)).unwrap();
        assert_eq!(text.matches("\"temperature\"").count(), 1);
        let body = written(&request);
        assert_eq!(body["seed"], 7);
        assert_eq!(body["stream"], true);
        assert_eq!(body["temperature"], 0.5);
        assert_eq!(body["top_p"], 0.1);
        assert_eq!(body.get("n"), None);
    }

    #[test]
    fn tools_and_limits() {
        let schema = json!({"type": "object"});
        let tools = vec![ToolSpec {
            name: "f".into(),
            description: "d".into(),
            schema: schema.clone().into(),
        }];
        let mut request = Request {
            tools,
            max_tokens: Some(9),
            stop: vec!["x".into()],
            ..Request::of(vec![])
        };
        request.tool_choice = Some(json!("required"));
        let body = written(&request);
        assert_eq!(
            body["tools"],
            json!([{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}])
        );
        assert_eq!(body["tool_choice"], "required");
        assert_eq!(body["max_tokens"], 9);
        assert_eq!(body["stop"], json!(["x"]));

        let openai = Target {
            base_url: "https://api.openai.com/v1".into(),
            max_tokens: Some(5),
            ..target()
        };
        request.max_tokens = None;
        request.tools.clear();
        let body: Value = serde_json::from_slice(&super::body(&openai, &request)).unwrap();
        assert_eq!(body["max_completion_tokens"], 5);
        assert_eq!(body.get("tool_choice"), None, "a choice without tools is refused");
    }
}
