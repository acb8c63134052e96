//! What a client is told when it gets no reply, in the style that it speaks. What is said is written for the client: no provider's
//! key, address or own words about our account come through here.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use thiserror::Error;

use crate::ask::AskError;
use crate::ledger::Micros;
use crate::style::Style;

/// Why there is no reply. Each is one status and one word for machines; the text is for people.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error(
        "there is no such path; POST /v1/chat/completions, /v1/responses, /v1/embeddings or /v1/messages, GET /v1/models"
    )]
    NoSuchPath,
    #[error("this path takes {allowed}")]
    WrongMethod { allowed: &'static str },
    #[error("no key: send `Authorization: Bearer sk-creel-…` or `x-api-key: sk-creel-…`")]
    NoKey,
    #[error("this key is not known; it may have been revoked")]
    UnknownKey,
    #[error("metrics need the API token (Authorization: Bearer); a virtual key does not open them")]
    NoToken,
    #[error("this key has expired")]
    ExpiredKey,
    #[error("{0}")]
    BadRequest(String),
    #[error("the request body is larger than the limit of {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the request body did not come within {} seconds", .0.as_secs())]
    SlowBody(Duration),
    #[error("this key may not use the model \"{0}\"; GET /v1/models lists those that it may")]
    ModelNotAllowed(String),
    #[error("there is no model \"{0}\"; GET /v1/models lists those that there are")]
    NoSuchModel(String),
    #[error("the model \"{0}\" has no price, so it cannot be charged; ask the administrator to set one")]
    NoPrice(String),
    #[error("{0}")]
    NotOffered(String),
    #[error("this key may make {per_minute} requests a minute")]
    TooManyRequests { per_minute: u64, wait: Duration },
    #[error("this key may use {per_minute} tokens a minute")]
    TooManyTokens { per_minute: u64, wait: Duration },
    #[error("out of credits: this call may cost up to {needed} credits, and {purse} has less left")]
    OutOfCredits { purse: String, needed: Micros },
    #[error("the accounts cannot be reached, so nothing can be charged; try again")]
    NoAccounts,
    #[error("the gateway is stopping; try again")]
    Stopping,
    #[error("every provider of this model asks to wait")]
    ProvidersBusy { wait: Option<Duration> },
    #[error("no provider of this model answered in time")]
    ProvidersSilent,
    #[error("no provider of this model can be reached")]
    ProvidersDown,
    #[error("the provider's answer could not be understood")]
    ProviderGarbage,
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        Self::BadRequest(error.to_string())
    }
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchModel(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoKey | Self::UnknownKey | Self::ExpiredKey | Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) | Self::NotOffered(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody(_) => StatusCode::REQUEST_TIMEOUT,
            Self::ModelNotAllowed(_) | Self::NoPrice(_) => StatusCode::FORBIDDEN,
            Self::TooManyRequests { .. } | Self::TooManyTokens { .. } | Self::ProvidersBusy { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::OutOfCredits { .. } => StatusCode::PAYMENT_REQUIRED,
            Self::NoAccounts | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::ProvidersSilent => StatusCode::GATEWAY_TIMEOUT,
            Self::ProvidersDown | Self::ProviderGarbage => StatusCode::BAD_GATEWAY,
        }
    }

    /// A word for machines and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "no_such_path",
            Self::WrongMethod { .. } => "method_not_allowed",
            Self::NoKey => "no_api_key",
            Self::UnknownKey => "invalid_api_key",
            Self::NoToken => "no_token",
            Self::ExpiredKey => "expired_api_key",
            Self::BadRequest(_) => "invalid_request",
            Self::TooLarge { .. } => "request_too_large",
            Self::SlowBody(_) => "request_timeout",
            Self::ModelNotAllowed(_) => "model_not_allowed",
            Self::NoSuchModel(_) => "model_not_found",
            Self::NoPrice(_) => "model_not_priced",
            Self::NotOffered(_) => "not_offered",
            Self::TooManyRequests { .. } => "rate_limit_requests",
            Self::TooManyTokens { .. } => "rate_limit_tokens",
            Self::OutOfCredits { .. } => "out_of_credits",
            Self::NoAccounts => "accounts_unavailable",
            Self::Stopping => "stopping",
            Self::ProvidersBusy { .. } => "providers_busy",
            Self::ProvidersSilent => "providers_silent",
            Self::ProvidersDown => "providers_down",
            Self::ProviderGarbage => "provider_garbage",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { wait, .. } | Self::TooManyTokens { wait, .. } => Some(*wait),
            Self::ProvidersBusy { wait } => *wait,
            Self::NoAccounts | Self::Stopping => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// The whole answer.
    pub fn response(&self, style: Style) -> Response<Bytes> {
        let mut response = Response::new(error_body(style, self.status(), self.code(), &self.to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::WrongMethod { allowed } = self {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        if let Some(wait) = self.retry_after() {
            // Whole seconds, rounded up; 0 would invite a busy loop.
            let seconds = wait.as_millis().div_ceil(1_000).max(1) as u64;
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An error's body: <https://platform.openai.com/docs/guides/error-codes>, <https://docs.anthropic.com/en/api/errors>.
pub fn error_body(style: Style, status: StatusCode, code: &str, message: &str) -> Bytes {
    error_value(style, status, code, message).to_string().into()
}

/// The same in the middle of a stream, as its last event.
pub fn error_event(style: Style, status: StatusCode, code: &str, message: &str) -> Bytes {
    let error = error_value(style, status, code, message);
    match style {
        Style::Openai => format!("data: {error}\n\n").into(),
        Style::Anthropic => format!("event: error\ndata: {error}\n\n").into(),
    }
}

fn error_value(style: Style, status: StatusCode, code: &str, message: &str) -> serde_json::Value {
    match style {
        Style::Openai => {
            json!({"error": {"message": message, "type": openai_type(status), "param": null, "code": code}})
        }
        Style::Anthropic => json!({"type": "error", "error": {"type": anthropic_type(status), "message": message}}),
    }
}

fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(refusal: &Refusal, style: Style) -> (u16, serde_json::Value, Option<String>) {
        let response = refusal.response(style);
        let after = response
            .headers()
            .get(RETRY_AFTER)
            .map(|value| value.to_str().unwrap().to_owned());
        let body = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), body, after)
    }

    #[test]
    fn each_style_gets_its_own_shape() {
        let refusal = Refusal::OutOfCredits {
            purse: "the account".into(),
            needed: Micros(12),
        };
        let (status, body, _) = parts(&refusal, Style::Openai);
        assert_eq!((status, &body["error"]["code"]), (402, &json!("out_of_credits")));
        assert!(
            body["error"]["message"].as_str().unwrap().contains("out of credits"),
            "{body}"
        );
        let (status, body, _) = parts(&refusal, Style::Anthropic);
        assert_eq!(
            (status, &body["type"], &body["error"]["type"]),
            (402, &json!("error"), &json!("billing_error"))
        );
    }

    #[test]
    fn waits_are_whole_seconds_and_never_too_short() {
        let wait = |millis| Refusal::TooManyRequests {
            per_minute: 1,
            wait: Duration::from_millis(millis),
        };
        for (millis, seconds) in [(0, "1"), (1_000, "1"), (1_001, "2")] {
            assert_eq!(parts(&wait(millis), Style::Openai).2.as_deref(), Some(seconds));
        }
    }

    #[test]
    fn in_a_stream_it_is_an_event() {
        let event = |style| String::from_utf8(error_event(style, StatusCode::BAD_GATEWAY, "c", "m").to_vec()).unwrap();
        assert!(event(Style::Openai).starts_with("data: {\"error\":"));
        assert!(event(Style::Anthropic).starts_with("event: error\ndata: {\"type\":\"error\""));
    }
}
