//! The same request twice is one turn and one answer: finds what an earlier attempt with the same key came to.

use std::sync::Arc;

use creel_llm::{ToolCall, Usage};
use creel_session::{Body, Entry};

use crate::error::TurnError;
use crate::history::is_draft;
use crate::turn::Outcome;

/// What became of a key so far.
#[derive(Debug, PartialEq)]
pub enum Attempt {
    /// It is new.
    None,
    /// The turn was begun and did not come to its end.
    Open(OpenTurn),
    Answered {
        outcome: Outcome,
        begun_at: u64,
    },
}

/// A turn to go on with: what was said in it stays said, and what its tools did is not done again.
#[derive(Debug, Default, PartialEq)]
pub struct OpenTurn {
    pub id: String,
    /// Where its input begins in the transcript.
    pub begin: usize,
    /// When it was written, in milliseconds since the Unix epoch.
    pub begun_at: u64,
    /// What came after the input, without what a model said before it broke off.
    pub since: Vec<Arc<Entry>>,
    /// The model's words in it.
    pub reply: String,
    pub usage: Usage,
}

impl OpenTurn {
    /// All that was said before its input, and since then in other turns.
    pub fn before(&self, entries: &[Arc<Entry>]) -> Vec<Arc<Entry>> {
        let is_other = |(index, entry): &(usize, &Arc<Entry>)| *index < self.begin || entry.turn != self.id;
        let others = entries.iter().enumerate().filter(is_other);
        others.map(|(_, entry)| entry.clone()).collect()
    }
}

/// Looks for the answer to `input`, which came with `key`.
///
/// # Errors
/// [`TurnError::KeyReused`], where the key came with another input.
pub fn attempt(
    entries: &[Arc<Entry>],
    key: &str,
    input: &[Body],
    is_client_tool: impl Fn(&str) -> bool,
) -> Result<Attempt, TurnError> {
    let has_key = |entry: &Arc<Entry>| entry.idempotency_key.as_deref() == Some(key);
    let Some(last) = entries.iter().rposition(has_key) else {
        return Ok(Attempt::None);
    };
    let asked = &entries[last];
    if input.last() != Some(&asked.body) {
        return Err(TurnError::KeyReused);
    }
    let is_input = |entry: &Arc<Entry>| has_key(entry) && entry.turn == asked.turn;
    let mut open = OpenTurn {
        id: asked.turn.clone(),
        begin: entries.iter().position(is_input).unwrap_or(last),
        begun_at: asked.at,
        ..OpenTurn::default()
    };
    let of_the_turn = entries[last + 1..].iter().filter(|entry| entry.turn == asked.turn);
    for entry in of_the_turn.filter(|entry| !is_draft(&entry.body)) {
        open.since.push(entry.clone());
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
        open.reply.push_str(text);
        open.usage += Usage {
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
        if tool_calls.is_empty() || !theirs.is_empty() {
            let outcome = Outcome {
                reply: open.reply,
                tool_calls: theirs,
                model: model.clone(),
                usage: open.usage,
                stop: *stop,
                replayed: true,
            };
            return Ok(Attempt::Answered {
                outcome,
                begun_at: open.begun_at,
            });
        }
    }
    Ok(Attempt::Open(open))
}

#[cfg(test)]
mod tests {
    use creel_session::Stop;

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

    fn look(entries: &[Arc<Entry>], key: &str, input: Body) -> Result<Attempt, TurnError> {
        attempt(entries, key, &[input], |tool| tool == "theirs")
    }

    fn find(entries: &[Arc<Entry>], key: &str, input: Body) -> Outcome {
        match look(entries, key, input).unwrap() {
            Attempt::Answered { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
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
        let outcome = find(&entries, "k", user("hi"));
        assert_eq!(
            (outcome.reply.as_str(), outcome.usage.output_tokens),
            ("Let me see. Done.", 4)
        );
        assert!(matches!(look(&entries, "k", user("ho")), Err(TurnError::KeyReused)));
        assert_eq!(look(&entries, "new", user("hi")).unwrap(), Attempt::None);
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
        assert_eq!(find(&entries, "k", user("hi")).tool_calls[0].name, "theirs");
        let second = find(&entries, "k2", result);
        assert_eq!((second.reply.as_str(), second.tool_calls.len()), ("Done.", 0));
    }

    #[test]
    fn an_attempt_that_broke_off_goes_on_after_its_last_whole_round() {
        let mut lines = vec![
            ("0", Some("older"), user("hi")),
            ("1", Some("k"), user("hi")),
            ("1", None, said("Let me see. ", &["ours"], Stop::ToolCalls)),
            ("1", None, said("ha", &[], Stop::Cancelled)),
        ];
        let Attempt::Open(open) = look(&transcript(lines.clone()), "k", user("hi")).unwrap() else {
            panic!("it has no answer");
        };
        assert_eq!((open.id.as_str(), open.begin, open.since.len()), ("1", 1, 1));
        assert_eq!((open.reply.as_str(), open.usage.output_tokens), ("Let me see. ", 2));
        lines.push(("1", None, said("All of it.", &[], Stop::End)));
        assert_eq!(
            find(&transcript(lines), "k", user("hi")).reply,
            "Let me see. All of it."
        );
    }
}
