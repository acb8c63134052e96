//! A message, as a chat completion: <https://platform.openai.com/docs/api-reference/chat/object>.

use serde_json::{Value, json};

use super::{Context, Untranslatable, cannot, items, text};

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
        "usage": usage(&message["usage"]),
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

/// Here the input leaves out what the cache had; there it does not.
pub fn usage(usage: &Value) -> Value {
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    let cached = count("cache_read_input_tokens");
    let input = count("input_tokens")
        .saturating_add(cached)
        .saturating_add(count("cache_creation_input_tokens"));
    let output = count("output_tokens");
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output),
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}
