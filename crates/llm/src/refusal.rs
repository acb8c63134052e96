//! From a provider's refusal to an [`Error`].
//!
//! OpenAI: `{"error":{"message","type","code"}}`, <https://platform.openai.com/docs/guides/error-codes>. Anthropic:
//! `{"type":"error","error":{"type","message"}}`, <https://docs.anthropic.com/en/api/errors>. Both can also come in the
//! midst of a stream that began with 200. Many others send one or the other, a bare string, or a proxy's HTML page.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Kind};
use crate::target::{ApiKey, Target};

/// The longest text of a provider that is repeated to the user, in characters.
const MAX_DETAIL: usize = 300;

/// A refusal by status.
pub fn by_status(status: u16, body: &[u8], retry_after: Option<Duration>, secrets: &Secrets) -> Error {
    let refusal = Refusal::parse(body);
    let kind = match status {
        401 | 403 => Kind::Unauthorized,
        402 => Kind::OutOfCredits,
        404 | 300..=399 => Kind::NotFound,
        408 => Kind::Timeout,
        429 => Kind::RateLimited { retry_after },
        503 | 529 => Kind::Overloaded,
        500.. => Kind::Server,
        _ => Kind::BadRequest,
    };
    let kind = match refusal.kind() {
        // The status is vague where the text is not: a quota that is used up is a 429, a long prompt a 400 or 413.
        Some(told @ (Kind::OutOfCredits | Kind::ContextTooLong)) if status < 500 => told,
        _ => kind,
    };
    let detail = match status {
        300..=399 => "it redirects elsewhere, where the key must not go; check the provider's base URL".to_owned(),
        _ => secrets.detail(&refusal.message),
    };
    Error::new(kind, detail).with_status(status)
}

/// A refusal in the midst of a reply, from the value of its `error`.
pub fn in_stream(error: &Value, secrets: &Secrets) -> Error {
    let refusal = Refusal::of(error);
    Error::new(refusal.kind().unwrap_or(Kind::Server), secrets.detail(&refusal.message))
}

#[derive(Default)]
struct Refusal {
    message: String,
    /// `code` and `type`, where they are words; the code is the more precise one.
    words: [String; 2],
    /// `code`, where it is a status (OpenRouter and others).
    code: Option<u64>,
}

impl Refusal {
    fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            // Google wraps its refusals in an array.
            Ok(value) => {
                let value = value.get(0).unwrap_or(&value);
                Self::of(value.get("error").unwrap_or(value))
            }
            // A proxy's page says nothing that is not in the status already.
            Err(_) if body.trim_ascii_start().starts_with(b"<") => Self::default(),
            Err(_) => Self {
                message: String::from_utf8_lossy(body).into_owned(),
                ..Self::default()
            },
        }
    }

    fn of(error: &Value) -> Self {
        let word = |name| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let message = error.as_str().map_or_else(|| word("message"), str::to_owned);
        let message = if message.is_empty() { word("detail") } else { message };
        Self {
            message,
            words: [word("code"), word("type")],
            code: error.get("code").and_then(Value::as_u64),
        }
    }

    fn kind(&self) -> Option<Kind> {
        for word in &self.words {
            let kind = match word.as_str() {
                "context_length_exceeded" => Kind::ContextTooLong,
                "insufficient_quota" | "billing_error" => Kind::OutOfCredits,
                "authentication_error" | "permission_error" | "invalid_api_key" => Kind::Unauthorized,
                "not_found_error" | "model_not_found" => Kind::NotFound,
                "rate_limit_error" | "rate_limit_exceeded" => Kind::RateLimited { retry_after: None },
                "overloaded_error" => Kind::Overloaded,
                "timeout_error" => Kind::Timeout,
                "api_error" | "server_error" => Kind::Server,
                _ => continue,
            };
            return Some(kind);
        }
        let message = self.message.to_lowercase();
        let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
        if says(&[
            "prompt is too long",
            "maximum context length",
            "context window",
            "context length",
        ]) {
            return Some(Kind::ContextTooLong);
        }
        if says(&["credit balance is too low", "insufficient balance"]) {
            return Some(Kind::OutOfCredits);
        }
        match (self.code, self.words[1].as_str()) {
            (Some(429), _) => Some(Kind::RateLimited { retry_after: None }),
            (Some(401 | 403), _) => Some(Kind::Unauthorized),
            (Some(402), _) => Some(Kind::OutOfCredits),
            (Some(503 | 529), _) => Some(Kind::Overloaded),
            (Some(400), _) | (None, "invalid_request_error") => Some(Kind::BadRequest),
            _ => None,
        }
    }
}

