//! How many tokens a call took: what the provider says, read by rules that hold for providers that lie, and an estimate where it
//! says nothing.
//!
//! The rules:
//! - What is told twice counts once: of each count the last that was told (both APIs tell running totals, never differences).
//! - A count that is negative, no whole number, or above [`IMPLAUSIBLE`] was not told.
//! - No tokens of a prompt were not told (every prompt has some), nor were none of a reply in which something was seen.
//! - Prompt or completion tokens that were not told are counted by a tokenizer (see `tokens`), and the whole usage is marked as estimated.
//! - The cached, written and reasoning parts are never more than the whole they are part of.

mod reported;
mod stream;

pub use reported::Reported;
pub use stream::{Seen, StreamReader};

pub use crate::estimate::OfRequest;
pub use creel_llm::IMPLAUSIBLE;

use bytes::Bytes;

use crate::estimate;
use crate::ledger::Usage;
use crate::tokens::{Prompt, Reply};

/// The tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of the input.
    pub prompt: u64,
    /// The part of the input that was read from the provider's cache.
    pub cached: u64,
    /// The part of the input that was written to the cache.
    pub written: u64,
    /// All of the output.
    pub completion: u64,
    /// The part of the output that the model thought.
    pub reasoning: u64,
    /// Something of it was not told by the provider.
    pub estimated: bool,
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        Self {
            prompt: counts.prompt,
            completion: counts.completion,
            cached: counts.cached,
            reasoning: counts.reasoning,
            estimated: counts.estimated,
        }
    }
}

/// What is known of a call's usage while it runs.
#[derive(Clone, Debug)]
pub struct Tally {
    reported: Reported,
    prompt: Prompt,
    /// Tokens of the prompt, as estimated before it was sent.
    prompt_about: u64,
    /// What the model was seen to say.
    reply: Reply,
    /// The model says nothing (embeddings): output is not counted.
    is_silent: bool,
}

/// What counts the tokens that were not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Tokenizer,
    /// The quick estimate.
    Table,
}

impl Tally {
    /// `prompt_about`: tokens of the request's body, as estimated before it is sent.
    pub fn new(body: &Bytes, prompt_about: u64) -> Self {
        Self {
            reported: Reported::default(),
            prompt: Prompt::keep(body),
            prompt_about,
            reply: Reply::default(),
            is_silent: false,
        }
    }

    /// For calls without output, whatever their reply looks like.
    #[must_use]
    pub fn silent(self) -> Self {
        Self {
            is_silent: true,
            ..self
        }
    }

    pub fn report(&mut self, newer: Reported) {
        self.reported.update(newer);
        if self.reported.prompt.is_some() {
            self.prompt = Prompt::default();
        }
    }

    /// The model said this, as it stands in a JSON string.
    pub fn said(&mut self, text: &[u8]) {
        if !self.is_silent {
            self.reply.said(text);
        }
    }

    /// A piece of a reply that is one document.
    pub fn document(&mut self, piece: &[u8]) {
        if !self.is_silent {
            self.reply.document(piece);
        }
    }

    /// What was seen is an error and no reply.
    pub fn is_error(&self) -> bool {
        self.reply.is_error()
    }

    /// Output tokens, by what was seen alone: at least so many, or nearly so.
    pub fn seen_at_least(&self) -> u64 {
        self.reply.at_least()
    }

    /// What a call costs at least once it is sent: its prompt.
    pub fn sent(&self) -> Counts {
        Counts {
            prompt: self.prompt_about,
            estimated: true,
            ..Counts::default()
        }
    }

    /// Nothing is left to be counted. `done`: the reply is whole.
    pub fn is_told(&self, done: bool) -> bool {
        self.reported.prompt.is_some() && (self.is_silent || (done && self.completion_told().is_some()))
    }

    fn completion_told(&self) -> Option<u64> {
        let told = self.reported.completion;
        told.filter(|told| *told > 0 || self.reply.is_empty())
    }

