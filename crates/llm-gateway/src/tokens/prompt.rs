//! What a client asked, kept until its provider has said how many tokens that was.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::json::{Sum, unescaped};
use crate::estimate::{self, ATTACHMENT};

/// A request that is larger is kept in excerpts, because a reply may take minutes, and there may be a thousand of them.
const KEPT: usize = 64 * 1024;
/// One of them.
const EXCERPT: usize = 4 * 1024;

/// What every message costs besides its texts, and what begins the reply: OpenAI's own rule,
/// <https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken>.
const MESSAGE: u64 = 3;
const REPLY: u64 = 3;

/// The texts of a request.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// All of the body, or excerpts of its texts.
    kept: Bytes,
    /// Bytes of the texts of which `kept` holds excerpts; `None`: it is whole.
    excerpts_of: Option<u64>,
    attachments: u64,
}

impl Prompt {
    /// Of a request's body. Without a copy, unless it is large.
    pub fn keep(body: &Bytes) -> Self {
        if body.len() <= KEPT {
            return Self {
                kept: body.clone(),
                ..Self::default()
            };
        }
        let texts: Vec<&[u8]> = estimate::texts(body).collect();
        let length: usize = texts.iter().map(|text| text.len()).sum();
        // As many from everywhere; all of it, where it was large only for what was attached.
        let step = EXCERPT * length.div_ceil(KEPT).max(1);
        let mut kept = Vec::with_capacity(length.min(KEPT));
        for text in &texts {
            let excerpts = text.chunks(step).map(|chunk| &chunk[..chunk.len().min(EXCERPT)]);
            excerpts.for_each(|excerpt| kept.extend_from_slice(excerpt));
        }
        Self {
            kept: kept.into(),
            excerpts_of: Some(length as u64),
            attachments: texts.len() as u64 - 1,
        }
    }

    /// Counts them.
    pub fn tokens(&self) -> u64 {
        let mut sum = Sum::default();
        if let Some(length) = self.excerpts_of {
            sum.text(&unescaped(&self.kept));
            let kept = (self.kept.len() as u64).max(1);
            return sum.tokens * length / kept + self.attachments * ATTACHMENT;
        }
        match serde_json::from_slice(&self.kept) {
            Ok(Value::Object(members)) => request(&mut sum, &members),
            // `ask` takes nothing else.
            _ => sum.text(&unescaped(&self.kept)),
        }
        sum.tokens
    }
}

/// What the model is given to read, in the members of all APIs.
fn request(sum: &mut Sum, members: &Map<String, Value>) {
    for name in ["messages", "input"] {
        match members.get(name) {
            Some(Value::Array(items)) => items.iter().for_each(|item| message(sum, item)),
            Some(other) => sum.said(other),
            None => {}
        }
    }
    for name in ["system", "instructions"] {
        members.get(name).into_iter().for_each(|value| sum.said(value));
    }
    for name in ["tools", "functions", "response_format"] {
        members.get(name).into_iter().for_each(|value| sum.written(value));
    }
    if members.contains_key("messages") {
        sum.tokens += REPLY;
    }
}

fn message(sum: &mut Sum, item: &Value) {
    match item {
        Value::Object(_) => {
            sum.tokens += MESSAGE;
            sum.said(item);
        }
        // Of embeddings: a text, a token that the client has counted itself, or a list of such.
        Value::Number(_) => sum.tokens += 1,
        Value::Array(items) => items.iter().for_each(|item| message(sum, item)),
        other => sum.said(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tokens(body: &Value) -> u64 {
        Prompt::keep(&body.to_string().into()).tokens()
    }

    #[test]
    fn texts_count_and_what_is_said_of_them_does_not() {
        // The cookbook's own example, which OpenAI says is 124 tokens of gpt-4o.
        let say = |name: &str, content: &str| json!({"role": "system", "name": name, "content": content});
        let messages = json!([
            {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
            say("example_user", "New synergies will help drive top-line growth."),
            say("example_assistant", "Things working well together will increase revenue."),
            say("example_user", "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."),
            say("example_assistant", "Let's talk later when we're less busy about how to do better."),
            {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."},
        ]);
        // Of which one for each of the four names, which no other API knows.
        let counted = tokens(&json!({"model": "gpt-4o", "temperature": 0, "messages": messages}));
        assert_eq!(counted, 124 - 4);
    }

    #[test]
    fn every_writing() {
        let text = tokens(&json!({"input": "How is the weather?"}));
        assert_eq!(text, 5);
        let whole = |body: Value| tokens(&body);
        assert_eq!(
            whole(json!({"input": ["How is the weather?", "How is the weather?"]})),
            2 * text
        );
        assert_eq!(whole(json!({"input": [[1, 2, 3], [4]]})), 4);
        let role = 1;
        assert_eq!(
            whole(
                json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "How is the weather?"}]}]})
            ),
            MESSAGE + role + text
        );
        let message = json!({"role": "user", "content": "How is the weather?"});
        let bare = whole(json!({"messages": [message]}));
        assert_eq!(bare, MESSAGE + role + text + REPLY);
        assert_eq!(
            whole(json!({"messages": [message], "system": "How is the weather?"})),
            bare + text
        );
        let image =
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://h/x.png"}}]});
        assert_eq!(
            whole(json!({"messages": [message, image]})),
            bare + MESSAGE + role + ATTACHMENT
        );
        assert!(whole(json!({"messages": [message], "tools": [{"name": "weather"}]})) > bare);
    }

    #[test]
    fn a_large_request_counts_by_its_excerpts() {
        let text = include_str!("split.rs").repeat(40);
        let all = tokens(&json!({"input": text}));
        let whole = 40 * tokens(&json!({"input": include_str!("split.rs")}));
        assert!(all.abs_diff(whole) < whole / 20, "{all} of {whole}");
    }

    #[test]
    fn what_is_attached_is_not_kept() {
        let data = format!("data:image/png;base64,{}", "A".repeat(1_000_000));
        let body = json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": data}}]}]});
        let prompt = Prompt::keep(&body.to_string().into());
        assert!(prompt.kept.len() < 200);
        assert!(
            (ATTACHMENT..ATTACHMENT + 60).contains(&prompt.tokens()),
            "{}",
            prompt.tokens()
        );
    }
}
