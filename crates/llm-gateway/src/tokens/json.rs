//! Texts within JSON: of whole documents by their members, of excerpts as they stand.

use serde_json::Value;

use super::split;
use crate::estimate::ATTACHMENT;
use crate::tokens::merge::Merger;

/// Members that say what another is, or whose: no model reads them.
const UNSAID: [&str; 11] = [
    "type",
    "id",
    "call_id",
    "tool_call_id",
    "tool_use_id",
    "index",
    "status",
    "signature",
    "cache_control",
    "annotations",
    "logprobs",
];

/// Parts of a message that are no text, in the writings of all APIs.
const ATTACHMENTS: [&str; 7] = [
    "image_url",
    "image",
    "input_image",
    "input_audio",
    "file",
    "input_file",
    "document",
];

/// Adds up tokens.
#[derive(Default)]
pub struct Sum {
    merger: Merger,
    pub tokens: u64,
}

impl Sum {
    pub fn text(&mut self, text: &str) {
        self.tokens += split::pieces(text)
            .map(|piece| self.merger.count(piece.as_bytes()))
            .sum::<u64>();
    }

    /// What is said in a value, however deep.
    pub fn said(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.said(item)),
            Value::Object(members) => {
                let kind = members.get("type").and_then(Value::as_str).unwrap_or_default();
                // A document may also be a text.
                if ATTACHMENTS.contains(&kind) && value["source"]["type"] != "text" {
                    self.tokens += ATTACHMENT;
                    return;
                }
                members.iter().for_each(|(name, value)| self.member(name, value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What is said in a member of an object.
    pub fn member(&mut self, name: &str, value: &Value) {
        match value {
            // Anthropic's tools are given an object, which the model has written as JSON.
            Value::Object(_) if name == "input" => self.written(value),
            _ if UNSAID.contains(&name) => {}
            _ => self.said(value),
        }
    }

    /// A value that the model reads or writes as JSON: what tools there are, of what form the reply is to be, what a tool is given.
    pub fn written(&mut self, value: &Value) {
        self.text(&value.to_string());
    }
}

/// What stands in a JSON string, or in an excerpt of JSON: with its escapes told. What is no UTF-8 or no escape is replaced.
pub fn unescaped(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut told = String::with_capacity(text.len());
    let mut units = Vec::new();
    let mut rest = &*text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        told.push_str(before);
        let code = escape.get(2..6).filter(|_| escape.as_bytes().get(1) == Some(&b'u'));
        if let Some(unit) = code.and_then(|code| u16::from_str_radix(code, 16).ok()) {
            units.push(unit);
            rest = &escape[6..];
            // Halves of a character follow each other.
            if !rest.starts_with("\\u") {
                told.extend(
                    char::decode_utf16(units.drain(..)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)),
                );
            }
            continue;
        }
        let mut escaped = escape[1..].chars();
        told.extend(escaped.next().map(|escaped| match escaped {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            other => other,
        }));
        rest = escaped.as_str();
    }
    told.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_told_and_whatever_is_none_passes() {
        for (written, told) in [
            (r#"one\ntwo\t\"x\" \\ \/"#, "one\ntwo\t\"x\" \\ /"),
            (r"\u4f60\u597D \ud83e\udd9e!", "你好 🦞!"),
            (r"\ud83e x \uzzzz \", "\u{fffd} x uzzzz "),
            (r"end \u4f60", "end 你"),
        ] {
            assert_eq!(unescaped(written.as_bytes()), told);
        }
        assert_eq!(unescaped(&"你".as_bytes()[1..]), "\u{fffd}\u{fffd}");
    }
}
