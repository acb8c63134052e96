//! The tool calls of a stream of chunks, one after the other: the other styles tell no two at a time.
//!
//! Most providers stream a call to its end before the next one. Some mix the pieces of several, some leave out the index, and some give
//! every call the same: then a new id with a name begins one. (With some, each piece has a new id.)

use serde::de::IgnoredAny;
use serde_json::Value;

use super::text;

/// Brings the calls of one reply in turn.
#[derive(Default)]
pub struct Calls {
    /// All that have begun.
    begun: Vec<Begun>,
    /// The place of the one whose turn it is.
    current: usize,
}

struct Begun {
    index: Option<u64>,
    id: String,
    name: String,
    /// All that came of them.
    arguments: String,
    /// So many bytes of the arguments are told.
    told: usize,
}

/// What is to be told of a call now.
pub struct Piece {
    /// The call's own number within the reply.
    pub place: usize,
    pub id: String,
    pub name: String,
    /// What comes next of its arguments.
    pub arguments: String,
}

impl Calls {
    pub fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// Takes an item of `tool_calls`. A call waits until the arguments of the one before it are whole.
    pub fn take(&mut self, item: &Value) -> Vec<Piece> {
        let place = self.place(item);
        let more = text(&item["function"], "arguments");
        self.begun[place].arguments.push_str(more);
        let mut told = Vec::new();
        while self.current < place && is_whole(&self.begun[self.current].arguments) {
            self.current += 1;
            told.push(self.tell());
        }
        if place == self.current && told.is_empty() {
            told.push(self.tell());
        }
        told
    }

    /// What still waits, when the reply is over.
    pub fn rest(&mut self) -> Vec<Piece> {
        let mut told = Vec::new();
        while self.current + 1 < self.begun.len() {
            self.current += 1;
            told.push(self.tell());
        }
        told
    }

    fn place(&mut self, item: &Value) -> usize {
        let (index, id, name) = (
            item["index"].as_u64(),
            text(item, "id"),
            text(&item["function"], "name"),
        );
        let known = self.begun.iter().rposition(|call| {
            (index.is_none() || call.index == index) && (id.is_empty() || call.id == id || name.is_empty())
        });
        known.unwrap_or_else(|| {
            self.begun.push(Begun {
                index,
                id: id.to_owned(),
                name: name.to_owned(),
                arguments: String::new(),
                told: 0,
            });
            self.begun.len() - 1
        })
    }

    fn tell(&mut self) -> Piece {
        let place = self.current;
        let call = &mut self.begun[place];
        let arguments = call.arguments[call.told..].to_owned();
        call.told = call.arguments.len();
        Piece {
            place,
            id: call.id.clone(),
            name: call.name.clone(),
            arguments,
        }
    }
}

fn is_whole(arguments: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(arguments).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is told of these pieces (index, id, arguments), each call's in brackets, and what of it waited for the end.
    fn told(pieces: &[(Option<u64>, &str, &str)]) -> (String, String) {
        let mut calls = Calls::default();
        let write = |pieces: Vec<Piece>| {
            let pieces = pieces
                .into_iter()
                .map(|piece| format!("{}={}:{} ", piece.place, piece.id, piece.arguments));
            pieces.collect::<String>()
        };
        let at_once = pieces.iter().map(|(index, id, arguments)| {
            let name = if id.is_empty() { "" } else { "weather" };
            let function = json!({"name": name, "arguments": arguments});
            calls.take(&json!({"index": index, "id": id, "function": function}))
        });
        let at_once = write(at_once.flatten().collect());
        (at_once, write(calls.rest()))
    }

    #[test]
    fn a_call_is_told_as_it_comes_and_the_next_one_behind_it() {
        let pieces = [
            (Some(0), "a", ""),
            (Some(0), "", "{\"x\""),
            (Some(0), "", ":1}"),
            (Some(1), "b", "{}"),
        ];
        let said = "0=a: 0=a:{\"x\" 0=a::1} 1=b:{} ";
        assert_eq!(told(&pieces), (said.to_owned(), String::new()));
    }

    #[test]
    fn mixed_pieces_are_put_in_turn() {
        let pieces = [
            (Some(0), "a", "{"),
            (Some(1), "b", "{\"y\":"),
            (Some(0), "", "}"),
            (Some(1), "", "2}"),
        ];
        assert_eq!(told(&pieces), ("0=a:{ 0=a:} 1=b:{\"y\":2} ".to_owned(), String::new()));
        let pieces = [(Some(0), "a", ""), (Some(1), "b", "{}"), (Some(2), "c", "{}")];
        assert_eq!(told(&pieces), ("0=a: ".to_owned(), "1=b:{} 2=c:{} ".to_owned()));
    }

    #[test]
    fn an_id_without_a_name_begins_nothing() {
        let mut calls = Calls::default();
        for id in ["a", "b"] {
            let name = if id == "a" { "weather" } else { "" };
            let told = calls.take(&json!({"index": 0, "id": id, "function": {"name": name, "arguments": "{"}}));
            assert_eq!((told[0].place, told[0].id.as_str()), (0, "a"));
        }
    }

    #[test]
    fn an_id_begins_a_call_where_the_index_does_not() {
        for index in [None, Some(0)] {
            let pieces = [
                (index, "a", "{\"x\""),
                (index, "", ":1}"),
                (index, "b", "{"),
                (index, "", "}"),
            ];
            let said = "0=a:{\"x\" 0=a::1} 1=b:{ 1=b:} ";
            assert_eq!(told(&pieces), (said.to_owned(), String::new()), "{index:?}");
        }
    }
}
