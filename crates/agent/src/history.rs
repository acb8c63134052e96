//! From a transcript to what the model is told of it.
//!
//! **The trimming rule.** What fits is: the model's context window, less the tokens kept for the reply, less the prompt and the tools. Whole
//! turns are taken from the newest back until the next one would not fit; a turn is never split, so a tool's result never
//! stands without its call. What a model said before it broke off is left out once the turn was gone on with. The newest message is always sent: if it alone is too long, the provider says so.
//! Tokens are estimated: a quarter of the ASCII bytes, and one for every other character.

use std::sync::Arc;

use creel_llm::{Message, Part, ToolCall, ToolSpec};
use creel_session::{Body, Entry, Stop};

/// Stands for the result of a tool whose turn was cut off.
const INTERRUPTED: &str = "[interrupted: there is no result]";
/// Tokens that an image is counted as.
const IMAGE_TOKENS: u32 = 1_000;
/// Tokens that a message costs beside its text.
const MESSAGE_TOKENS: u32 = 4;

/// The newest turns of `entries` that fit into `budget` tokens, oldest first. `input` is what will follow them: a call that it
/// answers needs no other result.
pub fn recall(entries: &[Arc<Entry>], input: &[Message], budget: u32) -> Vec<Message> {
    let answered: Vec<&str> = input
        .iter()
        .filter_map(|message| match message {
            Message::Tool { call_id, .. } => Some(call_id.as_str()),
            _ => None,
        })
        .collect();
    let mut turns: Vec<Vec<Message>> = Vec::new();
    let mut left = budget;
    let mut begin = entries.len();
    // Turns that were gone on with after others; they count as the newest part of them does.
    let mut joined: Vec<&str> = Vec::new();
    for part in entries.chunk_by(|a, b| a.turn == b.turn).rev() {
        begin -= part.len();
        let turn = part[0].turn.as_str();
        if joined.contains(&turn) {
            continue;
        }
        let messages = if matches!(part[0].body, Body::Assistant { .. }) {
            joined.push(turn);
            let earlier = entries[..begin].iter().filter(|entry| entry.turn == turn);
            let whole: Vec<_> = earlier.chain(part).cloned().collect();
            replay(&whole, &answered)
        } else {
            replay(part, &answered)
        };
        let cost: u32 = messages.iter().map(message_tokens).sum();
        if cost > left {
            break;
        }
        left -= cost;
        turns.push(messages);
    }
    turns.into_iter().rev().flatten().collect()
}

/// What a model said before it broke off, or was cut off.
pub fn is_draft(body: &Body) -> bool {
    matches!(
        body,
        Body::Assistant {
            stop: Stop::Cancelled | Stop::Error,
            ..
        }
    )
}

/// One turn's messages, or those of a part of it. Every tool call gets a result, and every result a call: providers refuse anything else.
pub fn replay(turn: &[Arc<Entry>], answered: &[&str]) -> Vec<Message> {
    let mut messages = Vec::with_capacity(turn.len());
    let mut open: Vec<String> = Vec::new();
    let close = |open: &mut Vec<String>, messages: &mut Vec<Message>| {
        for call_id in open.drain(..) {
            messages.push(Message::Tool {
                call_id,
                text: INTERRUPTED.to_owned(),
                is_error: true,
            });
        }
    };
    for (index, entry) in turn.iter().enumerate() {
        match &entry.body {
            body if is_draft(body) && index + 1 < turn.len() => {}
            Body::ToolResult {
                call_id,
                text,
                is_error,
                ..
            } => {
                if let Some(position) = open.iter().position(|id| id == call_id) {
                    open.swap_remove(position);
                    messages.push(Message::Tool {
                        call_id: call_id.clone(),
                        text: text.clone(),
                        is_error: *is_error,
                    });
                }
            }
            Body::User { parts } => {
                close(&mut open, &mut messages);
                messages.push(Message::User(parts.iter().map(part).collect()));
            }
            Body::Assistant { text, tool_calls, .. } => {
                close(&mut open, &mut messages);
                if text.is_empty() && tool_calls.is_empty() {
                    continue;
                }
                let unanswered = tool_calls.iter().filter(|call| !answered.contains(&call.id.as_str()));
                open.extend(unanswered.map(|call| call.id.clone()));
                let tool_calls = tool_calls
                    .iter()
                    .map(|call| ToolCall {
                        id: call.id.clone(),
                        name: call.name.clone(),
                        arguments: call.arguments.clone(),
                    })
                    .collect();
                messages.push(Message::Assistant {
                    text: text.clone(),
                    tool_calls,
                });
            }
        }
    }
    close(&mut open, &mut messages);
    messages
}

fn part(part: &creel_session::Part) -> Part {
    match part {
        creel_session::Part::Text { text } => Part::Text(text.clone()),
        creel_session::Part::Image { url } => Part::Image(url.clone()),
    }
}

/// Calls of the newest turn that still wait for the client's result, with the turn they belong to.
pub fn open_calls(entries: &[Arc<Entry>]) -> Option<(&str, Vec<&str>)> {
    let turn = entries.chunk_by(|a, b| a.turn == b.turn).next_back()?;
    let mut open: Vec<&str> = Vec::new();
    for entry in turn {
        match &entry.body {
            Body::Assistant {
                tool_calls,
                stop: Stop::ToolCalls,
                ..
            } => {
                open = tool_calls.iter().map(|call| call.id.as_str()).collect();
            }
            Body::ToolResult { call_id, .. } => open.retain(|id| id != call_id),
            _ => open.clear(),
        }
    }
    (!open.is_empty()).then(|| (turn[0].turn.as_str(), open))
}

