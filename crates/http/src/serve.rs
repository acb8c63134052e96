//! The listener of a server: accepts connections up to the limit, serves HTTP/1.1 on them, and lets them go when the server
//! stops. What becomes of a request is the router's business.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use crate::answered::Answered;
use crate::connection::Connection;
use crate::paced::{Answering, Bounds};
use crate::problem::{PROBLEM_JSON, Problem};
use crate::refusal::{answer as answer_to, bad_head, head_overdue, refuse};
use crate::unread::Lent;

/// Connections beyond the limit that are still listened to, so that probes get through and others are told why not.
const CROWD: usize = 32;
/// Such a connection must send its request's head within this time: idle ones must not take the probes' places.
const CROWD_TIMEOUT: Duration = Duration::from_secs(2);
/// A client may go on sending for this long after its answer.
const LINGER: Duration = Duration::from_secs(if cfg!(test) { 120 } else { 5 });
/// Clients at a time that may do so: their connections are no longer counted among the open ones.
const LINGERERS: usize = 256;
/// Connections at a time that are told, without being listened to, that there are too many.
const REFUSALS: usize = 256;

/// A server's state, as far as connections are concerned. Asked anew for each of them.
pub trait Connections: Send + Sync + 'static {
    /// Open connections that are served.
    fn limit(&self) -> usize;

    /// How long an idle connection may take for its next request.
    fn idle_timeout(&self) -> Duration;

    /// How long a client may take for the head of a request that it has begun.
    fn head_timeout(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// How long a client may read nothing of what waits for it.
    fn stall_timeout(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// Media type and body of a problem, as whoever asks for `path` expects them.
    fn told(&self, path: &str, problem: &Problem) -> (&'static str, Value) {
        let _ = path;
        (PROBLEM_JSON, problem.body())
    }

    /// A connection was accepted; the number is its own for as long as the server runs. A token that comes back closes it at once when
    /// it is cancelled.
    fn opened(&self, _connection: u64) -> Option<CancellationToken> {
        None
    }

    fn closed(&self, _connection: u64) {}

    /// One beyond the limit and the crowd was turned away.
    fn refused(&self) {}
}

/// Where a request came from; the accept loop puts it into the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub ip: IpAddr,
    /// The connection is one over the limit: it may ask how the server is, and nothing else.
    pub crowded: bool,
    /// The connection's number.
    pub connection: u64,
}

