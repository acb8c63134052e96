//! A body, JSON or text, read whole within the limits of size and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::Problem;
use crate::json::{from_json, values};

/// A client that needs longer to send a request is not going to finish it.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of a body that take about a millisecond to understand.
const LARGE: usize = 256 * 1024;

/// A server's state, as far as bodies are concerned.
pub trait BodyLimit {
    /// In bytes.
    fn max_body_bytes(&self) -> usize;

    /// How many values a large body may have. Whatever is done with each, by a server of one thread everybody else waits for it.
    fn max_values(&self) -> usize {
        usize::MAX
    }
}

impl<T: BodyLimit> BodyLimit for Arc<T> {
    fn max_body_bytes(&self) -> usize {
        T::max_body_bytes(self)
    }

    fn max_values(&self) -> usize {
        T::max_values(self)
    }
}

/// Extracts `T` from a JSON body, which is an object in all of our APIs.
pub struct JsonBody<T>(pub T);

/// Extracts a body that is text.
pub struct TextBody(pub String);

impl<T: DeserializeOwned + Send + 'static, S: BodyLimit + Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = whole(request, state.max_body_bytes()).await?;
        object(bytes, state.max_values()).await.map(Self)
    }
}

/// Of no bytes at all, `None`: for requests that need say nothing.
impl<T: DeserializeOwned + Send + 'static, S: BodyLimit + Send + Sync> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let bytes = whole(request, state.max_body_bytes()).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        object(bytes, state.max_values()).await.map(|value| Some(Self(value)))
    }
}

async fn object<T: DeserializeOwned + Send + 'static>(bytes: Bytes, most: usize) -> Result<T, Problem> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        // serde would take its items for the fields, in their order.
        return Err(Problem::bad_request("the request body: must be an object, {…}"));
    }
    parsed(bytes, most).await?.map_err(Problem::bad_request)
}

/// Makes sense of a body; of a large one on a thread of its own, since everybody else would wait for it on this one.
async fn parsed<T: DeserializeOwned + Send + 'static>(bytes: Bytes, most: usize) -> Result<Result<T, String>, Problem> {
    if bytes.len() < LARGE {
        return Ok(from_json(&bytes));
    }
    let parsed = tokio::task::spawn_blocking(move || match values(&bytes) > most {
        true => Err(format!("the request body: has more than {most} values; send fewer")),
        false => from_json(&bytes),
    });
    parsed.await.map_err(|_| Problem::internal())
}

impl<S: BodyLimit + Send + Sync> FromRequest<S> for TextBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = whole(request, state.max_body_bytes()).await?;
        let text = String::from_utf8(bytes.into());
        text.map(Self)
            .map_err(|_| Problem::bad_request("the request body: is no UTF-8 text"))
    }
}

async fn whole(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Err(Problem::too_large(limit));
    }
    let read = tokio::time::timeout(READ_TIMEOUT, to_bytes(request.into_body(), limit)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => Err(Problem::too_large(limit)),
        Ok(Err(_)) => Err(Problem::bad_request("the request body was cut off")),
        Err(_) => {
            let detail = "the request body did not arrive in time";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", detail))
        }
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

#[cfg(test)]
mod tests {
    use std::thread;

    use serde::{Deserialize, Deserializer};

    use super::*;

    /// Whether it was made sense of on the thread that it came from.
    struct Here(bool);

    impl<'de> Deserialize<'de> for Here {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?;
            Ok(Self(
                thread::current().name().is_some_and(|name| name.contains("tests::")),
            ))
        }
    }

    struct Anything;

    impl BodyLimit for Anything {
        fn max_body_bytes(&self) -> usize {
            LARGE
        }
    }

    async fn read<T: FromRequest<Anything>>(body: &'static str) -> Result<T, T::Rejection> {
        T::from_request(Request::new(body.into()), &Anything).await
    }

    #[tokio::test]
    async fn fields_have_names() {
        #[derive(Deserialize)]
        struct Pair {
            a: u8,
            b: u8,
        }
        let sent = async |body: &'static str| read::<JsonBody<Pair>>(body).await;
        let JsonBody(pair) = sent(" {\"a\": 1, \"b\": 2}").await.ok().unwrap();
        assert_eq!((pair.a, pair.b), (1, 2));
        assert!(sent(" [1, 2]").await.is_err());
    }

    #[tokio::test]
    async fn nothing_is_nothing_only_where_nothing_need_be_said() {
        type Body = JsonBody<serde_json::Value>;
        let sent = async |body: &'static str| read::<Option<Body>>(body).await;
        assert!(sent("").await.ok().unwrap().is_none());
        assert!(sent("{}").await.ok().unwrap().is_some());
        for broken in [" ", "{", "[]"] {
            assert!(sent(broken).await.is_err(), "{broken:?}");
        }
        assert!(read::<Body>("").await.is_err());
    }

    #[tokio::test]
    async fn a_large_body_keeps_nobody_waiting() {
        for (length, here) in [(10, true), (LARGE, false)] {
            let body = Bytes::from(format!("{:?}", "x".repeat(length)));
            let parsed: Here = parsed(body, usize::MAX).await.unwrap().unwrap();
            assert_eq!(parsed.0, here, "{length}");
        }
    }

    #[tokio::test]
    async fn a_large_body_has_no_more_values_than_it_may() {
        let refused = "the request body: has more than 3 values; send fewer";
        // Commas in a text, and behind a quote in it, part nothing.
        let text = format!("\"\\\",{}\"", ",".repeat(LARGE));
        for (body, problem) in [
            (format!("[1,2,{text}]"), None),
            (format!("[1,2,{text},4]"), Some(refused)),
            (format!("{{\"a\":[1,{text}],\"b\":3}}"), None),
            ("[1,2,3,4]".to_owned(), None),
        ] {
            let parsed = parsed::<serde_json::Value>(body.into(), 3).await.unwrap();
            assert_eq!(parsed.err().as_deref(), problem);
        }
    }
}
