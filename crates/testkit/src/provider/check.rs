//! Refuses what the real APIs refuse, as far as a client of ours could get it wrong. Gives the text of the 400.

use std::collections::BTreeSet;

use http::HeaderMap;
use serde_json::Value;

use super::reply::Api;

pub fn check(api: Api, headers: &HeaderMap, body: &Value) -> Result<(), String> {
    if body["model"].as_str().is_none_or(str::is_empty) {
        return Err("you must provide a model parameter".to_owned());
    }
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or("messages: at least one message is required")?;
    match api {
        Api::Openai => openai(messages),
        Api::Anthropic => {
            if !headers.contains_key("anthropic-version") {
                return Err("anthropic-version: header is required".to_owned());
            }
            if body["max_tokens"].as_u64().is_none_or(|tokens| tokens == 0) {
                return Err("max_tokens: Field required".to_owned());
            }
            anthropic(messages)
        }
    }
}

/// Every call of a tool is answered by a message of role `tool`, right behind it:
/// <https://platform.openai.com/docs/guides/function-calling>.
fn openai(messages: &[Value]) -> Result<(), String> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            if !open.remove(id) {
                return Err(format!(
                    "messages[{index}]: role 'tool' must be a response to a preceding message with 'tool_calls'"
                ));
            }
            continue;
        }
        unanswered(index, &open)?;
        let content = &message["content"];
        match role {
            "system" | "developer" | "user" if content.is_string() || is_list(content) => {}
            "assistant" if content.is_string() || message["tool_calls"].is_array() => {
                open = ids(&message["tool_calls"], "id").collect();
            }
            "system" | "developer" | "user" | "assistant" => {
                return Err(format!("messages[{index}].content: expected a string"));
            }
            _ => return Err(format!("messages[{index}].role: '{role}' is not one of the roles")),
        }
    }
    unanswered(messages.len(), &open)
}

fn unanswered(index: usize, open: &BTreeSet<&str>) -> Result<(), String> {
    match open.first() {
        None => Ok(()),
        Some(id) => Err(format!(
            "messages[{index}]: the tool call '{id}' was not followed by its tool message"
        )),
    }
}

/// Roles are `user` and `assistant`, the first is `user`; texts are not empty; every `tool_use` is answered by a
/// `tool_result` at the beginning of the next message:
/// <https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use>.
fn anthropic(messages: &[Value]) -> Result<(), String> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if !matches!((index, role), (_, "user") | (1.., "assistant")) {
            return Err(format!("messages.{index}.role: unexpected role '{role}'"));
        }
        if message["content"].is_string() {
            unanswered(index, &open)?;
            continue;
        }
        let blocks = message["content"].as_array().filter(|blocks| !blocks.is_empty());
        let blocks = blocks.ok_or_else(|| format!("messages.{index}.content: must not be empty"))?;
        for block in blocks {
            let id = block["tool_use_id"].as_str().unwrap_or_default();
            if block["type"] == "tool_result" && !open.remove(id) {
                return Err(format!(
                    "messages.{index}: unexpected `tool_use_id` '{id}' in a `tool_result` block"
                ));
            }
            if block["type"] != "tool_result" {
                unanswered(index, &open)?;
            }
            if block["type"] == "text" && block["text"].as_str().is_none_or(|text| text.trim().is_empty()) {
                return Err(format!("messages.{index}: text content blocks must be non-empty"));
            }
            if block["type"] == "tool_use" && !block["input"].is_object() {
                return Err(format!(
                    "messages.{index}: tool_use.input: Input should be a valid dictionary"
                ));
            }
        }
        open = blocks
            .iter()
            .filter(|block| block["type"] == "tool_use")
            .filter_map(|block| block["id"].as_str())
            .collect();
        if let Some(id) = open
            .iter()
            .find(|id| !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
        {
            return Err(format!(
                "messages.{index}: tool_use.id: '{id}' should match pattern '^[a-zA-Z0-9_-]+$'"
            ));
        }
    }
    unanswered(messages.len(), &open)
}

fn is_list(content: &Value) -> bool {
    content.as_array().is_some_and(|parts| !parts.is_empty())
}

fn ids<'a>(list: &'a Value, name: &'a str) -> impl Iterator<Item = &'a str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(move |item| item[name].as_str())
}
