//! A provider's `usage` object, in any of the writings.

use creel_llm::Count;
use serde::Deserialize;
use serde_json::Value;

use crate::style::Style;

/// The believable counts that a provider told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    pub prompt: Option<u64>,
    pub cached: Option<u64>,
    pub written: Option<u64>,
    pub completion: Option<u64>,
    pub reasoning: Option<u64>,
}

impl Reported {
    /// Reads a `usage` object; one that is none tells nothing.
    pub fn parse(style: Style, json: &[u8]) -> Self {
        serde_json::from_slice(json).map_or_else(|_| Self::default(), |usage: WireUsage| usage.reported(style))
    }

    /// As [`Reported::parse`], of one that was read already.
    pub fn of(style: Style, usage: &Value) -> Self {
        WireUsage::deserialize(usage).map_or_else(|_| Self::default(), |usage| usage.reported(style))
    }

    /// Whatever is told anew replaces what was told before.
    pub fn update(&mut self, newer: Self) {
        self.prompt = newer.prompt.or(self.prompt);
        self.cached = newer.cached.or(self.cached);
        self.written = newer.written.or(self.written);
        self.completion = newer.completion.or(self.completion);
        self.reasoning = newer.reasoning.or(self.reasoning);
    }
}

/// All names that the APIs use. Chat completions and embeddings: <https://platform.openai.com/docs/api-reference/chat/object>;
/// responses: <https://platform.openai.com/docs/api-reference/responses/object>; messages:
/// <https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching>; `prompt_cache_hit_tokens`: DeepSeek,
/// <https://api-docs.deepseek.com/guides/kv_cache>; `cached_tokens` at the top: Moonshot; `thinking_tokens`: messages;
/// `cache_write_tokens`: OpenAI and OpenRouter, <https://openrouter.ai/docs/features/prompt-caching>.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct WireUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    input_tokens: Count,
    output_tokens: Count,
    #[serde(deserialize_with = "details")]
    prompt_tokens_details: Details,
    #[serde(deserialize_with = "details")]
    completion_tokens_details: Details,
    #[serde(deserialize_with = "details")]
    input_tokens_details: Details,
    #[serde(deserialize_with = "details")]
    output_tokens_details: Details,
    prompt_cache_hit_tokens: Count,
    cached_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
    cache_write_tokens: Count,
    reasoning_tokens: Count,
    thinking_tokens: Count,
}

/// `null` is as good as nothing.
fn details<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Details, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl WireUsage {
    pub fn reported(&self, style: Style) -> Reported {
        let cached = [
            &self.prompt_tokens_details.cached_tokens,
            &self.input_tokens_details.cached_tokens,
            &self.prompt_cache_hit_tokens,
            &self.cached_tokens,
            &self.cache_read_input_tokens,
        ]
        .into_iter()
        .find_map(|count| count.0);
        let reasoning = [
            &self.completion_tokens_details.reasoning_tokens,
            &self.output_tokens_details.reasoning_tokens,
            &self.output_tokens_details.thinking_tokens,
        ]
        .into_iter()
        .find_map(|count| count.0);
        let written = [
            &self.cache_creation_input_tokens,
            &self.prompt_tokens_details.cache_write_tokens,
            &self.input_tokens_details.cache_write_tokens,
        ]
        .into_iter()
        .find_map(|count| count.0);
        let input = match style {
            Style::Openai => self.prompt_tokens.0.or(self.input_tokens.0),
            // Here the input leaves out what was read from the cache or written to it.
            Style::Anthropic => self.input_tokens.0.map(|input| {
                input
                    .saturating_add(cached.unwrap_or(0))
                    .saturating_add(written.unwrap_or(0))
            }),
        };
        Reported {
            prompt: input.filter(|input| *input > 0),
            cached,
            written,
            completion: self.completion_tokens.0.or(self.output_tokens.0),
            reasoning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(style: Style, json: &str) -> [Option<u64>; 5] {
        let Reported {
            prompt,
            cached,
            written,
            completion,
            reasoning,
        } = Reported::parse(style, json.as_bytes());
        [prompt, cached, written, completion, reasoning]
    }

    #[test]
    fn every_writing() {
        let openai = |json| parse(Style::Openai, json);
        assert_eq!(
            openai(
                r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},
                    "completion_tokens_details":{"reasoning_tokens":3}}"#
            ),
            [Some(10), Some(4), None, Some(5), Some(3)]
        );
        assert_eq!(
            openai(
                r#"{"input_tokens":10,"output_tokens":5,"input_tokens_details":{"cached_tokens":4},"output_tokens_details":{"reasoning_tokens":3}}"#
            ),
            [Some(10), Some(4), None, Some(5), Some(3)]
        );
        assert_eq!(
            openai(
                r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":3}}"#
            ),
            [Some(10), Some(4), Some(3), Some(5), None]
        );
        assert_eq!(
            openai(
                r#"{"input_tokens":10,"output_tokens":5,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":3}}"#
            ),
            [Some(10), Some(0), Some(3), Some(5), None]
        );
        assert_eq!(
            openai(r#"{"prompt_tokens":8,"total_tokens":8}"#),
            [Some(8), None, None, None, None]
        );
        assert_eq!(
            openai(
                r#"{"prompt_tokens":8,"completion_tokens":1,"prompt_cache_hit_tokens":2,"prompt_tokens_details":null}"#
            ),
            [Some(8), Some(2), None, Some(1), None]
        );
        assert_eq!(
            parse(
                Style::Anthropic,
                r#"{"input_tokens":10,"cache_read_input_tokens":4,"cache_creation_input_tokens":1,"output_tokens":7,"service_tier":"standard"}"#
            ),
            [Some(15), Some(4), Some(1), Some(7), None]
        );
        assert_eq!(
            parse(
                Style::Anthropic,
                r#"{"input_tokens":10,"output_tokens":7,"output_tokens_details":{"thinking_tokens":5}}"#
            ),
            [Some(10), None, None, Some(7), Some(5)]
        );
    }

    #[test]
    fn lies_and_garbage_tell_nothing() {
        assert_eq!(
            parse(
                Style::Openai,
                r#"{"prompt_tokens":-5,"completion_tokens":1e99,"prompt_tokens_details":{"cached_tokens":"x"}}"#
            ),
            [None; 5]
        );
        for json in [
            "",
            "null",
            "7",
            "[]",
            "{",
            r#"{"prompt_tokens_details":7,"prompt_tokens":1}"#,
        ] {
            assert_eq!(parse(Style::Openai, json), [None; 5], "{json}");
        }
    }
}
