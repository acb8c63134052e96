//! The stream of a reply's events.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use http_body::Body as _;
use http_body_util::BodyExt as _;

use crate::body::Body;
use crate::error::Error;
use crate::event::Event;
use crate::wire::{Progress, Wire};

/// How long the last bytes of a finished reply are waited for, so that its connection can be used again.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// A reply as it comes in. A whole one ends with [`Event::Finish`]; after an error nothing comes any more. Dropping it
/// hangs up.
pub struct ReplyStream {
    ready: VecDeque<Event>,
    /// Comes after what is ready.
    failure: Option<Error>,
    wire: Option<Box<Wire>>,
    closing: Option<Closing>,
    /// The body of a finished reply, if its end is still on its way.
    rest: Option<Body>,
}

/// A finished reply whose end is held back for a moment: the caller's next request comes with it, and should find the
/// connection free, instead of opening another.
struct Closing {
    finish: Option<Event>,
    /// The tasks that read the body's end and put the connection back had their turn, where there are any.
    gave_way: bool,
}

impl ReplyStream {
    /// A reply that is there already.
    pub(crate) fn of(events: impl IntoIterator<Item = Event>) -> Self {
        Self {
            ready: events.into_iter().collect(),
            failure: None,
            wire: None,
            closing: None,
            rest: None,
        }
    }

    /// A reply of which only the head has come.
    pub(crate) fn reading(wire: Wire) -> Self {
        Self {
            ready: VecDeque::new(),
            failure: None,
            wire: Some(Box::new(wire)),
            closing: None,
            rest: None,
        }
    }

    /// Waits for the first event, and leaves it where it is.
    pub(crate) async fn first(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_ready(cx)).await;
        match self.failure.take_if(|_| self.ready.is_empty()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Ready when something is there to hand out, or when nothing will be.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ready.is_empty() && self.failure.is_none() {
            let Some(wire) = &mut self.wire else {
                ready!(self.poll_close(cx));
                break;
            };
            match ready!(wire.poll(cx, &mut self.ready)) {
                Ok(Progress::Reading) => {}
                Ok(Progress::Ended) => self.wire = None,
                Ok(Progress::Finished) => {
                    self.rest = self.wire.take().map(|wire| wire.body);
                    self.closing = Some(Closing {
                        finish: self.ready.pop_back(),
                        gave_way: matches!(self.rest, Some(Body::Plain(_))),
                    });
                }
                Err(error) => {
                    self.wire = None;
                    self.failure = Some(error);
                }
            }
        }
        Poll::Ready(())
    }
}

impl ReplyStream {
    /// Ready when the end may be told.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(closing) = &mut self.closing else {
            return Poll::Ready(());
        };
        while let Some(rest) = &mut self.rest {
            match Pin::new(rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None | Some(Err(_))) => self.rest = None,
                Poll::Pending => break,
            }
        }
        if !std::mem::replace(&mut closing.gave_way, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready.extend(closing.finish.take());
        self.closing = None;
        Poll::Ready(())
    }
}

impl Stream for ReplyStream {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        ready!(self.poll_ready(cx));
        let event = self.ready.pop_front().map(Ok);
        Poll::Ready(event.or_else(|| self.failure.take().map(Err)))
    }
}

impl Drop for ReplyStream {
    /// The caller has all it wants with [`Event::Finish`], but a connection is only kept if its answer was read to the end.
    fn drop(&mut self) {
        if let Some(mut rest) = self.rest.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let reading = async move { while let Some(Ok(_)) = rest.frame().await {} };
            runtime.spawn(tokio::time::timeout(REST_TIMEOUT, reading));
        }
    }
}

impl std::fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplyStream")
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
