//! A request for a response, as a request for a chat completion: <https://platform.openai.com/docs/api-reference/responses/create>.
//!
//! Nothing is stored here, so a request must carry its whole conversation, as clients that set `store: false` do.

use serde_json::{Map, Value, json};

use super::choice::Allowed;
use super::{Context, Untranslatable, cannot, copy, items, text};

pub fn request(asked: &Map<String, Value>, context: Context<'_>) -> Result<Map<String, Value>, Untranslatable> {
    for name in ["previous_response_id", "conversation", "prompt"] {
        if asked.get(name).is_some_and(|value| !value.is_null()) {
            return cannot(format!(
                "{name}: this model's provider stores nothing; send the whole conversation as `input`"
            ));
        }
    }
    let mut told = Map::new();
    copy(
        asked,
        &mut told,
        &[
            ("max_output_tokens", context.limit),
            ("temperature", "temperature"),
            ("top_p", "top_p"),
            ("stream", "stream"),
            ("parallel_tool_calls", "parallel_tool_calls"),
            ("user", "user"),
        ],
    );
    let asked = Value::Object(asked.clone());
    if let Some(effort) = asked["reasoning"]["effort"].as_str() {
        told.insert("reasoning_effort".into(), effort.into());
    }
    let mut messages = Vec::new();
    if let Some(instructions) = asked["instructions"].as_str() {
        messages.push(json!({"role": "system", "content": instructions}));
    }
    match &asked["input"] {
        Value::String(text) => messages.push(json!({"role": "user", "content": text})),
        Value::Array(input) => {
            let mut shown = Vec::new();
            for (index, item) in input.iter().enumerate() {
                if text(item, "type") == "function_call_output" {
                    messages.push(output(item, index, &mut shown)?);
                    continue;
                }
                show(&mut shown, &mut messages);
                add(item, index, &mut messages)?;
            }
            show(&mut shown, &mut messages);
        }
        _ => return cannot("input: expected a text or a list of items"),
    }
    told.insert("messages".into(), messages.into());
    format(&asked["text"]["format"], &mut told);
    tools(&asked, &mut told)?;
    Ok(told)
}

fn add(item: &Value, index: usize, messages: &mut Vec<Value>) -> Result<(), Untranslatable> {
    match item["type"].as_str().unwrap_or("message") {
        "message" => {
            let role = match text(item, "role") {
                role @ ("user" | "assistant" | "system" | "developer") => role,
                role => return cannot(format!("input[{index}].role: \"{role}\" is no role")),
            };
            // Providers that speak this style know `system` alone.
            let role = if role == "developer" { "system" } else { role };
            messages.push(json!({"role": role, "content": content(&item["content"], index)?}));
        }
        "function_call" => {
            let call = json!({
                "id": item["call_id"], "type": "function",
                "function": {"name": item["name"], "arguments": item["arguments"]},
            });
            // Calls of one reply are one message, and so is the text before them.
            match messages.last_mut() {
                Some(last) if last["role"] == "assistant" => match last["tool_calls"].as_array_mut() {
                    Some(calls) => calls.push(call),
                    None => last["tool_calls"] = json!([call]),
                },
                _ => messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]})),
            }
        }
        // Thoughts are left out: only the provider that thought them can read them.
        "reasoning" => {}
        kind => return cannot(format!("input[{index}]: this model takes no item of type \"{kind}\"")),
    }
    Ok(())
}

/// What came of a call. A tool's message may hold text alone: what else there is goes to what is shown behind the results.
fn output(item: &Value, index: usize, shown: &mut Vec<Value>) -> Result<Value, Untranslatable> {
    let output = match &item["output"] {
        Value::String(output) => output.clone(),
        Value::Array(parts) => {
            let mut said = String::new();
            for part in parts {
                match part_of(part, index)? {
                    part if part["type"] == "text" => said.push_str(text(&part, "text")),
                    part => shown.push(part),
                }
            }
            said
        }
        other => other.to_string(),
    };
    Ok(json!({"role": "tool", "tool_call_id": item["call_id"], "content": output}))
}

/// The user shows it.
fn show(shown: &mut Vec<Value>, messages: &mut Vec<Value>) {
    if !shown.is_empty() {
        messages.push(json!({"role": "user", "content": std::mem::take(shown)}));
    }
}

fn content(content: &Value, index: usize) -> Result<Value, Untranslatable> {
    let parts = match content {
        Value::String(_) => return Ok(content.clone()),
        Value::Array(parts) => parts,
        _ => return cannot(format!("input[{index}].content: expected a text or a list of parts")),
    };
    let mut told = Vec::with_capacity(parts.len());
    for part in parts {
        told.push(part_of(part, index)?);
    }
    // Many providers take a list of parts only from models that see.
    Ok(match told.as_slice() {
        [only] if only["type"] == "text" => only["text"].clone(),
        _ => told.into(),
    })
}

fn part_of(part: &Value, index: usize) -> Result<Value, Untranslatable> {
    Ok(match text(part, "type") {
        "input_text" | "output_text" | "text" => json!({"type": "text", "text": part["text"]}),
        "refusal" => json!({"type": "text", "text": part["refusal"]}),
        "input_image" if part["image_url"].is_string() => {
            json!({"type": "image_url", "image_url": {"url": part["image_url"]}})
        }
        "input_file" if part["file_data"].is_string() => {
            json!({"type": "file", "file": {"filename": part["filename"], "file_data": part["file_data"]}})
        }
        kind @ ("input_image" | "input_file") => {
            return cannot(format!(
                "input[{index}]: this model takes no \"{kind}\" but with its data"
            ));
        }
        kind => return cannot(format!("input[{index}]: this model takes no \"{kind}\"")),
    })
}

fn format(format: &Value, told: &mut Map<String, Value>) {
    match text(format, "type") {
        "json_object" => {
            told.insert("response_format".into(), json!({"type": "json_object"}));
        }
        "json_schema" => {
            let mut schema = format.clone();
            if let Some(members) = schema.as_object_mut() {
                members.remove("type");
            }
            told.insert(
                "response_format".into(),
                json!({"type": "json_schema", "json_schema": schema}),
            );
        }
        _ => {}
    }
}

fn tools(asked: &Value, told: &mut Map<String, Value>) -> Result<(), Untranslatable> {
    let allowed = Allowed::of(&asked["tool_choice"]);
    let mut tools = Vec::new();
    for tool in items(asked, "tools").filter(|tool| allowed.as_ref().is_none_or(|allowed| allowed.has(tool))) {
        if text(tool, "type") != "function" {
            return cannot(format!(
                "tools: this model's provider has no tool \"{}\"",
                text(tool, "type")
            ));
        }
        let mut function = tool.clone();
        if let Some(members) = function.as_object_mut() {
            members.remove("type");
            members.retain(|_, value| !value.is_null());
        }
        tools.push(json!({"type": "function", "function": function}));
    }
    if tools.is_empty() {
        return Ok(());
    }
    told.insert("tools".into(), tools.into());
    match &asked["tool_choice"] {
        Value::String(word) => {
            told.insert("tool_choice".into(), word.as_str().into());
        }
        _ if let Some(allowed) = allowed => {
            told.insert("tool_choice".into(), allowed.mode.into());
        }
        choice if text(choice, "type") == "function" => {
            let choice = json!({"type": "function", "function": {"name": choice["name"]}});
            told.insert("tool_choice".into(), choice);
        }
        _ => {}
    }
    Ok(())
}
