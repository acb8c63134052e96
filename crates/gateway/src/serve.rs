//! The listener: accepts connections up to the limit, serves HTTP/1.1 on them, and lets them go when the gateway drains.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use crate::guard::Peer;
use crate::routes::State;

/// Connections beyond the limit that are still listened to, so that probes get through and others are told why not.
const CROWD: usize = 32;
/// Such a connection must send its request's head within this time: idle ones must not take the probes' places.
const CROWD_TIMEOUT: Duration = Duration::from_secs(2);
/// A client may go on sending for this long after its answer.
const LINGER: Duration = Duration::from_secs(5);
/// Connections at a time that are told, without being listened to, that there are too many.
const REFUSALS: usize = 256;
const REFUSAL: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: application/problem+json\r\ncontent-length: 95\r\n\r\n\
    {\"title\":\"Too Many Requests\",\"status\":429,\"detail\":\"too many connections are open; try again\"}\n";

/// Serves `listener` until `stop`, then waits until the open connections have sent what they owe.
pub async fn serve(listener: TcpListener, router: Router, gateway: State, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let refusals = TaskTracker::new();
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
        let limit = gateway.setup.load().config.gateway.limits.connections as usize;
        let open = connections.len();
        if open >= limit + CROWD {
            gateway.metrics.refused.inc();
            if refusals.len() < REFUSALS {
                refusals.spawn(refuse(stream));
            }
            continue;
        }
        let peer = Peer {
            ip: unmapped(peer),
            crowded: open >= limit,
        };
        connections.spawn(connection(stream, peer, router.clone(), gateway.clone(), stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, gateway: State, stop: CancellationToken) {
    // A delta of a reply must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    gateway.metrics.connections.inc();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
    let patience = match peer.crowded {
        true => CROWD_TIMEOUT,
        false => gateway.setup.load().config.gateway.limits.idle_timeout,
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // For the head of a request, and for an idle connection to send its next one.
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(stream), service);
    let result = tokio::select! {
        result = poll_fn(|context| connection.poll_without_shutdown(context)) => result,
        () = stop.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|context| connection.poll_without_shutdown(context)).await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, peer = %peer.ip, "connection");
    }
    let stream = connection.into_parts().io.into_inner();
    tokio::select! {
        _ = tokio::time::timeout(LINGER, hang_up(stream)) => {}
        () = stop.cancelled() => {}
    }
    gateway.metrics.connections.dec();
}

/// Says why, once the client has asked: an answer that comes before its question is an error to many.
async fn refuse(mut stream: TcpStream) {
    let exchange = async {
        let _asked = stream.read(&mut [0; 4096]).await?;
        stream.write_all(REFUSAL).await?;
        hang_up(stream).await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), exchange).await;
}

/// Ends a connection, and reads what the client still sends: closing with unread data would reset it under the answer.
async fn hang_up(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut sink = [0; 4096];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}

/// An IPv4 client of an IPv6 socket, as IPv4.
fn unmapped(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}
