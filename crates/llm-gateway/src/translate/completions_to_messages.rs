//! A request for a chat completion, as a request for a message: <https://docs.anthropic.com/en/api/messages>.
//!
//! That API has no system role and no tool role: system messages go to the top, results of tools into a user message, and neighbours of
//! one role are one message.

use serde_json::{Map, Value, json};

use super::choice::Allowed;
use super::{Context, Untranslatable, cannot, copy, items, text};

pub fn request(asked: &Map<String, Value>, context: Context<'_>) -> Result<Map<String, Value>, Untranslatable> {
    if asked.get("n").and_then(Value::as_u64).is_some_and(|n| n > 1) {
        return cannot("n: this model gives one reply at a time");
    }
    for (name, instead) in [
        ("functions", "send `tools`"),
        ("audio", "its answers are text"),
        ("web_search_options", "its provider searches nothing"),
    ] {
        if asked.get(name).is_some_and(|value| !value.is_null()) {
            return cannot(format!("{name}: this model takes none; {instead}"));
        }
    }
    let mut told = Map::new();
    told.insert("model".into(), context.model.into());
    let limit = ["max_completion_tokens", "max_tokens"]
        .iter()
        .find_map(|name| asked.get(*name)?.as_u64());
    told.insert("max_tokens".into(), limit.unwrap_or(context.max_tokens).into());
    copy(
        asked,
        &mut told,
        &[("stream", "stream"), ("top_p", "top_p"), ("top_k", "top_k")],
    );
    if let Some(temperature) = asked.get("temperature").and_then(Value::as_f64) {
        // OpenAI's scale ends at 2, this one at 1.
        told.insert("temperature".into(), temperature.min(1.0).into());
    }
    match asked.get("stop") {
        Some(Value::String(stop)) => told.insert("stop_sequences".into(), json!([stop])),
        Some(stop @ Value::Array(_)) => told.insert("stop_sequences".into(), stop.clone()),
        _ => None,
    };
    if let Some(user) = asked.get("user").and_then(Value::as_str) {
        told.insert("metadata".into(), json!({"user_id": user}));
    }

    let asked = Value::Object(asked.clone());
    let mut system: Vec<String> = Vec::new();
    let mut turns = Turns::default();
    for (index, message) in items(&asked, "messages").enumerate() {
        match text(message, "role") {
            "system" | "developer" => system.extend(said(&message["content"])),
            "user" => turns.add("user", user_blocks(&message["content"], index)?),
            "assistant" => turns.add("assistant", assistant_blocks(message, index)?),
            "tool" => turns.add("user", vec![tool_result(message, index)?]),
            role => return cannot(format!("messages[{index}].role: \"{role}\" is no role")),
        }
    }
    system.extend(format_wish(&asked["response_format"]));
    if !system.is_empty() {
        told.insert("system".into(), system.join("\n\n").into());
    }
    told.insert("messages".into(), turns.into());
    tools(&asked, &mut told)?;
    Ok(told)
}

/// Messages of alternating roles.
#[derive(Default)]
struct Turns(Vec<(&'static str, Vec<Value>)>);

impl Turns {
    fn add(&mut self, role: &'static str, blocks: Vec<Value>) {
        match self.0.last_mut() {
            Some((last, before)) if *last == role => before.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => self.0.push((role, blocks)),
        }
    }
}

impl From<Turns> for Value {
    fn from(turns: Turns) -> Self {
        turns
            .0
            .into_iter()
            .map(|(role, content)| json!({"role": role, "content": content}))
            .collect()
    }
}

/// All text of a content that is a text or a list of parts.
fn said(content: &Value) -> Option<String> {
    let said = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(|part| text(part, "text"))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => return None,
    };
    // Empty texts are refused by the API.
    (!said.trim().is_empty()).then_some(said)
}

fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn user_blocks(content: &Value, index: usize) -> Result<Vec<Value>, Untranslatable> {
    let parts = match content {
        Value::String(text) => return Ok(text_block(text).into_iter().collect()),
        Value::Array(parts) => parts,
        _ => return cannot(format!("messages[{index}].content: expected a text or a list of parts")),
    };
    let mut blocks = Vec::with_capacity(parts.len());
    for part in parts {
        match text(part, "type") {
            "text" => blocks.extend(text_block(text(part, "text"))),
            "image_url" => blocks.push(json!({"type": "image", "source": source(text(&part["image_url"], "url"))})),
            "file" if part["file"]["file_data"].is_string() => {
                blocks.push(json!({"type": "document", "source": source(text(&part["file"], "file_data"))}));
            }
            kind => return cannot(format!("messages[{index}].content: this model takes no \"{kind}\"")),
        }
    }
    Ok(blocks)
}

/// `data:image/png;base64,…`, or an address.
fn source(url: &str) -> Value {
    match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((media_type, data)) => json!({"type": "base64", "media_type": media_type, "data": data}),
        None => json!({"type": "url", "url": url}),
    }
}

