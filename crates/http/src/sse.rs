//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), written as they happen.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::BytesMut;
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

/// Where a handler writes its events.
pub struct EventWriter(mpsc::Sender<Bytes>);

/// The client is gone.
#[derive(Debug)]
pub struct Gone;

impl EventWriter {
    /// `event: NAME` and `data: JSON`.
    pub async fn event(&self, name: &str, data: &impl Serialize) -> Result<(), Gone> {
        let json = serde_json::to_string(data).expect("what we send is serializable");
        self.send(format!("event: {name}\ndata: {json}\n\n")).await
    }

    /// `data: JSON` without a name, as OpenAI's API has it.
    pub async fn data(&self, data: &impl Serialize) -> Result<(), Gone> {
        let json = serde_json::to_string(data).expect("what we send is serializable");
        self.send(format!("data: {json}\n\n")).await
    }

    pub async fn done_marker(&self) -> Result<(), Gone> {
        self.send("data: [DONE]\n\n".to_owned()).await
    }

    async fn send(&self, text: String) -> Result<(), Gone> {
        self.0.send(Bytes::from(text)).await.map_err(|_| Gone)
    }
}

/// Answers with the events that `write` produces. When the client goes away, `write` is dropped at its next await. A comment is sent
/// after `heartbeat` without an event, so that no proxy takes the connection for dead.
pub fn respond<F, Fut>(heartbeat: Duration, write: F) -> Response
where
    F: FnOnce(EventWriter) -> Fut,
    Fut: Future<Output = Result<(), Gone>> + Send + 'static,
{
    // One event at a time: the body takes it at once, and what a client does not read is not produced.
    let (sender, receiver) = mpsc::channel(1);
    let stream = Events {
        work: Some(Box::pin(write(EventWriter(sender)))),
        receiver,
        gathered: BytesMut::new(),
        turns: 0,
        heartbeat,
        silence: Box::pin(tokio::time::sleep(heartbeat)),
    };
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx buffers answers by default; this switches it off.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Events that come at the same time go out in one write, of about this many bytes at most.
const WRITE: usize = 16 * 1024;
/// How often everything else that can run on this thread has its turn before events are written: a delta goes from the task of
/// the provider's connection to that of the agent's turn and then here.
const TURNS: u8 = 2;

type Work = Pin<Box<dyn Future<Output = Result<(), Gone>> + Send>>;

struct Events {
    /// Produces the events. It runs inside the body, not in a task: it ends with the connection.
    work: Option<Work>,
    receiver: mpsc::Receiver<Bytes>,
    /// Events that have not been handed on yet.
    gathered: BytesMut,
    /// How often others had their turn since the last of them came.
    turns: u8,
    heartbeat: Duration,
    silence: Pin<Box<Sleep>>,
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let before = this.gathered.len();
        let ended = loop {
            if let Some(work) = &mut this.work
                && work.as_mut().poll(context).is_ready()
            {
                this.work = None;
            }
            match this.receiver.poll_recv(context) {
                Poll::Ready(Some(event)) => this.gathered.extend_from_slice(&event),
                Poll::Ready(None) => break true,
                Poll::Pending => break false,
            }
            if this.gathered.len() >= WRITE {
                break false;
            }
        };
        let gathered = this.gathered.len();
        this.turns = if gathered > before {
            0
        } else {
            this.turns.saturating_add(1)
        };
        if !ended && gathered > 0 && gathered < WRITE && this.turns < TURNS {
            // What a provider sent in one piece goes out in one write, what it sent by itself goes out by itself; nobody
            // waits for what is not there yet.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if ended || gathered > 0 {
            let next = Instant::now() + this.heartbeat;
            this.silence.as_mut().reset(next);
            return Poll::Ready((gathered > 0).then(|| Ok(this.gathered.split().freeze())));
        }
        if this.silence.as_mut().poll(context).is_ready() {
            let next = Instant::now() + this.heartbeat;
            this.silence.as_mut().reset(next);
            return Poll::Ready(Some(Ok(Bytes::from_static(b": heartbeat\n\n"))));
        }
        Poll::Pending
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
            writer.event("a", &1).await?;
            // As if from another task, that must run first.
            tokio::task::yield_now().await;
            writer.event("b", &2).await?;
            wait.await.map_err(|_| Gone)?;
            writer.event("c", &3).await
        });
        let mut body = response.into_body();
        assert_eq!(next(&mut body).await, "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n");
        go_on.send(()).unwrap();
        assert_eq!(next(&mut body).await, "event: c\ndata: 3\n\n");
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_a_comment() {
        let response = respond(Duration::from_secs(30), |writer| async move {
            let _kept = writer;
            std::future::pending().await
        });
        assert_eq!(next(&mut response.into_body()).await, ": heartbeat\n\n");
    }
}