/// What a prompt, tools and messages cost, in estimated tokens.
pub fn tokens(prompt: &str, tools: &[ToolSpec], messages: &[Message]) -> u32 {
    let tools: u32 = tools
        .iter()
        .map(|tool| text_tokens(&tool.name) + text_tokens(&tool.description) + text_tokens(tool.schema.text()))
        .sum();
    text_tokens(prompt) + tools + messages.iter().map(message_tokens).sum::<u32>()
}

fn message_tokens(message: &Message) -> u32 {
    MESSAGE_TOKENS
        + match message {
            Message::System(text) | Message::Tool { text, .. } => text_tokens(text),
            Message::User(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text_tokens(text),
                    Part::Image(_) => IMAGE_TOKENS,
                })
                .sum(),
            Message::Assistant { text, tool_calls } => {
                let calls: u32 = tool_calls
                    .iter()
                    .map(|call| text_tokens(&call.name) + text_tokens(&call.arguments))
                    .sum();
                text_tokens(text) + calls
            }
        }
}

fn text_tokens(text: &str) -> u32 {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().count() - ascii;
    u32::try_from(ascii.div_ceil(4) + others).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use creel_session::Usage;

    fn entry(turn: &str, body: Body) -> Arc<Entry> {
        Arc::new(Entry {
            at: 0,
            turn: turn.to_owned(),
            epoch: 1,
            idempotency_key: None,
            body,
        })
    }

    fn said(turn: &str, text: &str) -> Arc<Entry> {
        entry(
            turn,
            Body::User {
                parts: vec![creel_session::Part::Text { text: text.to_owned() }],
            },
        )
    }

    fn answered(turn: &str, text: &str, calls: &[&str]) -> Arc<Entry> {
        let tool_calls = calls
            .iter()
            .map(|id| creel_session::ToolCall {
                id: (*id).to_owned(),
                name: "t".into(),
                arguments: "{}".into(),
            })
            .collect();
        let stop = if calls.is_empty() { Stop::End } else { Stop::ToolCalls };
        let (model, usage) = ("m".to_owned(), Usage::default());
        entry(
            turn,
            Body::Assistant {
                text: text.to_owned(),
                tool_calls,
                model,
                usage,
                stop,
            },
        )
    }

    fn result(turn: &str, id: &str) -> Arc<Entry> {
        let (call_id, name) = (id.to_owned(), "t".to_owned());
        entry(
            turn,
            Body::ToolResult {
                call_id,
                name,
                text: "r".into(),
                is_error: false,
            },
        )
    }

    fn text(message: &Message) -> &str {
        match message {
            Message::User(parts) => match &parts[0] {
                Part::Text(text) => text,
                Part::Image(url) => url,
            },
            Message::System(text) | Message::Assistant { text, .. } | Message::Tool { text, .. } => text,
        }
    }

    #[test]
    fn whole_turns_from_the_newest_back() {
        let long = "word ".repeat(400);
        let entries = [
            said("1", "first"),
            answered("1", "small", &[]),
            said("2", &long),
            answered("2", "big", &[]),
            said("3", "third"),
            answered("3", "last", &[]),
        ];
        let texts = |budget| {
            recall(&entries, &[], budget)
                .iter()
                .map(|m| text(m).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(10_000).len(), 6);
        // The long second turn does not fit; what is older than it is left out too, so that nothing is missing in between.
        assert_eq!(texts(100), ["third", "last"]);
        assert!(texts(3).is_empty());
    }

    #[test]
    fn every_call_has_a_result_and_every_result_a_call() {
        let entries = [
            said("1", "go"),
            answered("1", "", &["a", "b"]),
            result("1", "b"),
            result("1", "stray"),
        ];
        let messages = recall(&entries, &[], 1_000);
        let ids: Vec<_> = messages
            .iter()
            .filter_map(|message| match message {
                Message::Tool { call_id, text, .. } => Some((call_id.as_str(), text.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(ids, [("b", "r"), ("a", INTERRUPTED)]);
    }

    #[test]
    fn a_turn_that_was_gone_on_with_is_whole_and_without_its_draft() {
        let draft = entry(
            "1",
            Body::Assistant {
                text: "ha".to_owned(),
                tool_calls: Vec::new(),
                model: "m".to_owned(),
                usage: Usage::default(),
                stop: Stop::Cancelled,
            },
        );
        let mut entries = vec![said("1", "first"), draft, said("2", "second"), answered("2", "b", &[])];
        let texts = |entries: &[Arc<Entry>]| -> Vec<String> {
            let messages = recall(entries, &[], 1_000);
            messages.iter().map(|message| text(message).to_owned()).collect()
        };
        assert_eq!(texts(&entries), ["first", "ha", "second", "b"]);
        entries.push(answered("1", "a", &[]));
        assert_eq!(texts(&entries), ["second", "b", "first", "a"]);
    }

    #[test]
    fn open_calls_are_those_without_result() {
        let mut entries = vec![said("1", "go"), answered("1", "", &["a", "b"])];
        assert_eq!(open_calls(&entries), Some(("1", vec!["a", "b"])));
        entries.push(result("1", "a"));
        assert_eq!(open_calls(&entries), Some(("1", vec!["b"])));
        entries.push(result("1", "b"));
        assert_eq!(open_calls(&entries), None);
    }

    #[test]
    fn chinese_counts_by_the_character() {
        assert_eq!(text_tokens("abcdefgh"), 2);
        assert_eq!(text_tokens("你好"), 2);
        assert_eq!(text_tokens("hi 你好"), 3);
    }
}
