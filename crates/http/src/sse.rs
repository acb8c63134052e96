//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), written as they happen.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
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
    // One event at a time: the body is polled for it at once, and what a client does not read is not produced.
    let (sender, receiver) = mpsc::channel(1);
    let stream = Events {
        work: Some(Box::pin(write(EventWriter(sender)))),
        receiver,
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

type Work = Pin<Box<dyn Future<Output = Result<(), Gone>> + Send>>;

struct Events {
    /// Produces the events. It runs inside the body, not in a task: it ends with the connection.
    work: Option<Work>,
    receiver: mpsc::Receiver<Bytes>,
    heartbeat: Duration,
    silence: Pin<Box<Sleep>>,
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(work) = &mut this.work
            && work.as_mut().poll(context).is_ready()
        {
            this.work = None;
        }
        if let Poll::Ready(event) = this.receiver.poll_recv(context) {
            let next = Instant::now() + this.heartbeat;
            this.silence.as_mut().reset(next);
            return Poll::Ready(event.map(Ok));
        }
        if this.silence.as_mut().poll(context).is_ready() {
            let next = Instant::now() + this.heartbeat;
            this.silence.as_mut().reset(next);
            return Poll::Ready(Some(Ok(Bytes::from_static(b": heartbeat\n\n"))));
        }
        Poll::Pending
    }
}
