//! Why a turn ended without an answer. Every text is written for the user and names no internals.

use std::sync::Arc;
use std::time::Duration;

use creel_llm::Kind;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum TurnError {
    /// The model provider failed; the text says how.
    #[error("{error}")]
    Model { model: Arc<str>, error: creel_llm::Error },
    /// The model took longer than its provider is given.
    #[error("the model did not answer in full within {} seconds", .limit.as_secs())]
    ModelTimedOut { model: Arc<str>, limit: Duration },
    #[error("no configured provider has the configured model; `agents.defaults.model` and `models.providers` decide")]
    NoModel,
    /// The same `Idempotency-Key` came with another message.
    #[error("this Idempotency-Key was used with another message")]
    KeyReused,
    /// Too many turns wait for the same session.
    #[error("this conversation has {0} turns waiting already; try again when one is done")]
    Busy(usize),
    /// Another gateway holds the session.
    #[error("another gateway is answering in this conversation; try again")]
    Taken,
    #[error("the turn took longer than {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// Somebody deleted the session under the turn.
    #[error("the conversation was deleted")]
    Deleted,
    /// The client went away, or the gateway is stopping. Nobody is there to read this.
    #[error("the turn was cancelled")]
    Cancelled,
    #[error("the conversation cannot be stored: {}", .0.reason())]
    Storage(#[from] creel_session::SessionError),
    #[error("{}", lease_reason(.0))]
    Lease(#[from] creel_lease::LeaseError),
}

impl TurnError {
    /// Whether another model may do better.
    pub(crate) fn is_the_models(&self) -> bool {
        self.model().is_some()
    }

    /// The label of the model whose failure it is.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::Model { model, .. } | Self::ModelTimedOut { model, .. } => Some(model),
            _ => None,
        }
    }

    /// What of it is for the log alone: places on the host.
    pub fn internals(&self) -> Option<String> {
        match self {
            Self::Storage(error) => Some(error.to_string()),
            Self::Lease(error) => Some(error.to_string()),
            _ => None,
        }
    }

    /// A word for machines: the `code` of an error event, and the label of the metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Model { error, .. } => match error.kind() {
                Kind::Unauthorized => "provider_unauthorized",
                Kind::OutOfCredits => "provider_out_of_credits",
                Kind::RateLimited { .. } => "provider_rate_limited",
                Kind::ContextTooLong => "context_too_long",
                Kind::BadRequest => "provider_bad_request",
                Kind::NotFound => "model_not_found",
                Kind::Timeout => "provider_timeout",
                Kind::TooLarge => "reply_too_large",
                Kind::Cut => "provider_cut",
                _ => "provider_unavailable",
            },
            Self::ModelTimedOut { .. } => "provider_timeout",
            Self::NoModel => "no_model",
            Self::KeyReused => "idempotency_key_reused",
            Self::Busy(_) | Self::Taken => "session_busy",
            Self::TimedOut(_) => "turn_timed_out",
            Self::Deleted => "session_deleted",
            Self::Cancelled => "cancelled",
            Self::Storage(creel_session::SessionError::Full { .. }) => "disk_full",
            Self::Lease(error) if error.is_full() => "disk_full",
            Self::Storage(_) | Self::Lease(_) => "storage",
        }
    }

    /// When it makes sense to try again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Model { error, .. } => match error.kind() {
                Kind::RateLimited { retry_after } => retry_after,
                _ => None,
            },
            Self::Busy(_) | Self::Taken => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

fn lease_reason(error: &creel_lease::LeaseError) -> &'static str {
    match error.is_full() {
        true => {
            "the conversation cannot be stored: no room left; free disk space or raise the quota, then send it again"
        }
        false => "the conversation cannot be locked; the log says why; try again",
    }
}

#[cfg(test)]
mod tests {
    use creel_lease::LeaseError;

    use super::*;

    #[test]
    fn a_disk_too_full_for_the_lease_is_a_full_disk() {
        // ENOSPC, EDQUOT, EIO.
        for (errno, code, told) in [
            (28, "disk_full", "no room"),
            (122, "disk_full", "no room"),
            (5, "storage", "locked"),
        ] {
            let error = TurnError::from(LeaseError::Io {
                action: "write",
                path: "/state/leases/x.lease".into(),
                source: std::io::Error::from_raw_os_error(errno),
            });
            assert_eq!(error.code(), code);
            let text = error.to_string();
            assert!(text.contains(told) && !text.contains("/state"), "{text}");
        }
    }
}
