//! Connections to providers without TLS: models on this machine, and Creel's own LLM Gateway, through which nearly every turn goes.
//!
//! A connection is driven by whoever waits for its answer, not by a task of its own, so that what a provider sent in one piece is
//! read in one go, without a trip through the scheduler for each event in it.

use std::collections::HashMap;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Idle connections that are kept for each provider, and for how long.
pub const IDLE_CONNECTIONS: usize = 64;
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The connections of a client.
pub struct Links {
    idle: Arc<IdleLinks>,
    connect_timeout: Duration,
}

/// Why there is no head of an answer.
#[derive(Debug)]
pub enum SendError {
    Connect(String),
    Broken(String),
    /// What came is no HTTP.
    Foreign,
}

type IdleLinks = Mutex<HashMap<Origin, Vec<Idle>>>;
/// Host, without brackets, and port.
pub type Origin = (Arc<str>, u16);

struct Idle {
    link: Box<Link>,
    since: Instant,
}

impl Links {
    pub fn new(connect_timeout: Duration) -> Self {
        Self {
            idle: Arc::default(),
            connect_timeout,
        }
    }

    /// Sends a request, which must have a path for its address and a `Host`. On a connection that the provider closed meanwhile it was
    /// not sent at all, and goes out on another.
    pub async fn send(
        &self,
        origin: &Origin,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Answer>, SendError> {
        loop {
            let (mut link, is_new) = match take(&self.idle, origin) {
                Some(link) => (link, false),
                None => (self.connect(origin).await?, true),
            };
            let mut sending = pin!(link.sender.try_send_request(request));
            match poll_fn(|cx| link.poll(cx, |cx| sending.as_mut().poll(cx))).await {
                Ok(response) => {
                    return Ok(response.map(|body| Answer {
                        body,
                        link: Some((origin.clone(), link)),
                        idle: Arc::clone(&self.idle),
                    }));
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ if error.error().is_parse() => return Err(SendError::Foreign),
                    _ => return Err(SendError::Broken(innermost(error.error()))),
                },
            }
        }
    }

    async fn connect(&self, (host, port): &Origin) -> Result<Box<Link>, SendError> {
        let opening = async {
            // An address needs no thread that looks it up.
            let stream = match host.parse::<IpAddr>() {
                Ok(ip) => TcpStream::connect((ip, *port)).await?,
                Err(_) => TcpStream::connect((&**host, *port)).await?,
            };
            stream.set_nodelay(true)?;
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)
        };
        let opened = tokio::time::timeout(self.connect_timeout, opening).await;
        let (sender, connection) = opened
            .map_err(|_| SendError::Connect(format!("no connection within {:?}", self.connect_timeout)))?
            .map_err(|error| SendError::Connect(error.to_string()))?;
        Ok(Box::new(Link {
            sender,
            connection: Some(connection),
        }))
    }
}

/// An idle connection that still lives. The one that was used last is used next: few stay warm, the others run out.
fn take(idle: &IdleLinks, origin: &Origin) -> Option<Box<Link>> {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    let links = idle.get_mut(origin)?;
    while let Some(Idle { mut link, since }) = links.pop() {
        if since.elapsed() < IDLE_TIMEOUT && link.is_usable() {
            return Some(link);
        }
    }
    None
}

fn give_back(idle: &Arc<IdleLinks>, origin: Origin, mut link: Box<Link>) {
    if !link.is_usable() {
        return;
    }
    let since = Instant::now();
    let mut all = idle.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = all.is_empty();
    let links = all.entry(origin).or_default();
    if links.len() < IDLE_CONNECTIONS {
        links.push(Idle { link, since });
    }
    drop(all);
    if is_first && let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(close_idle(Arc::downgrade(idle)));
    }
}

/// Closes what nobody used for long, until there is nothing.
async fn close_idle(idle: Weak<IdleLinks>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut all = idle.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, links| {
            links.retain(|idle| idle.since.elapsed() < IDLE_TIMEOUT);
            !links.is_empty()
        });
        if all.is_empty() {
            return;
        }
    }
}

struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// `None`: it has ended.
    connection: Option<Connection<TokioIo<TcpStream>, Full<Bytes>>>,
}

impl Link {
    /// Polls what waits for this connection, and the connection, if that is what it waits for.
    fn poll<T>(&mut self, cx: &mut Context<'_>, mut what: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if let Poll::Ready(ready) = what(cx) {
            return Poll::Ready(ready);
        }
        self.drive(cx);
        what(cx)
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            // With it goes what it would have brought: whoever waits is told.
            self.connection = None;
        }
    }

    /// Whether it is open, and the last answer was read to its end.
    fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }
}

/// The body of an answer. Read to its end, it leaves its connection to others; dropped before, it hangs up.
pub struct Answer {
    body: Incoming,
    /// `None`: the body has ended.
    link: Option<(Origin, Box<Link>)>,
    idle: Arc<IdleLinks>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        let Some((_, link)) = &mut this.link else {
            return Poll::Ready(None);
        };
        let frame = ready!(link.poll(cx, |cx| Pin::new(&mut this.body).poll_frame(cx)));
        match (&frame, this.link.take()) {
            (Some(Ok(_)), link) => this.link = link,
            (None, Some((origin, link))) => give_back(&this.idle, origin, link),
            _ => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The cause that says most.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
