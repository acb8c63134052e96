//! The same request twice is one turn and one answer: finds the answer that an earlier turn with the same key gave.

use std::sync::Arc;

use creel_llm::{ToolCall, Usage};
use creel_session::{Body, Entry, Stop};

use crate::error::TurnError;
use crate::turn::Outcome;

/// Looks for the answer to `input`, which came with `key`. `None`: the key is new, or no attempt with it came to its end, so that
/// another one is to be made.
///
/// # Errors
/// [`TurnError::KeyReused`], where the key came with another input.
pub fn answer(
    entries: &[Arc<Entry>],
    key: &str,
    input: &[Body],
    is_client_tool: impl Fn(&str) -> bool,
) -> Result<Option<Outcome>, TurnError> {
    // The newest attempt counts: one that was cut off is taken again.
    let newest = entries
        .iter()
        .rposition(|entry| entry.idempotency_key.as_deref() == Some(key));
    let Some(newest) = newest else { return Ok(None) };
    let asked = &entries[newest];
    if input.last() != Some(&asked.body) {
        return Err(TurnError::KeyReused);
    }
    let mut reply = String::new();
    let mut total = Usage::default();
    for entry in entries[newest + 1..].iter().filter(|entry| entry.turn == asked.turn) {
        let Body::Assistant {
            text,
            model,
            usage,
            stop,
            tool_calls,
        } = &entry.body
        else {
            continue;
        };
        reply.push_str(text);
        total += Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            ..Usage::default()
        };
        let theirs: Vec<ToolCall> = tool_calls
            .iter()
            .filter(|call| is_client_tool(&call.name))
            .map(|call| ToolCall {
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            })
            .collect();
        let is_end = matches!(stop, Stop::End | Stop::Length) && tool_calls.is_empty();
        if is_end || !theirs.is_empty() {
            let (model, stop) = (model.clone(), *stop);
            return Ok(Some(Outcome {
                reply,
                tool_calls: theirs,
                model,
                usage: total,
                stop,
                replayed: true,
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Body {
        Body::User {
            parts: vec![creel_session::Part::Text { text: text.to_owned() }],
        }
    }

    fn said(text: &str, calls: &[&str], stop: Stop) -> Body {
        let usage = creel_session::Usage {
            input_tokens: 1,
            output_tokens: 2,
        };
        let call = |name: &&str| creel_session::ToolCall {
            id: "1".into(),
            name: (*name).to_owned(),
            arguments: "{}".into(),
        };
        Body::Assistant {
            text: text.to_owned(),
            tool_calls: calls.iter().map(call).collect(),
            model: "m".into(),
            usage,
            stop,
        }
    }

    /// A transcript of (turn, key, what was said).
    fn transcript(lines: Vec<(&str, Option<&str>, Body)>) -> Vec<Arc<Entry>> {
        let entry = |(turn, key, body): (&str, Option<&str>, Body)| {
            let (turn, idempotency_key) = (turn.to_owned(), key.map(str::to_owned));
            Arc::new(Entry {
                at: 0,
                turn,
                epoch: 1,
                idempotency_key,
                body,
            })
        };
        lines.into_iter().map(entry).collect()
    }

    fn find(entries: &[Arc<Entry>], text: &str) -> Result<Option<Outcome>, TurnError> {
        answer(entries, "k", &[user(text)], |tool| tool == "theirs")
    }

    #[test]
    fn all_rounds_of_the_turn_are_the_answer() {
        let entries = transcript(vec![
            ("1", Some("k"), user("hi")),
            ("1", None, said("Let me see. ", &["ours"], Stop::ToolCalls)),
            ("1", None, said("Done.", &[], Stop::End)),
            ("2", None, user("and?")),
            ("2", None, said("Nothing.", &[], Stop::End)),
        ]);
        let outcome = find(&entries, "hi").unwrap().unwrap();
        assert_eq!(
            (outcome.reply.as_str(), outcome.usage.output_tokens),
            ("Let me see. Done.", 4)
        );
        assert!(matches!(find(&entries, "ho"), Err(TurnError::KeyReused)));
        assert_eq!(answer(&entries, "new", &[user("hi")], |_| false).unwrap(), None);
    }

    #[test]
    fn calls_of_the_clients_tools_are_an_answer_of_their_own() {
        let result = Body::ToolResult {
            call_id: "1".into(),
            name: String::new(),
            text: "r".into(),
            is_error: false,
        };
        let entries = transcript(vec![
            ("1", Some("k"), user("hi")),
            ("1", None, said("", &["theirs"], Stop::ToolCalls)),
            ("1", Some("k2"), result.clone()),
            ("1", None, said("Done.", &[], Stop::End)),
        ]);
        assert_eq!(find(&entries, "hi").unwrap().unwrap().tool_calls[0].name, "theirs");
        let second = answer(&entries, "k2", &[result], |tool| tool == "theirs")
            .unwrap()
            .unwrap();
        assert_eq!((second.reply.as_str(), second.tool_calls.len()), ("Done.", 0));
    }

    #[test]
    fn an_attempt_that_was_cut_off_is_no_answer() {
        let mut lines = vec![
            ("1", Some("k"), user("hi")),
            ("1", None, said("ha", &[], Stop::Cancelled)),
        ];
        assert_eq!(find(&transcript(lines.clone()), "hi").unwrap(), None);
        lines.extend([
            ("2", Some("k"), user("hi")),
            ("2", None, said("half and more", &[], Stop::End)),
        ]);
        assert_eq!(find(&transcript(lines), "hi").unwrap().unwrap().reply, "half and more");
    }
}
