//! A request for a message, as a request for a chat completion: <https://platform.openai.com/docs/api-reference/chat/create>.

use serde_json::{Map, Value, json};

use super::{Context, Untranslatable, cannot, copy, items, text};

pub fn request(asked: &Map<String, Value>, context: Context<'_>) -> Result<Map<String, Value>, Untranslatable> {
    let mut told = Map::new();
    told.insert("model".into(), context.model.into());
    copy(
        asked,
        &mut told,
        &[
            ("max_tokens", context.limit),
            ("temperature", "temperature"),
            ("top_p", "top_p"),
            ("stop_sequences", "stop"),
            ("stream", "stream"),
        ],
    );
    if told.get("stream") == Some(&Value::Bool(true)) {
        told.insert("stream_options".into(), json!({"include_usage": true}));
    }
    let asked = Value::Object(asked.clone());
    if let Some(user) = asked["metadata"]["user_id"].as_str() {
        told.insert("user".into(), user.into());
    }
    let mut messages = Vec::new();
    let system = said(&asked["system"]);
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    for (index, message) in items(&asked, "messages").enumerate() {
        match text(message, "role") {
            "user" => user(&message["content"], index, &mut messages)?,
            "assistant" => messages.push(assistant(&message["content"], index)?),
            "system" => messages.push(json!({"role": "system", "content": said(&message["content"])})),
            role => return cannot(format!("messages.{index}.role: \"{role}\" is no role")),
        }
    }
    told.insert("messages".into(), messages.into());
    // The newer name first.
    for format in [&asked["output_config"]["format"], &asked["output_format"]] {
        if text(format, "type") == "json_schema" && !told.contains_key("response_format") {
            let schema = json!({"name": "answer", "schema": format["schema"]});
            told.insert(
                "response_format".into(),
                json!({"type": "json_schema", "json_schema": schema}),
            );
        }
    }
    tools(&asked, &mut told)?;
    Ok(told)
}

/// The text of a content: a text, or the text blocks of a list.
fn said(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| text(block, "type") == "text");
            texts.map(|block| text(block, "text")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Results of tools are messages of their own, right behind the calls; what else the user says follows. A picture or a document in a
/// result goes to what the user says: a tool's message may hold text alone.
fn user(content: &Value, index: usize, messages: &mut Vec<Value>) -> Result<(), Untranslatable> {
    let blocks = match content {
        Value::String(text) => {
            messages.push(json!({"role": "user", "content": text}));
            return Ok(());
        }
        Value::Array(blocks) => blocks,
        _ => return cannot(format!("messages.{index}.content: expected a text or a list of blocks")),
    };
    let mut parts = Vec::new();
    for block in blocks {
        if text(block, "type") != "tool_result" {
            parts.push(part(block, index)?);
            continue;
        }
        let result = &block["content"];
        messages.push(json!({"role": "tool", "tool_call_id": block["tool_use_id"], "content": said(result)}));
        for block in items(block, "content").filter(|block| text(block, "type") != "text") {
            parts.push(part(block, index)?);
        }
    }
    match parts.as_slice() {
        [] => {}
        // Many providers take a list of parts only from models that see.
        [only] if only["type"] == "text" => messages.push(json!({"role": "user", "content": only["text"]})),
        _ => messages.push(json!({"role": "user", "content": parts})),
    }
    Ok(())
}

fn part(block: &Value, index: usize) -> Result<Value, Untranslatable> {
    let url = || {
        let source = &block["source"];
        match text(source, "type") {
            "base64" => Ok(format!(
                "data:{};base64,{}",
                text(source, "media_type"),
                text(source, "data")
            )),
            "url" => Ok(text(source, "url").to_owned()),
            kind => cannot(format!(
                "messages.{index}.content: this model takes no source of type \"{kind}\""
            )),
        }
    };
    match text(block, "type") {
        "text" => Ok(json!({"type": "text", "text": block["text"]})),
        "image" => Ok(json!({"type": "image_url", "image_url": {"url": url()?}})),
        "document" if text(&block["source"], "type") == "text" => {
            Ok(json!({"type": "text", "text": block["source"]["data"]}))
        }
        "document" => {
            let name = block["title"].as_str().unwrap_or("document.pdf");
            Ok(json!({"type": "file", "file": {"filename": name, "file_data": url()?}}))
        }
        kind => cannot(format!(
            "messages.{index}.content: this model takes no block of type \"{kind}\""
        )),
    }
}

/// Thoughts are left out: they are signed by the provider that thought them.
fn assistant(content: &Value, index: usize) -> Result<Value, Untranslatable> {
    let mut calls = Vec::new();
    for block in content.as_array().into_iter().flatten() {
        match text(block, "type") {
            "tool_use" => calls.push(json!({
                "id": block["id"], "type": "function",
                "function": {"name": block["name"], "arguments": block["input"].to_string()},
            })),
            "text" | "thinking" | "redacted_thinking" => {}
            kind => {
                return cannot(format!(
                    "messages.{index}.content: this model takes no block of type \"{kind}\""
                ));
            }
        }
    }
    let said = said(content);
    let mut message = json!({"role": "assistant", "content": said});
    if !calls.is_empty() {
        if said.is_empty() {
            message["content"] = Value::Null;
        }
        message["tool_calls"] = calls.into();
    }
    Ok(message)
}

fn tools(asked: &Value, told: &mut Map<String, Value>) -> Result<(), Untranslatable> {
    let mut tools = Vec::new();
    for tool in items(asked, "tools") {
        // Tools with a type of their own are run by Anthropic.
        if !matches!(tool["type"].as_str(), None | Some("custom")) {
            return cannot(format!("tools: this model has no tool \"{}\"", text(tool, "type")));
        }
        let mut function = json!({"name": tool["name"], "parameters": tool["input_schema"]});
        if tool["description"].is_string() {
            function["description"] = tool["description"].clone();
        }
        tools.push(json!({"type": "function", "function": function}));
    }
    if tools.is_empty() {
        return Ok(());
    }
    told.insert("tools".into(), tools.into());
    let choice = &asked["tool_choice"];
    let word = match text(choice, "type") {
        "any" => json!("required"),
        word @ ("auto" | "none") => json!(word),
        "tool" => json!({"type": "function", "function": {"name": choice["name"]}}),
        _ => Value::Null,
    };
    if !word.is_null() {
        told.insert("tool_choice".into(), word);
    }
    if choice["disable_parallel_tool_use"] == true {
        told.insert("parallel_tool_calls".into(), false.into());
    }
    Ok(())
}
