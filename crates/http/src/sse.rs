//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), written as they happen.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tokio::time::{Instant, Sleep};

/// Events that come at the same time go out in one write, of about this many bytes at most: what a client does not read is not
/// produced.
const WRITE: usize = 16 * 1024;

/// Where a handler writes its events.
pub struct EventWriter(Written);

/// Events that have not been handed on yet. A [`Vec`]: JSON is written in many small pieces, and no buffer takes them for less.
type Written = Arc<Mutex<Vec<u8>>>;

impl EventWriter {
    /// `event: NAME` and `data: JSON`.
    pub async fn event(&self, name: &str, data: &impl Serialize) {
        self.send(|out| {
            out.extend_from_slice(b"event: ");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\ndata: ");
            json(out, data);
        })
        .await;
    }

    /// `data: JSON` without a name, as OpenAI's API has it.
    pub async fn data(&self, data: &impl Serialize) {
        self.send(|out| {
            out.extend_from_slice(b"data: ");
            json(out, data);
        })
        .await;
    }

    pub async fn done_marker(&self) {
        self.send(|out| out.extend_from_slice(b"data: [DONE]")).await;
    }

    async fn send(&self, write: impl FnOnce(&mut Vec<u8>)) {
        // Nobody need be woken: whoever takes what was written polls this anew.
        let room = poll_fn(|_| match lock(&self.0) {
            written if written.len() < WRITE => Poll::Ready(written),
            _ => Poll::Pending,
        });
        let mut out = room.await;
        write(&mut out);
        out.extend_from_slice(b"\n\n");
    }
}

fn json(out: &mut Vec<u8>, data: &impl Serialize) {
    serde_json::to_writer(out, data).expect("what we send is serializable");
}

fn lock(written: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the head of an answer waits for the first events, to go out with them in one write: a client whose turn is over by then is
/// woken once.
const HEAD: Duration = Duration::from_millis(50);

/// Answers with the events that `write` produces. When the client goes away, `write` is dropped at its next await. A comment is sent
/// after `heartbeat` without an event, so that no proxy takes the connection for dead.
pub async fn respond<F, Fut>(heartbeat: Duration, write: F) -> Response
where
    F: FnOnce(EventWriter) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let written = Written::default();
    let mut events = Events {
        work: Some(Box::pin(write(EventWriter(written.clone())))),
        written,
        turns: 0,
        heartbeat,
        silence: Box::pin(tokio::time::sleep(heartbeat)),
        first: None,
    };
    // None came, or there are none.
    if let Ok(Some(Ok(first))) = tokio::time::timeout(HEAD, events.next()).await {
        events.first = Some(first);
    }
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx buffers answers by default; this switches it off.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// How often everything else that can run on this thread has its turn before events are written: a delta goes from the task of
/// the agent's turn to this one, and more may follow at once.
const TURNS: u8 = 2;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Events {
    /// Produces the events. It runs inside the body, not in a task: it ends with the connection.
    work: Option<Work>,
    written: Written,
    /// How often others had their turn since the last event came.
    turns: u8,
    heartbeat: Duration,
    silence: Pin<Box<Sleep>>,
    /// What came before the head went out.
    first: Option<Bytes>,
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let before = lock(&this.written).len();
        if let Some(work) = &mut this.work
            && work.as_mut().poll(context).is_ready()
        {
            this.work = None;
        }
        let mut written = lock(&this.written);
        this.turns = if written.len() > before {
            0
        } else {
            this.turns.saturating_add(1)
        };
        if this.work.is_some() && (1..WRITE).contains(&written.len()) && this.turns < TURNS {
            // What a provider sent in one piece goes out in one write, what it sent by itself goes out by itself; nobody
            // waits for what is not there yet.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = if !written.is_empty() {
            Some(Ok(std::mem::take(&mut *written).into()))
        } else if this.work.is_none() {
            return Poll::Ready(None);
        } else if this.silence.as_mut().poll(context).is_ready() {
            Some(Ok(Bytes::from_static(b": heartbeat\n\n")))
        } else {
            return Poll::Pending;
        };
        this.silence.as_mut().reset(Instant::now() + this.heartbeat);
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn next(body: &mut Body) -> String {
        let frame = body.frame().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_comes_together_goes_out_together() {
        let (go_on, wait) = tokio::sync::oneshot::channel();
        let response = respond(Duration::from_secs(60), |writer| async move {
            writer.event("a", &1).await;
            // As if from another task, that must run first.
            tokio::task::yield_now().await;
            writer.event("b", &2).await;
            wait.await.unwrap();
            writer.event("c", &3).await;
        });
        let mut body = response.await.into_body();
        assert_eq!(next(&mut body).await, "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n");
        go_on.send(()).unwrap();
        assert_eq!(next(&mut body).await, "event: c\ndata: 3\n\n");
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_head_waits_for_the_first_events_and_not_for_long() {
        for (said_after, head_after) in [(HEAD / 2, HEAD / 2), (HEAD * 2, HEAD)] {
            let begun = Instant::now();
            // The clock of the runtime goes by whole milliseconds.
            let is_now = |after: Duration| (after..after + Duration::from_millis(2)).contains(&begun.elapsed());
            let response = respond(Duration::from_secs(60), move |writer| async move {
                tokio::time::sleep(said_after).await;
                writer.event("a", &1).await;
            });
            let mut body = response.await.into_body();
            assert!(is_now(head_after), "{:?}", begun.elapsed());
            assert_eq!(next(&mut body).await, "event: a\ndata: 1\n\n");
            assert!(is_now(said_after), "{:?}", begun.elapsed());
            assert!(body.frame().await.is_none());
        }
    }

    #[tokio::test]
    async fn what_nobody_reads_is_not_produced() {
        let produced = Arc::new(Mutex::new(0));
        let count = produced.clone();
        let response = respond(Duration::from_secs(60), |writer| async move {
            for _ in 0..10 {
                writer.data(&"x".repeat(WRITE)).await;
                *count.lock().unwrap() += 1;
            }
        });
        let mut body = response.await.into_body();
        for read in 1..=10 {
            assert!(next(&mut body).await.len() > WRITE);
            assert_eq!(*produced.lock().unwrap(), read);
        }
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_a_comment() {
        let response = respond(Duration::from_secs(30), |writer| async move {
            let _kept = writer;
            std::future::pending().await
        });
        assert_eq!(next(&mut response.await.into_body()).await, ": heartbeat\n\n");
    }
}