/// Serves `listener` until `stop`, then waits until the open connections have sent what they owe.
pub async fn serve<P: Connections>(listener: TcpListener, router: Router, policy: Arc<P>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let refusals = TaskTracker::new();
    let lingerers = TaskTracker::new();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly. The connection waits in the backlog until one is closed.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let limit = policy.limit();
        let mut open = connections.len();
        if open >= limit {
            // Those that are being closed may be gone in a moment.
            tokio::task::yield_now().await;
            open = connections.len();
        }
        if open >= limit + CROWD {
            policy.refused();
            if refusals.len() < REFUSALS {
                refusals.spawn(refuse(stream, policy.clone()));
            }
            continue;
        }
        let peer = Peer {
            ip: unmapped(peer),
            crowded: open >= limit,
            connection: number,
        };
        number += 1;
        let bounds = Bounds {
            head: policy.head_timeout(),
            stall: policy.stall_timeout(),
        };
        let patience = match peer.crowded {
            true => CROWD_TIMEOUT,
            false => policy.idle_timeout(),
        };
        let answering = Answering::default();
        let connection = Connection::new(
            stream,
            peer.connection,
            bounds,
            answering.clone(),
            connections.token(),
            policy.clone(),
        );
        let service = (answering, router.clone());
        tokio::spawn(answer(
            connection,
            service,
            peer,
            patience,
            (stop.clone(), lingerers.clone()),
        ));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn answer<P: Connections>(
    connection: Connection<P>,
    (answering, router): (Answering, Router),
    peer: Peer,
    patience: Duration,
    (stop, lingerers): (CancellationToken, TaskTracker),
) {
    let closing = connection.closing();
    let policy = connection.policy();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let answer = answering.begin();
        request.extensions_mut().insert(peer);
        let (head, body) = request.into_parts();
        let (body, left) = Lent::new(body);
        let response = router.clone().call(Request::from_parts(head, body));
        async move {
            let mut response = response.await?;
            let status = response.status();
            if (status.is_client_error() || status.is_server_error()) && !left.read().await {
                let headers = response.headers_mut();
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(Answered::of(response, answer))
        }
    });
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        // For an idle connection to send its next request; once that has begun, the connection itself says how long it may take.
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(connection), service)
        // One that becomes a WebSocket goes on in the hands of its handler, and is counted for as long.
        .with_upgrades();
    let result = tokio::select! {
        result = &mut serving => result,
        () = closing => return,
        () = stop.cancelled() => {
            Pin::new(&mut serving).graceful_shutdown();
            (&mut serving).await
        }
    };
    let error = result.err();
    if let Some(error) = &error {
        tracing::debug!(%error, peer = %peer.ip, "connection");
    }
    let Some(parts) = serving.into_parts() else { return };
    let connection = parts.io.into_inner();
    let owes_a_head = connection.owes_a_head();
    // Its place goes first: a client that does not close its end must not keep probes out.
    let (mut stream, rejection) = connection.leave();
    let problem = match (error, rejection) {
        (Some(error), Some(status)) => Some(bad_head(status, &error)),
        (Some(error), None) if owes_a_head && timed_out(&error) => Some(head_overdue()),
        _ => None,
    };
    if let Some(problem) = problem {
        let told = answer_to(&*policy, &parts.read_buf, &problem);
        // It fits into the socket's buffer, unless the client is gone.
        let _ = tokio::time::timeout(LINGER, stream.write_all(told.as_bytes())).await;
    }
    if lingerers.len() >= LINGERERS {
        return;
    }
    let _lingering = lingerers.token();
    tokio::select! {
        _ = tokio::time::timeout(LINGER, hang_up(stream)) => {}
        () = stop.cancelled() => {}
    }
}

/// Whether a client took longer than it may.
fn timed_out(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    error.is_timeout() || source.is_some_and(|source| source.kind() == io::ErrorKind::TimedOut)
}

/// Ends a connection, and reads what the client still sends: closing with unread data would reset it under the answer.
pub async fn hang_up(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.shutdown().await?;
    let mut sink = [0; 4096];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}

/// An IPv4 client of an IPv6 socket, as IPv4.
fn unmapped(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::net::TcpStream;
    use tokio::sync::mpsc;

    use super::*;

    struct Crowded(mpsc::Sender<u64>);

    impl Connections for Crowded {
        fn limit(&self) -> usize {
            0
        }

        fn idle_timeout(&self) -> Duration {
            Duration::from_secs(60)
        }

        fn closed(&self, connection: u64) {
            let _ = self.0.try_send(connection);
        }
    }

    #[tokio::test]
    async fn who_is_answered_and_stays_keeps_nobody_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (closed, mut left) = mpsc::channel(CROWD + 1);
        let router = Router::new().route("/healthz", get(async || "ok"));
        tokio::spawn(serve(
            listener,
            router,
            Arc::new(Crowded(closed)),
            CancellationToken::new(),
        ));
        let mut held = Vec::new();
        for _ in 0..=CROWD {
            let mut client = TcpStream::connect(address).await.unwrap();
            let probe = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            client.write_all(probe).await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            // Held open: the server lingers for all of them at once, so none of the places comes free by that in time.
            held.push(client);
            let place = tokio::time::timeout(LINGER / 2, left.recv()).await;
            place.expect("the place is free while the client stays").unwrap();
        }
    }
}
