//! A message, as a chat completion: <https://platform.openai.com/docs/api-reference/chat/object>.

use serde_json::{Value, json};

use super::{Context, Untranslatable, cannot, items, text, usage};

pub fn document(message: &Value, context: Context<'_>) -> Result<Value, Untranslatable> {
    if !message["content"].is_array() {
        return cannot("the reply has no content");
    }
    let blocks = |kind: &'static str| items(message, "content").filter(move |block| text(block, "type") == kind);
    let said: String = blocks("text").map(|block| text(block, "text")).collect();
    let thought: String = blocks("thinking").map(|block| text(block, "thinking")).collect();
    let calls: Vec<Value> = blocks("tool_use")
        .map(|block| {
            let function = json!({"name": block["name"], "arguments": block["input"].to_string()});
            json!({"id": block["id"], "type": "function", "function": function})
        })
        .collect();
    let mut told = json!({"role": "assistant", "content": said, "refusal": null});
    if !thought.is_empty() {
        told["reasoning_content"] = thought.into();
    }
    if !calls.is_empty() {
        if said.is_empty() {
            told["content"] = Value::Null;
        }
        told["tool_calls"] = calls.into();
    }
    let reason = finish_reason(text(message, "stop_reason"));
    Ok(json!({
        "id": id(text(message, "id")), "object": "chat.completion", "created": now(), "model": context.model,
        "choices": [{"index": 0, "message": told, "logprobs": null, "finish_reason": reason}],
        "usage": usage::of_message(&message["usage"]),
    }))
}

pub fn id(message: &str) -> String {
    format!("chatcmpl-{message}")
}

/// Seconds since the Unix epoch, as OpenAI writes times.
pub fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// <https://docs.anthropic.com/en/api/handling-stop-reasons>.
pub fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        _ => "stop",
    }
}
