//! A chat completion, as a message: <https://docs.anthropic.com/en/api/messages>.

use serde_json::{Map, Value, json};

use super::{Context, Untranslatable, cannot, items, text, thought, usage};

pub fn document(completion: &Value, context: Context<'_>) -> Result<Value, Untranslatable> {
    let Some(choice) = items(completion, "choices").next() else {
        return cannot("the reply has no choices");
    };
    let message = &choice["message"];
    let mut content = Vec::new();
    let thought = thought(message);
    if !thought.is_empty() {
        content.push(json!({"type": "thinking", "thinking": thought, "signature": ""}));
    }
    let said = said(&message["content"]) + text(message, "refusal");
    if !said.is_empty() {
        content.push(json!({"type": "text", "text": said}));
    }
    for call in items(message, "tool_calls") {
        let function = &call["function"];
        let input: Map<String, Value> = serde_json::from_str(text(function, "arguments")).unwrap_or_default();
        content.push(json!({"type": "tool_use", "id": call["id"], "name": function["name"], "input": input}));
    }
    let calls = items(message, "tool_calls").next().is_some();
    Ok(json!({
        "id": id(text(completion, "id")), "type": "message", "role": "assistant", "model": context.model,
        "content": content, "stop_reason": stop_reason(text(choice, "finish_reason"), calls), "stop_sequence": null,
        "usage": usage::for_message(usage::told(completion).unwrap_or(&Value::Null)),
    }))
}

/// A text, or the texts of a list of parts.
pub fn said(content: &Value) -> String {
    match content {
        Value::String(said) => said.clone(),
        Value::Array(parts) => parts.iter().map(|part| text(part, "text")).collect(),
        _ => String::new(),
    }
}

pub fn id(completion: &str) -> String {
    format!("msg_{}", completion.trim_start_matches("chatcmpl-"))
}

/// Some providers end with `stop` although they call tools.
pub fn stop_reason(finish_reason: &str, calls: bool) -> &'static str {
    match finish_reason {
        "length" => "max_tokens",
        "content_filter" => "refusal",
        _ if calls => "tool_use",
        _ => "end_turn",
    }
}
