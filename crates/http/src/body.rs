//! A JSON body, read whole within the limits of size and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::Problem;

/// A client that needs longer to send a request is not going to finish it.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A server's state, as far as bodies are concerned.
pub trait BodyLimit {
    /// In bytes.
    fn max_body_bytes(&self) -> usize;
}

impl<T: BodyLimit> BodyLimit for Arc<T> {
    fn max_body_bytes(&self) -> usize {
        T::max_body_bytes(self)
    }
}

/// Extracts `T` from a JSON body.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: BodyLimit + Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let limit = state.max_body_bytes();
        let announced = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(Problem::too_large(limit));
        }
        let read = tokio::time::timeout(READ_TIMEOUT, to_bytes(request.into_body(), limit)).await;
        let bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) if is_length_limit(&error) => return Err(Problem::too_large(limit)),
            Ok(Err(_)) => return Err(Problem::bad_request("the request body was cut off")),
            Err(_) => {
                let detail = "the request body did not arrive in time";
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", detail));
            }
        };
        // serde_json's text ends in "at line 1 column 9".
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Problem::bad_request(format!("the request body: {error}")))
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}
