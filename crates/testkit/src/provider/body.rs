//! The body of an answer, frame by frame.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::exchange::{End, Exchange};
use super::gate::Gate;

/// A piece of the body.
#[derive(Clone, Debug)]
pub struct Piece {
    pub bytes: Bytes,
    /// A piece of the model's text: what gates and paces hold back.
    pub is_text: bool,
}

impl Piece {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            is_text: false,
        }
    }

    pub fn text(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            is_text: true,
        }
    }
}

/// What holds back each piece of text.
#[derive(Clone, Debug)]
pub enum Hold {
    Gate(Gate),
    Pace(Duration),
}

/// Hands out pieces, and tells the exchange how it ended.
pub struct PieceBody {
    pieces: Arc<[Piece]>,
    next: usize,
    hold: Option<Hold>,
    held: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Break the connection after the last piece.
    cut: bool,
    flushed: bool,
    exchange: Option<Arc<Exchange>>,
}

impl PieceBody {
    pub fn new(pieces: Arc<[Piece]>, hold: Option<Hold>, cut: bool, exchange: Option<Arc<Exchange>>) -> Self {
        let body = Self {
            pieces,
            next: 0,
            hold,
            held: None,
            cut,
            flushed: false,
            exchange,
        };
        body.note_end();
        body
    }

    /// The whole body in one piece.
    pub fn whole(bytes: impl Into<Bytes>, exchange: Option<Arc<Exchange>>) -> Self {
        Self::new(Arc::from([Piece::new(bytes)]), None, false, exchange)
    }

    fn note_end(&self) {
        if self.next == self.pieces.len()
            && let Some(exchange) = &self.exchange
        {
            exchange.end(End::Answered);
        }
    }
}

impl Body for PieceBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let Some(piece) = this.pieces.get(this.next) else {
            // What came before goes out first: hyper sends it when there is nothing more to take at once.
            if this.cut && !std::mem::replace(&mut this.flushed, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(
                this.cut
                    .then(|| Err(io::Error::other("the script cuts the connection here"))),
            );
        };
        if piece.is_text
            && let Some(hold) = &this.hold
        {
            let held = this.held.get_or_insert_with(|| match hold {
                Hold::Gate(gate) => Box::pin(gate.clone().enter()),
                Hold::Pace(pace) => Box::pin(tokio::time::sleep(*pace)),
            });
            ready!(held.as_mut().poll(cx));
            this.held = None;
        }
        let bytes = piece.bytes.clone();
        this.next += 1;
        this.note_end();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.next == self.pieces.len() && !self.cut
    }

    /// One piece goes out with its length, several go out chunked, as real providers do it.
    fn size_hint(&self) -> SizeHint {
        match &self.pieces[self.next..] {
            [] if !self.cut => SizeHint::with_exact(0),
            [piece] if self.next == 0 && !self.cut => SizeHint::with_exact(piece.bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for PieceBody {
    fn drop(&mut self) {
        if let Some(exchange) = &self.exchange {
            exchange.end(End::HungUp);
        }
    }
}
