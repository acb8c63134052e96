//! An open connection, counted from its acceptance to the closing of its socket, whoever holds it then: a WebSocket takes it away
//! from the task that accepted it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::Connections;
use crate::paced::{Answering, Bounds, Paced};
use crate::rejected::Rejected;

pub struct Connection<P: Connections> {
    stream: Rejected<Paced<TcpStream>>,
    place: Place<P>,
    close: Option<CancellationToken>,
}

/// A connection's place among the open ones.
struct Place<P: Connections> {
    policy: Arc<P>,
    number: u64,
    _counted: TaskTrackerToken,
}

impl<P: Connections> Connection<P> {
    pub fn new(
        stream: TcpStream,
        number: u64,
        bounds: Bounds,
        answering: Answering,
        counted: TaskTrackerToken,
        policy: Arc<P>,
    ) -> Self {
        // A delta of a reply must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        // Nor must a turn go on for a client whose machine is gone: the kernel would wait a quarter of an hour for it.
        let stall = u32::try_from(bounds.stall.as_millis()).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, stall);
        let close = policy.opened(number);
        Self {
            stream: Rejected::new(Paced::new(stream, bounds, answering)),
            place: Place {
                policy,
                number,
                _counted: counted,
            },
            close,
        }
    }

    pub fn policy(&self) -> Arc<P> {
        self.place.policy.clone()
    }

    /// Whether a request has begun whose head is not whole yet.
    pub fn owes_a_head(&self) -> bool {
        self.stream.get().owes_a_head()
    }

    /// Gives the place to another connection; what is left is to hang up, and before that to say why where hyper meant to end with this
    /// status.
    pub fn leave(self) -> (impl AsyncRead + AsyncWrite + Unpin + use<P>, Option<StatusCode>) {
        let Self { stream, place, .. } = self;
        drop(place);
        stream.into_parts()
    }

    /// Resolves when the server wants the connection closed.
    pub fn closing(&self) -> impl Future<Output = ()> + use<P> {
        let close = self.close.clone();
        async move {
            match close {
                Some(close) => close.cancelled().await,
                None => std::future::pending().await,
            }
        }
    }
}

impl<P: Connections> Drop for Place<P> {
    fn drop(&mut self) {
        self.policy.closed(self.number);
    }
}

impl<P: Connections> AsyncRead for Connection<P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<P: Connections> AsyncWrite for Connection<P> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
