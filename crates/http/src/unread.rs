//! What is left of a request's body when the request was refused by its head.
//!
//! hyper closes a connection on which a body was not read, without a word, and a client that has just put its next request
//! on it is left with a broken connection. So what is short is read to its end before the refusal goes out, and where it is not, the
//! refusal says that the connection ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// A longer body is not waited for: the connection is closed.
const LONGEST: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

/// A request's body in the hands of a handler. What the handler leaves of it comes back.
pub struct Lent<B: Body + Unpin> {
    body: Option<B>,
    left: Arc<Mutex<Option<B>>>,
}

/// Where the rest of a body comes back to.
pub struct Left<B>(Arc<Mutex<Option<B>>>);

impl<B: Body<Data = Bytes> + Unpin> Lent<B> {
    pub fn new(body: B) -> (Self, Left<B>) {
        let left = Arc::default();
        let lent = Self {
            body: Some(body),
            left: Arc::clone(&left),
        };
        (lent, Left(left))
    }
}

impl<B: Body<Data = Bytes> + Unpin> Left<B> {
    /// Reads what is left, if it is short and comes soon; whether nothing is left then.
    pub async fn read(self) -> bool {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut body) = left else { return true };
        if body.is_end_stream() {
            return true;
        }
        if body.size_hint().upper().is_none_or(|bytes| bytes > LONGEST) {
            return false;
        }
        let reading = async {
            while let Some(frame) = body.frame().await {
                if frame.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or(false)
    }
}

impl<B: Body + Unpin> Drop for Lent<B> {
    fn drop(&mut self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
    }
}

impl<B: Body + Unpin> Body for Lent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
