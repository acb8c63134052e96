//! What a reply is made of.

use std::ops::AddAssign;

/// One step of a reply. A whole reply ends with exactly one [`Event::Finish`]; whatever ends otherwise ends with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next piece of the text, never empty.
    Text(String),
    /// The next piece of what a reasoning model thinks aloud; no part of the answer.
    Reasoning(String),
    /// A complete call.
    ToolCall(ToolCall),
    Finish {
        stop: Stop,
        /// `None`: the provider did not say.
        usage: Option<Usage>,
    },
}

/// The model wants a tool called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The provider's name for the call; its result must carry it. Made up here where a provider gives none.
    pub id: String,
    pub name: String,
    /// JSON text as the model wrote it, `{}` where it wrote nothing. A model can write broken JSON.
    pub arguments: String,
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The model was done.
    End,
    /// The limit of tokens was reached.
    Length,
    /// The model waits for the results of its calls.
    ToolCalls,
    /// The provider withheld the rest, or the model declined.
    ContentFilter,
}

/// What a reply cost, in tokens as the provider counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All of the input, the cached part included.
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// The part of the input that came from the provider's cache.
    pub cached_tokens: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
    }
}
