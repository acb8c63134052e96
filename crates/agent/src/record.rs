//! What was said, in the form in which the transcript keeps it.

use creel_llm::{Message, Part, ToolCall, Usage};
use creel_session::{Body, Stop};

/// The new messages of a turn.
pub fn input(messages: &[Message]) -> Vec<Body> {
    let body = |message: &Message| match message {
        Message::User(content) => Some(Body::User { parts: parts(content) }),
        Message::Tool {
            call_id,
            text,
            is_error,
        } => Some(Body::ToolResult {
            call_id: call_id.clone(),
            name: String::new(),
            text: text.clone(),
            is_error: *is_error,
        }),
        Message::System(_) | Message::Assistant { .. } => None,
    };
    messages.iter().filter_map(body).collect()
}

/// What a model said.
pub fn reply(text: String, calls: &[ToolCall], model: String, usage: Usage, stop: Stop) -> Body {
    let call = |call: &ToolCall| creel_session::ToolCall {
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    };
    let usage = creel_session::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
    };
    Body::Assistant {
        text,
        tool_calls: calls.iter().map(call).collect(),
        model,
        usage,
        stop,
    }
}

fn parts(content: &[Part]) -> Vec<creel_session::Part> {
    let part = |part: &Part| match part {
        Part::Text(text) => creel_session::Part::Text { text: text.clone() },
        Part::Image(url) => creel_session::Part::Image { url: url.clone() },
    };
    content.iter().map(part).collect()
}
