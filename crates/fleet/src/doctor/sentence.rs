//! What a finding says: in English, and for whoever says it in another language by a code with arguments.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// One sentence. As text it is English; serialized it is its code and arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Stable: it says the same in every version, in whatever words.
    pub code: &'static str,
    /// By name: numbers and strings as they are, other sentences as they are serialized.
    pub arguments: Map<String, Value>,
    text: String,
}

/// `arguments` is the object that the text is made of.
#[must_use]
pub fn say(code: &'static str, arguments: Value, text: impl Into<String>) -> Sentence {
    let arguments = match arguments {
        Value::Object(arguments) => arguments,
        _ => Map::new(),
    };
    Sentence {
        code,
        arguments,
        text: text.into(),
    }
}

/// A command to type, which is the same in every language.
#[must_use]
pub fn command(text: impl Into<String>) -> Sentence {
    say("command", Value::Null, text)
}

impl Deref for Sentence {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut said = Map::from_iter([("code".to_owned(), self.code.into())]);
        if !self.arguments.is_empty() {
            said.insert("arguments".to_owned(), Value::Object(self.arguments.clone()));
        }
        said.serialize(serializer)
    }
}

/// `1 instance`, `2 instances`
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
