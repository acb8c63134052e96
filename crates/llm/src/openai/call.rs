//! Puts tool calls together from their pieces.
//!
//! OpenAI sends a call's id and name in its first piece and the arguments in many, all under the call's `index`. Others
//! leave out the index, give every call the index 0 (then the id tells them apart), send all in one piece, or give no id.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde_json::Value;

use crate::decode;
use crate::event::ToolCall;

#[derive(Deserialize)]
pub struct Piece {
    index: Option<u32>,
    id: Option<String>,
    function: Option<FunctionPiece>,
}

#[derive(Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    arguments: Option<Arguments>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Arguments {
    Text(String),
    /// Not what the API says, but what some local model servers send.
    Json(Value),
}

/// The calls of one reply so far.
#[derive(Default)]
pub struct Calls(Vec<Call>);

struct Call {
    index: Option<u32>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, piece: Piece) {
        let id = piece.id.unwrap_or_default();
        let known = self.0.iter().rposition(|call| match piece.index {
            Some(index) => call.index == Some(index) && (id.is_empty() || call.id.is_empty() || call.id == id),
            None => id.is_empty() || call.id == id,
        });
        let position = known.unwrap_or_else(|| {
            self.0.push(Call {
                index: piece.index,
                id: String::new(),
                name: String::new(),
                arguments: String::new(),
            });
            self.0.len() - 1
        });
        let call = &mut self.0[position];
        if call.id.is_empty() {
            call.id = id;
        }
        let Some(function) = piece.function else { return };
        if call.name.is_empty() {
            call.name = function.name.unwrap_or_default();
        }
        match function.arguments {
            Some(Arguments::Text(text)) => call.arguments.push_str(&text),
            Some(Arguments::Json(Value::Null)) | None => {}
            Some(Arguments::Json(value)) => call.arguments.push_str(&value.to_string()),
        }
    }

    /// The calls, whole.
    pub fn take(&mut self) -> impl Iterator<Item = ToolCall> {
        std::mem::take(&mut self.0).into_iter().map(|call| ToolCall {
            id: if call.id.is_empty() { made_up_id() } else { call.id },
            name: call.name,
            arguments: decode::arguments(call.arguments),
        })
    }
}

/// Unique in the conversation, also over restarts.
fn made_up_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let random = getrandom::u64().unwrap_or_default();
    format!("call_{random:016x}{:x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn put_together(pieces: Value) -> Vec<ToolCall> {
        let mut calls = Calls::default();
        for piece in serde_json::from_value::<Vec<Piece>>(pieces).unwrap() {
            calls.add(piece);
        }
        calls.take().collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    #[test]
    fn pieces_of_several_calls_mixed() {
        let pieces = json!([
            {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
            {"index": 0, "function": {"arguments": "{\"x\":"}},
            {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            {"index": 0, "function": {"arguments": "1}"}},
        ]);
        assert_eq!(
            put_together(pieces),
            [call("a", "f", "{\"x\":1}"), call("b", "g", "{}")]
        );
    }

    #[test]
    fn calls_that_share_the_index_differ_by_id() {
        let pieces = json!([
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
            {"index": 0, "id": "b", "function": {"name": "f", "arguments": "[1]"}},
        ]);
        assert_eq!(put_together(pieces), [call("a", "f", "{}"), call("b", "f", "[1]")]);
    }

    #[test]
    fn without_index() {
        let pieces = json!([
            {"id": "a", "function": {"name": "f", "arguments": "{\"x\""}},
            {"function": {"arguments": ":1}"}},
            {"id": "b", "function": {"name": "g", "arguments": {"y": 2}}},
        ]);
        assert_eq!(
            put_together(pieces),
            [call("a", "f", "{\"x\":1}"), call("b", "g", "{\"y\":2}")]
        );
    }

    #[test]
    fn a_call_without_id_or_arguments_gets_them() {
        let made =
            put_together(json!([{"index": 0, "function": {"name": "f"}}, {"index": 1, "function": {"name": "g"}}]));
        assert_eq!(made.len(), 2);
        assert!(!made[0].id.is_empty() && made[0].id != made[1].id);
        assert_eq!(made[0].arguments, "{}");
    }
}
