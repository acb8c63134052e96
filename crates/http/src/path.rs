//! The names in a path, `/api/instances/{id}`.

use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Problem;

/// Extracts the names that a route has in braces.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = axum::extract::Path::from_request_parts(parts, state).await;
        named.map(|axum::extract::Path(named)| Self(named)).map_err(refusal)
    }
}

fn refusal(rejection: PathRejection) -> Problem {
    let kind = match rejection {
        PathRejection::FailedToDeserializePathParams(failed) => failed.into_kind(),
        other => ErrorKind::Message(other.to_string()),
    };
    match kind {
        ErrorKind::InvalidUtf8InPathParam { key } => {
            Problem::bad_request(format!("path: {key} is no text; write it in UTF-8, percent-encoded"))
        }
        // The handler and its route do not agree.
        other => {
            tracing::error!(error = %other, "path");
            Problem::internal()
        }
    }
}
