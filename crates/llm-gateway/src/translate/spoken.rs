//! What a response has as texts: what the model thinks, and what it says. Its API has an item of its own for either:
//! <https://platform.openai.com/docs/api-reference/responses/object#responses-object-output>.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    Thought,
    Message,
}

impl Spoken {
    /// The item's id, in the response of a completion.
    pub fn id(self, completion: &str, index: usize) -> String {
        match self {
            // A model may think, say something and think again.
            Self::Thought => format!("rs_{completion}_{index}"),
            Self::Message => format!("msg_{completion}"),
        }
    }

    /// The item, as it begins.
    pub fn begun(self, id: &str) -> Value {
        match self {
            Self::Thought => {
                json!({"type": "reasoning", "id": id, "status": "in_progress", "summary": [], "content": []})
            }
            Self::Message => {
                json!({"type": "message", "id": id, "status": "in_progress", "role": "assistant", "content": []})
            }
        }
    }

    /// The item, once all of it is known.
    pub fn whole(self, id: &str, said: &str) -> Value {
        match self {
            // A summary would be somebody else's words.
            Self::Thought => json!({
                "type": "reasoning", "id": id, "status": "completed", "summary": [], "content": [self.part(said)],
            }),
            Self::Message => {
                let content = json!([{"type": "output_text", "text": said, "annotations": [], "logprobs": []}]);
                json!({"type": "message", "id": id, "status": "completed", "role": "assistant", "content": content})
            }
        }
    }

    /// Its one part.
    pub fn part(self, said: &str) -> Value {
        match self {
            Self::Thought => json!({"type": "reasoning_text", "text": said}),
            Self::Message => json!({"type": "output_text", "text": said, "annotations": []}),
        }
    }

    /// The event that tells more of the text.
    pub fn delta(self) -> &'static str {
        match self {
            Self::Thought => "response.reasoning_text.delta",
            Self::Message => "response.output_text.delta",
        }
    }

    /// The event that tells all of the text.
    pub fn done(self) -> &'static str {
        match self {
            Self::Thought => "response.reasoning_text.done",
            Self::Message => "response.output_text.done",
        }
    }

    /// A place in the stream, with a text that is told there.
    pub fn place(self, id: &str, index: usize, name: &str, said: &str) -> Value {
        let mut place = json!({"item_id": id, "output_index": index, "content_index": 0, name: said});
        if self == Self::Message {
            place["logprobs"] = json!([]);
        }
        place
    }
}