fn assistant_blocks(message: &Value, index: usize) -> Result<Vec<Value>, Untranslatable> {
    let mut blocks: Vec<Value> = said(&message["content"])
        .iter()
        .filter_map(|text| text_block(text))
        .collect();
    for call in items(message, "tool_calls") {
        let function = &call["function"];
        let written = text(function, "arguments");
        // A model can write broken JSON; the API takes nothing but objects.
        let input = serde_json::from_str::<Map<String, Value>>(written).unwrap_or_default();
        let name = text(function, "name");
        if name.is_empty() {
            return cannot(format!("messages[{index}].tool_calls: a call has no name"));
        }
        blocks.push(json!({"type": "tool_use", "id": call_id(text(call, "id")), "name": name, "input": input}));
    }
    Ok(blocks)
}

fn tool_result(message: &Value, index: usize) -> Result<Value, Untranslatable> {
    let id = text(message, "tool_call_id");
    if id.is_empty() {
        return cannot(format!("messages[{index}].tool_call_id: is missing"));
    }
    let content = &message["content"];
    let result: Value = match content.as_array() {
        Some(parts) if parts.iter().any(|part| text(part, "type") != "text") => user_blocks(content, index)?.into(),
        _ => said(content).unwrap_or_default().into(),
    };
    Ok(json!({"type": "tool_result", "tool_use_id": call_id(id), "content": result}))
}

/// The API takes `[a-zA-Z0-9_-]+`; a conversation that began with another provider may have other ids.
fn call_id(id: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.chars().all(fine) {
        return id.to_owned();
    }
    format!("id_{}", id.replace(|c| !fine(c), "_"))
}

/// The API has no switch for JSON output that all its models know; saying so is what its documentation advises:
/// <https://docs.anthropic.com/en/docs/test-and-evaluate/strengthen-guardrails/increase-consistency>.
fn format_wish(format: &Value) -> Option<String> {
    match text(format, "type") {
        "json_object" => Some("Answer with one JSON object and nothing else.".to_owned()),
        "json_schema" => {
            let schema = &format["json_schema"]["schema"];
            Some(format!(
                "Answer with one JSON value and nothing else. It must match this JSON Schema:\n{schema}"
            ))
        }
        _ => None,
    }
}

fn tools(asked: &Value, told: &mut Map<String, Value>) -> Result<(), Untranslatable> {
    let choice = &asked["tool_choice"];
    let allowed = Allowed::of(choice);
    let mut tools = Vec::new();
    for tool in items(asked, "tools").filter(|tool| allowed.as_ref().is_none_or(|allowed| allowed.has(tool))) {
        if text(tool, "type") != "function" {
            return cannot(format!(
                "tools: this model takes no tools of type \"{}\"",
                text(tool, "type")
            ));
        }
        let function = &tool["function"];
        let schema = match &function["parameters"] {
            schema if schema["type"].is_string() => schema.clone(),
            // There a tool that takes nothing may leave them out, or leave them empty.
            Value::Object(members) => {
                let mut members = members.clone();
                members.insert("type".into(), "object".into());
                members.into()
            }
            _ => json!({"type": "object", "properties": {}}),
        };
        let mut spec = json!({"name": function["name"], "input_schema": schema});
        if function["description"].is_string() {
            spec["description"] = function["description"].clone();
        }
        tools.push(spec);
    }
    if tools.is_empty() {
        return Ok(());
    }
    told.insert("tools".into(), tools.into());
    let word = allowed.map_or(choice.as_str(), |allowed| Some(allowed.mode));
    let mut choice = match word {
        Some("required") => json!({"type": "any"}),
        Some(word @ ("auto" | "none")) => json!({"type": word}),
        _ => match text(&choice["function"], "name") {
            "" => Value::Null,
            name => json!({"type": "tool", "name": name}),
        },
    };
    if asked["parallel_tool_calls"] == false && choice["type"] != "none" {
        if choice.is_null() {
            choice = json!({"type": "auto"});
        }
        choice["disable_parallel_tool_use"] = true.into();
    }
    if !choice.is_null() {
        told.insert("tool_choice".into(), choice);
    }
    Ok(())
}
