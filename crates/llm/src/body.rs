//! The body of an answer, however it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::link::Answer;

pub enum Body {
    Plain(Answer),
    Secure(reqwest::Body),
}

/// It broke off. Nobody asks why.
#[derive(Debug)]
pub struct Broken;

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Plain(body) => Pin::new(body).poll_frame(cx).map_err(|_| Broken),
            Self::Secure(body) => Pin::new(body).poll_frame(cx).map_err(|_| Broken),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(body) => body.size_hint(),
            Self::Secure(body) => body.size_hint(),
        }
    }
}
