//! An answer, to its last byte: until then the connection that it goes over owes nothing.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use http_body::{Frame, SizeHint};

use crate::paced::Answer;

/// The body of an answer, which holds the [`Answer`] until it was sent or dropped.
pub struct Answered {
    body: Body,
    _answer: Option<Answer>,
}

impl Answered {
    pub fn of(response: Response, answer: Answer) -> axum::http::Response<Self> {
        // A WebSocket has rules of its own: from here on its handler says how long what may take.
        let answer = match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => {
                answer.never_ends();
                None
            }
            _ => Some(answer),
        };
        response.map(|body| Self { body, _answer: answer })
    }
}

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