    /// The call's tokens by all that is known now. `done`: the reply is whole. Before that, the count that was told last may be an
    /// old one (Anthropic's first event tells one token of output), so what was seen counts if it is more.
    pub fn counts(&self, done: bool, by: By) -> Counts {
        let Reported {
            prompt,
            cached,
            written,
            reasoning,
            ..
        } = self.reported;
        let seen = || match by {
            By::Tokenizer => self.reply.tokens(),
            By::Table => self.reply.about(),
        };
        let (completion_tokens, completion_told) = match self.completion_told() {
            None if self.is_silent => (0, true),
            Some(told) if done => (told, true),
            told => (seen().max(told.unwrap_or(0)), false),
        };
        let prompt_tokens = prompt.unwrap_or_else(|| match by {
            By::Tokenizer => self.prompt.tokens(),
            By::Table => self.prompt_about,
        });
        let cached = cached.unwrap_or_default().min(prompt_tokens);
        Counts {
            prompt: prompt_tokens,
            cached,
            written: written.unwrap_or_default().min(prompt_tokens - cached),
            completion: completion_tokens,
            reasoning: reasoning.unwrap_or_default().min(completion_tokens),
            estimated: prompt.is_none() || !completion_told,
        }
    }
}

/// Tokens of a request's body before it is sent.
pub fn of_request(body: &[u8]) -> OfRequest {
    estimate::request(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::Style;

    fn asked() -> Tally {
        Tally::new(&Bytes::from_static(br#"{"input":"a prompt of tokens"}"#), 99)
    }

    fn reported(prompt: u64, completion: u64) -> Reported {
        Reported {
            prompt: Some(prompt),
            completion: Some(completion),
            ..Reported::default()
        }
    }

    #[test]
    fn what_is_told_counts_and_what_is_told_again_counts_once() {
        let mut tally = asked();
        tally.said(b"some text");
        assert!(!tally.is_told(true));
        tally.report(reported(10, 2));
        tally.report(reported(10, 2));
        assert!(tally.is_told(true) && !tally.is_told(false));
        let counts = tally.counts(true, By::Table);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (10, 2, false));
    }

    #[test]
    fn what_is_not_told_is_counted() {
        let mut tally = asked();
        tally.said(b"two words");
        let counts = tally.counts(true, By::Tokenizer);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (4, 2, true));
        let counts = tally.counts(true, By::Table);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (99, 2, true));
        tally.report(Reported {
            prompt: Some(5),
            ..Reported::default()
        });
        let counts = tally.counts(true, By::Tokenizer);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (5, 2, true));
    }

    #[test]
    fn nothing_is_no_count_of_a_prompt_nor_of_what_was_seen() {
        let mut tally = asked();
        let nothing = Reported::parse(Style::Openai, br#"{"prompt_tokens":0,"completion_tokens":0}"#);
        tally.report(nothing);
        assert!(!tally.is_told(true));
        let counts = tally.counts(true, By::Table);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (99, 0, true));
        tally.report(reported(7, 0));
        assert!(tally.is_told(true), "a reply may be empty");
        tally.said(b"two words");
        assert!(!tally.is_told(true));
        let counts = tally.counts(true, By::Tokenizer);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (7, 2, true));
        let silent = Tally::new(&Bytes::new(), 9).silent();
        assert_eq!(silent.counts(true, By::Table).completion, 0);
    }

    #[test]
    fn a_reply_that_broke_off_counts_what_was_seen() {
        let mut tally = asked();
        tally.report(reported(10, 1));
        tally.said(&b"word ".repeat(100));
        let counts = tally.counts(false, By::Tokenizer);
        assert_eq!((counts.prompt, counts.completion, counts.estimated), (10, 101, true));
        assert_eq!(
            tally.counts(true, By::Tokenizer).completion,
            1,
            "had it ended, the provider's word would count"
        );
    }

    #[test]
    fn parts_are_never_more_than_the_whole() {
        let mut tally = asked();
        tally.report(Reported {
            cached: Some(50),
            written: Some(50),
            reasoning: Some(50),
            ..reported(60, 7)
        });
        let counts = tally.counts(true, By::Table);
        assert_eq!((counts.cached, counts.written, counts.reasoning), (50, 10, 7));
    }
}
