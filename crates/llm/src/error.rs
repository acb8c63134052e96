//! Why there is no reply, or only half of one.

use std::time::Duration;

use thiserror::Error;

/// What went wrong, for callers that act on it. The name doubles as a metric's label, see [`Kind::label`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The key is missing, wrong, or may not use this model (401, 403).
    Unauthorized,
    /// The provider's account is empty or its quota used up (402, 429 `insufficient_quota`).
    OutOfCredits,
    /// Too many requests (429), and how long to wait if the provider said so.
    RateLimited { retry_after: Option<Duration> },
    /// The provider is short of capacity (503, 529).
    Overloaded,
    /// The provider does not accept the request (400, 409, 413, 422), or it cannot be sent at all.
    BadRequest,
    /// The conversation is longer than the model can read.
    ContextTooLong,
    /// No such model, or no such API at this address (404, and redirects, which are not followed: they would carry the key elsewhere).
    NotFound,
    /// The provider failed (other 5xx).
    Server,
    /// The provider cannot be reached: name, network.
    Connect,
    /// TLS does not let us talk to it: its certificate, or what this machine trusts.
    Tls,
    /// The provider was silent for too long.
    Timeout,
    /// The answer is not what the API promises.
    Garbage,
    /// The answer broke off.
    Cut,
    /// The answer is larger than `Options::max_reply_bytes`.
    TooLarge,
}

impl Kind {
    /// A word for metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::OutOfCredits => "out_of_credits",
            Self::RateLimited { .. } => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::BadRequest => "bad_request",
            Self::ContextTooLong => "context_too_long",
            Self::NotFound => "not_found",
            Self::Server => "server",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Garbage => "garbage",
            Self::Cut => "cut",
            Self::TooLarge => "too_large",
        }
    }

    fn headline(self) -> &'static str {
        match self {
            Self::Unauthorized => "the model provider refused the API key",
            Self::OutOfCredits => "the model provider's account is out of credits",
            Self::RateLimited { .. } => "the model provider is rate limiting",
            Self::Overloaded => "the model provider is overloaded",
            Self::BadRequest => "the model provider did not accept the request",
            Self::ContextTooLong => "the conversation is too long for the model",
            Self::NotFound => "the model provider does not know this model or address",
            Self::Server => "the model provider failed",
            Self::Connect => "the model provider cannot be reached",
            Self::Tls => "no secure connection to the model provider",
            Self::Timeout => "the model provider did not answer in time",
            Self::Garbage => "the model provider's answer makes no sense",
            Self::Cut => "the model provider's answer broke off",
            Self::TooLarge => "the model provider's answer is too large",
        }
    }
}

/// A failed call. The text is one line, written for the user; it holds no key and no address with credentials.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}{}{}{}", .kind.headline(), Status(*.status), Detail(.detail), Wait(*.kind))]
pub struct Error {
    kind: Kind,
    status: Option<u16>,
    detail: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            detail: detail.into(),
        }
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// A reply that ended without its end.
    pub fn cut() -> Self {
        Self::new(Kind::Cut, "")
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The HTTP status, if the provider refused with one.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// What the provider (or the network) said, trimmed to one line; may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Would the same request have a chance a little later? (Whether it is safe to send again is another question: not
    /// after the first event was given out.)
    pub fn is_retryable(&self) -> bool {
        match self.kind {
            Kind::RateLimited { .. } | Kind::Overloaded | Kind::Server | Kind::Connect | Kind::Timeout | Kind::Cut => {
                true
            }
            Kind::Unauthorized
            | Kind::OutOfCredits
            | Kind::BadRequest
            | Kind::ContextTooLong
            | Kind::NotFound
            | Kind::Tls
            | Kind::Garbage
            | Kind::TooLarge => false,
        }
    }
}

struct Status(Option<u16>);

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |status| write!(f, " ({status})"))
    }
}

struct Detail<'a>(&'a str);

impl std::fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.0)
        }
    }
}

/// When to come back, where the provider said so.
struct Wait(Kind);

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Kind::RateLimited {
                retry_after: Some(wait),
            } => write!(f, "; try again in {} s", wait.as_secs_f64().ceil()),
            _ => Ok(()),
        }
    }
}
