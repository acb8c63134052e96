//! How many tokens a call took, as each API tells it. What is read of a provider's words is what the metering reads of them.

use serde_json::{Value, json};

use super::items;
use crate::style::Style;
use crate::usage::Reported;

/// What a completion or one of its chunks tells of the usage. Moonshot tells it within the choice: <https://platform.moonshot.ai/docs/api/chat>.
pub fn told(completion: &Value) -> Option<&Value> {
    let within = items(completion, "choices").map(|choice| &choice["usage"]);
    std::iter::once(&completion["usage"])
        .chain(within)
        .find(|usage| usage.is_object())
}

/// A message's usage, as a completion's. There the input includes what the cache had and got; here it does not.
pub fn of_message(usage: &Value) -> Value {
    let of = Reported::of(Style::Anthropic, usage);
    let (input, output) = (of.prompt.unwrap_or_default(), of.completion.unwrap_or_default());
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output),
        "prompt_tokens_details": {
            "cached_tokens": of.cached.unwrap_or_default(), "cache_write_tokens": of.written.unwrap_or_default(),
        },
        "completion_tokens_details": {"reasoning_tokens": of.reasoning.unwrap_or_default()},
    })
}

/// A completion's usage, as a message's.
pub fn for_message(usage: &Value) -> Value {
    let of = Reported::of(Style::Openai, usage);
    let (cached, written) = (of.cached.unwrap_or_default(), of.written.unwrap_or_default());
    let input = of.prompt.unwrap_or_default();
    let mut told = json!({
        "input_tokens": input.saturating_sub(cached).saturating_sub(written),
        "output_tokens": of.completion.unwrap_or_default(),
        "cache_read_input_tokens": cached, "cache_creation_input_tokens": written,
    });
    if let Some(reasoning) = of.reasoning {
        told["output_tokens_details"] = json!({"thinking_tokens": reasoning});
    }
    told
}

/// A completion's usage, as a response's; null where none was told.
pub fn for_response(usage: &Value) -> Value {
    let of = Reported::of(Style::Openai, usage);
    let Some(input) = of.prompt else {
        return Value::Null;
    };
    let output = of.completion.unwrap_or_default();
    json!({
        "input_tokens": input, "output_tokens": output, "total_tokens": input.saturating_add(output),
        "input_tokens_details": {
            "cached_tokens": of.cached.unwrap_or_default(), "cache_write_tokens": of.written.unwrap_or_default(),
        },
        "output_tokens_details": {"reasoning_tokens": of.reasoning.unwrap_or_default()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_lost_on_the_way_there_and_back() {
        let message = json!({
            "input_tokens": 10, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 3, "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 5},
        });
        let completion = of_message(&message);
        assert_eq!(completion["prompt_tokens"], 17);
        assert_eq!(for_message(&completion), message);
        let response = for_response(&completion);
        assert_eq!(
            response["input_tokens_details"],
            json!({"cached_tokens": 4, "cache_write_tokens": 3})
        );
        assert_eq!(
            (&response["total_tokens"], &response["output_tokens_details"]),
            (&json!(26), &json!({"reasoning_tokens": 5}))
        );
    }

    #[test]
    fn it_is_found_wherever_it_is_told() {
        let usage = json!({"prompt_tokens": 8, "completion_tokens": 2, "prompt_cache_hit_tokens": 6});
        for chunk in [
            json!({"choices": [], "usage": usage}),
            json!({"choices": [{"usage": usage}]}),
            json!({"choices": [{"delta": {}}, {"usage": usage}], "usage": null}),
        ] {
            assert_eq!(told(&chunk), Some(&usage), "{chunk}");
        }
        assert_eq!(told(&json!({"choices": [{"delta": {}}], "usage": null})), None);
        let message = for_message(&usage);
        assert_eq!(
            (&message["input_tokens"], &message["cache_read_input_tokens"]),
            (&json!(2), &json!(6))
        );
    }
}
