//! OpenAI's chat completion request, parsed into a turn
//! (<https://platform.openai.com/docs/api-reference/chat/create>).

use creel_agent::Sampling;
use creel_llm::{Message, Part, ToolCall, ToolSpec};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use creel_http::Problem;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub struct CompletionRequest {
    pub model: Option<String>,
    messages: Vec<RequestMessage>,
    #[serde(default, deserialize_with = "or_default")]
    pub stream: bool,
    stream_options: Option<StreamOptions>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Value>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop: Option<Value>,
    n: Option<u32>,
    /// Selects the session, as upstream has it.
    pub user: Option<String>,
    /// What we don't know goes on to the model as it is.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default, deserialize_with = "or_default")]
    include_usage: bool,
}

#[derive(Deserialize)]
struct RequestMessage {
    role: String,
    #[serde(default)]
    content: Value,
    #[serde(default, deserialize_with = "or_default")]
    tool_calls: Vec<RequestToolCall>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
struct RequestToolCall {
    id: String,
    function: RequestFunction,
}

#[derive(Deserialize)]
struct RequestFunction {
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    arguments: String,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: String,
    function: Option<ToolFunction>,
}

#[derive(Deserialize)]
struct ToolFunction {
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    parameters: Option<Value>,
}

/// A request whose parts are known to make sense.
pub struct Parsed {
    /// All system and developer messages.
    pub instructions: Option<String>,
    /// What was said before the input.
    pub given: Vec<Message>,
    /// What is new: everything after the last thing the assistant said.
    pub input: Vec<Message>,
    pub client_tools: Vec<ToolSpec>,
    pub sampling: Sampling,
    pub include_usage: bool,
}

impl CompletionRequest {
    pub fn parse(self) -> Result<Parsed, Problem> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(Problem::bad_request("n: only 1 is supported"));
        }
        let nothing = self.messages.is_empty();
        let mut instructions = Vec::new();
        let mut given = Vec::new();
        for (index, message) in self.messages.into_iter().enumerate() {
            match message
                .parse()
                .map_err(|problem| Problem::bad_request(format!("messages[{index}]{problem}")))?
            {
                Message::System(text) => instructions.push(text),
                message => given.push(message),
            }
        }
        let last_said = given
            .iter()
            .rposition(|message| matches!(message, Message::Assistant { .. }));
        let input = given.split_off(last_said.map_or(0, |index| index + 1));
        if nothing {
            return Err(Problem::bad_request(
                "messages: it is empty; send at least one message of the user's",
            ));
        }
        if input.is_empty() {
            return Err(Problem::bad_request(
                "messages: the last message must be the user's or a tool's",
            ));
        }
        // With nothing said yet, what came before the last message is history too.
        let mut input = input;
        if last_said.is_none() {
            let last = input.split_off(input.len() - 1);
            given = std::mem::replace(&mut input, last);
        }
        let stop = match self.stop {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) if several.iter().all(Value::is_string) => several
                .iter()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect(),
            Some(_) => return Err(Problem::bad_request("stop: must be a string or an array of strings")),
        };
        let mut client_tools = Vec::new();
        for (index, tool) in self.tools.unwrap_or_default().into_iter().enumerate() {
            client_tools.push(
                tool.parse()
                    .map_err(|problem| Problem::bad_request(format!("tools[{index}]{problem}")))?,
            );
        }
        let mut extra = self.extra;
        extra.retain(|_, value| !value.is_null());
        let sampling = Sampling {
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature,
            top_p: self.top_p,
            stop,
            tool_choice: self.tool_choice,
            extra,
        };
        let include_usage = self.stream_options.is_some_and(|options| options.include_usage);
        let instructions = (!instructions.is_empty()).then(|| instructions.join("\n\n"));
        Ok(Parsed {
            instructions,
            given,
            input,
            client_tools,
            sampling,
            include_usage,
        })
    }
}

impl RequestMessage {
    fn parse(self) -> Result<Message, String> {
        match self.role.as_str() {
            "system" | "developer" => Ok(Message::System(text(&self.content)?)),
            "user" => Ok(Message::User(parts(&self.content)?)),
            "assistant" => {
                let tool_calls = self
                    .tool_calls
                    .into_iter()
                    .map(|call| ToolCall {
                        id: call.id,
                        name: call.function.name,
                        arguments: call.function.arguments,
                    })
                    .collect();
                Ok(Message::Assistant {
                    text: text(&self.content)?,
                    tool_calls,
                })
            }
            "tool" => {
                let call_id = self.tool_call_id.ok_or(".tool_call_id: is missing")?;
                Ok(Message::Tool {
                    call_id,
                    text: text(&self.content)?,
                    is_error: false,
                })
            }
            role => Err(format!(
                ".role: {role:?} is not one of system, developer, user, assistant, tool"
            )),
        }
    }
}

impl Tool {
    fn parse(self) -> Result<ToolSpec, String> {
        if self.kind != "function" {
            return Err(format!(".type: {:?} is not supported, only \"function\"", self.kind));
        }
        let function = self.function.ok_or(".function: is missing")?;
        Ok(ToolSpec {
            name: function.name,
            description: function.description,
            schema: function
                .parameters
                .unwrap_or_else(|| serde_json::json!({"type": "object", "properties": {}}))
                .into(),
        })
    }
}

/// A member that is `null` is as good as absent: SDKs write so what they leave out, of their own messages too.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(member: D) -> Result<T, D::Error> {
    Option::deserialize(member).map(Option::unwrap_or_default)
}

fn text(content: &Value) -> Result<String, String> {
    let texts: Vec<String> = parts(content)?
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => Ok(text),
            Part::Image(_) => Err(".content: an image can only be in a user's message".to_owned()),
        })
        .collect::<Result<_, _>>()?;
    Ok(texts.join("\n"))
}

/// A string, `null`, or OpenAI's content parts.
fn parts(content: &Value) -> Result<Vec<Part>, String> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::Text(text.clone())]),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| part(index, item))
            .collect(),
        _ => Err(".content: must be a string or an array of parts".to_owned()),
    }
}

fn part(index: usize, item: &Value) -> Result<Part, String> {
    let kind = item["type"].as_str().unwrap_or_default();
    let value = match kind {
        "text" => item["text"].as_str().map(|text| Part::Text(text.to_owned())),
        // An answer of an earlier turn, as the SDKs hand it back.
        "refusal" => item["refusal"].as_str().map(|text| Part::Text(text.to_owned())),
        "image_url" => item["image_url"]["url"].as_str().map(|url| Part::Image(url.to_owned())),
        _ => {
            return Err(format!(
                ".content[{index}].type: {kind:?} is not supported, only \"text\" and \"image_url\""
            ));
        }
    };
    value.ok_or_else(|| format!(".content[{index}]: its {kind} is missing"))
}
