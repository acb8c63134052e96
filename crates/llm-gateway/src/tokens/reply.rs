//! What a model said, kept until its provider has said how many tokens that was.

use serde_json::Value;

use super::json::{Sum, unescaped};
use crate::estimate;

/// The rest of a longer stream counts like its beginning. There may be a thousand of them.
const KEPT: usize = 64 * 1024;
/// A document is there for a moment only, and of half of one nobody knows what is text.
const DOCUMENT: usize = 1024 * 1024;
/// Hardly any token has more bytes.
const TOKEN: u64 = 8;

/// The texts of a stream, or a document.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    kept: Vec<u8>,
    /// Bytes in all.
    length: u64,
    is_document: bool,
}

impl Reply {
    /// A text of a stream, as it stands in a JSON string.
    pub fn said(&mut self, text: &[u8]) {
        let most = if self.is_document { DOCUMENT } else { KEPT };
        let room = most.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&text[..text.len().min(room)]);
        self.length += text.len() as u64;
    }

    /// A piece of a reply that is one document.
    pub fn document(&mut self, piece: &[u8]) {
        self.is_document = true;
        self.said(piece);
    }

    /// A document that is an error and nothing else, whatever its status said.
    pub fn is_error(&self) -> bool {
        let document: Value = match self.is_document {
            true => serde_json::from_slice(&self.kept).unwrap_or_default(),
            false => return false,
        };
        let says = |name: &str| !document[name].is_null();
        says("error") && !["choices", "output", "content", "data"].into_iter().any(says)
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Tokens that it has at least, or nearly so. A document may say much besides (`logprobs`): nothing is said of one.
    pub fn at_least(&self) -> u64 {
        if self.is_document { 0 } else { self.length / TOKEN }
    }

    /// Counts them.
    pub fn tokens(&self) -> u64 {
        let mut sum = Sum::default();
        match serde_json::from_slice(&self.kept) {
            Ok(document) if self.is_document => said(&mut sum, &document),
            _ => sum.text(&unescaped(&self.kept)),
        }
        self.of_all(sum.tokens)
    }

    /// About so many, without a tokenizer.
    pub fn about(&self) -> u64 {
        self.of_all(estimate::text(&self.kept))
    }

    fn of_all(&self, of_kept: u64) -> u64 {
        of_kept * self.length / (self.kept.len() as u64).max(1)
    }
}

/// What the model says in a document, in the members of all APIs.
fn said(sum: &mut Sum, document: &Value) {
    for choice in document["choices"].as_array().into_iter().flatten() {
        message(sum, &choice["message"]);
    }
    for name in ["content", "output"] {
        for item in document[name].as_array().into_iter().flatten() {
            message(sum, item);
        }
    }
}

fn message(sum: &mut Sum, message: &Value) {
    let members = message.as_object().into_iter().flatten();
    // Whose it is, nobody says.
    members
        .filter(|(name, _)| *name != "role")
        .for_each(|(name, value)| sum.member(name, value));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(document: &Value) -> u64 {
        let mut reply = Reply::default();
        reply.document(document.to_string().as_bytes());
        reply.tokens()
    }

    fn stream<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
        let mut reply = Reply::default();
        texts.into_iter().for_each(|text| reply.said(text.as_bytes()));
        reply.tokens()
    }

    #[test]
    fn a_stream_and_a_document_count_alike_in_every_writing() {
        let said = "It is sunny in Kyiv.\nReally.";
        let tokens = stream(["It is sun", "ny in Kyiv.\\nReally."]);
        assert_eq!(tokens, 8);
        let message = json!({"role": "assistant", "content": said, "refusal": null});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": [{"token": "It"}]}});
        assert_eq!(
            document(&json!({"id": "chatcmpl-1", "model": "m", "choices": [choice]})),
            tokens
        );
        assert_eq!(
            document(&json!({"id": "msg_1", "role": "assistant", "content": [{"type": "text", "text": said}]})),
            tokens
        );
        assert_eq!(
            document(
                &json!({"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]}]})
            ),
            tokens
        );
        let call = json!({"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather",
            "arguments": "{\"city\":\"Kyiv\"}"}}]});
        assert_eq!(
            document(&json!({"choices": [{"message": call}]})),
            document(
                &json!({"content": [{"type": "tool_use", "id": "x", "name": "weather", "input": {"city": "Kyiv"}}]})
            )
        );
    }

    #[test]
    fn half_a_document_and_a_long_stream_count_too() {
        let mut reply = Reply::default();
        reply.document(br#"{"choices":[{"message":{"content":"It is sun"#);
        assert!(reply.tokens() > 5);
        let long = "word ".repeat(100_000);
        assert_eq!(stream([long.as_str()]) / 1_000, 100);
        assert_eq!((stream([]), document(&json!({}))), (0, 0));
    }
}
