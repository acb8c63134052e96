//! A chat completion, as a response: <https://platform.openai.com/docs/api-reference/responses/object>.

use serde_json::{Value, json};

use super::completion_to_message::said;
use super::message_to_completion::now;
use super::spoken::Spoken;
use super::{Context, Untranslatable, cannot, items, text, thought, usage};

pub fn document(completion: &Value, context: Context<'_>) -> Result<Value, Untranslatable> {
    let Some(choice) = items(completion, "choices").next() else {
        return cannot("the reply has no choices");
    };
    let message = &choice["message"];
    let id = text(completion, "id");
    let mut output = Vec::new();
    let said = said(&message["content"]) + text(message, "refusal");
    for (spoken, said) in [(Spoken::Thought, thought(message)), (Spoken::Message, &said)] {
        if !said.is_empty() {
            output.push(spoken.whole(&spoken.id(id, output.len()), said));
        }
    }
    for call in items(message, "tool_calls") {
        let function = &call["function"];
        let arguments = match text(function, "arguments") {
            "" => "{}",
            arguments => arguments,
        };
        output.push(call_item(
            text(call, "id"),
            text(function, "name"),
            arguments,
            "completed",
        ));
    }
    Ok(response(
        &format!("resp_{id}"),
        context.model,
        End::of(text(choice, "finish_reason")),
        output,
        usage::told(completion).unwrap_or(&Value::Null),
    ))
}

/// How far a response is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    InProgress,
    Completed,
    /// The limit of tokens was reached.
    Cut,
    /// The rest is withheld, for what it says.
    Withheld,
}

impl End {
    pub fn of(finish_reason: &str) -> Self {
        match finish_reason {
            "length" => Self::Cut,
            "content_filter" => Self::Withheld,
            _ => Self::Completed,
        }
    }

    /// The event that tells it.
    pub fn event(self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Cut | Self::Withheld => "response.incomplete",
        }
    }
}

pub fn call_item(id: &str, name: &str, arguments: &str, status: &str) -> Value {
    json!({
        "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name, "arguments": arguments, "status": status,
    })
}

/// All members that the official clients insist on.
pub fn response(id: &str, model: &str, end: End, output: Vec<Value>, usage: &Value) -> Value {
    let (status, incomplete) = match end {
        End::InProgress => ("in_progress", Value::Null),
        End::Completed => ("completed", Value::Null),
        End::Cut => ("incomplete", json!({"reason": "max_output_tokens"})),
        End::Withheld => ("incomplete", json!({"reason": "content_filter"})),
    };
    json!({
        "id": id, "object": "response", "created_at": now(), "status": status, "error": null,
        "incomplete_details": incomplete, "instructions": null, "metadata": {}, "model": model, "output": output,
        "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
        "usage": usage::for_response(usage),
    })
}