/// What must not be repeated: some providers show the key, or a part of it, when they refuse it.
pub struct Secrets(Vec<String>);

impl Secrets {
    pub fn of(target: &Target) -> Self {
        let headers = target.headers.iter().map(|(_, value)| value.as_str());
        let all = headers.chain(target.api_key.as_ref().map(ApiKey::expose));
        // What is shorter is no secret, and would tear holes into the text.
        Self(all.filter(|secret| secret.len() >= 8).map(str::to_owned).collect())
    }

    /// One line, not too long, without keys.
    fn detail(&self, message: &str) -> String {
        let mut message = message.to_owned();
        for secret in &self.0 {
            message = message.replace(secret, "***");
        }
        let mut line = String::new();
        for word in message.split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            if word
                .trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
                .starts_with("sk-")
            {
                line.push_str("***");
            } else {
                line.extend(word.chars().filter(|c| !c.is_control()));
            }
        }
        if let Some((end, _)) = line.char_indices().nth(MAX_DETAIL) {
            line.truncate(end);
            line.push('…');
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Api;
    use serde_json::json;

    fn secrets() -> Secrets {
        Secrets::of(&Target::new(Api::OpenaiCompletions, "http://localhost", "m").with_key("secret-key-1"))
    }

    fn refused(status: u16, body: &str) -> Error {
        by_status(status, body.as_bytes(), None, &secrets())
    }

    #[test]
    fn the_status_says_what_it_is() {
        let kinds = [
            (400, Kind::BadRequest),
            (401, Kind::Unauthorized),
            (402, Kind::OutOfCredits),
            (403, Kind::Unauthorized),
            (307, Kind::NotFound),
            (404, Kind::NotFound),
            (408, Kind::Timeout),
            (422, Kind::BadRequest),
            (429, Kind::RateLimited { retry_after: None }),
            (500, Kind::Server),
            (502, Kind::Server),
            (503, Kind::Overloaded),
            (529, Kind::Overloaded),
        ];
        for (status, kind) in kinds {
            assert_eq!(refused(status, "{}").kind(), kind, "{status}");
        }
    }

    #[test]
    fn the_text_says_it_better() {
        let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        assert_eq!(refused(429, quota).kind(), Kind::OutOfCredits);
        let long =
            r#"{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}"#;
        assert_eq!(refused(400, long).kind(), Kind::ContextTooLong);
        let long = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#;
        assert_eq!(refused(400, long).kind(), Kind::ContextTooLong);
        assert_eq!(
            refused(400, r#"{"error":"Your credit balance is too low"}"#).kind(),
            Kind::OutOfCredits
        );
        assert_eq!(refused(500, long).kind(), Kind::Server);
    }

    #[test]
    fn what_the_provider_said_is_one_line_without_keys() {
        let error = refused(
            401,
            "{\"error\":{\"message\":\"Bad key:\\n secret-key-1 or 'sk-abc***def'.\\u0007\"}}",
        );
        assert_eq!(
            error.to_string(),
            "the model provider refused the API key (401): Bad key: *** or ***"
        );
        assert_eq!(
            refused(502, "<html>Bad Gateway</html>").to_string(),
            "the model provider failed (502)"
        );
        assert_eq!(refused(500, "out of order").detail(), "out of order");
        assert!(refused(302, "<html>Moved</html>").detail().contains("base URL"));
        assert_eq!(
            refused(400, &"x".repeat(5_000)).detail().chars().count(),
            MAX_DETAIL + 1
        );
    }

    #[test]
    fn errors_within_a_stream() {
        let kind = |error| in_stream(&error, &secrets()).kind();
        assert_eq!(
            kind(json!({"type": "overloaded_error", "message": "Overloaded"})),
            Kind::Overloaded
        );
        assert_eq!(
            kind(json!({"code": 429, "message": "slow down"})),
            Kind::RateLimited { retry_after: None }
        );
        assert_eq!(
            kind(json!({"type": "invalid_request_error", "message": "no"})),
            Kind::BadRequest
        );
        assert_eq!(kind(json!("broken")), Kind::Server);
    }
}
