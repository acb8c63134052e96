//! Thread per core: each has a listener of its own on the same port (`SO_REUSEPORT`), a runtime of its own, and connections of its own
//! to providers. Nothing is handed between threads on the way of a call.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use creel_http::{Rejected, unreadable};
use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::LocalOptions;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::impatient::Impatient;
use crate::refusal::error_body;
use crate::routes;
use crate::style::{Style, Surface};
use crate::worker::{Shared, Worker};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;
/// A client may go on sending for this long after its answer.
const LINGER: Duration = Duration::from_secs(5);

/// Binds the port once for each thread.
///
/// # Errors
/// The address is taken, or cannot be listened on.
pub fn bind(address: SocketAddr, threads: usize) -> io::Result<Vec<std::net::TcpListener>> {
    // Without sharing first: another program's port must not be shared by accident.
    drop(listen(address, false)?);
    let first = listen(address, true)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..threads.max(1) {
        listeners.push(listen(address, true)?);
    }
    Ok(listeners)
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Starts a thread for each listener. They end some time after `stop`, when their calls have ended or the grace time has.
///
/// # Errors
/// The system gives no thread.
pub fn start(
    listeners: Vec<std::net::TcpListener>,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) -> io::Result<Vec<JoinHandle<()>>> {
    let spawn = |(index, listener)| {
        // One of its own, because whoever waits for a token takes its lock each time it is woken.
        let (shared, stop) = (Arc::clone(shared), stop.child_token());
        std::thread::Builder::new()
            .name(format!("llm-{index}"))
            .spawn(move || run(listener, shared, stop))
    };
    listeners.into_iter().enumerate().map(spawn).collect()
}

fn run(listener: std::net::TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Names of providers are looked up by the system, which blocks.
        .max_blocking_threads(4)
        .build_local(LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "a thread of the LLM Gateway cannot start"),
    };
    runtime.block_on(async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => serve(listener, Rc::new(Worker::new(shared)), stop).await,
            Err(error) => tracing::error!(%error, "a thread of the LLM Gateway cannot listen"),
        }
    });
}

async fn serve(listener: TcpListener, worker: Rc<Worker>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let settings = worker.shared.settings;
    let ticking = tokio::task::spawn_local(tick(settings.client_idle / 2));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly. The connection waits in the backlog until one is closed.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if connections.len() >= settings.connections {
            worker.shared.metrics.connections_refused.inc();
            continue;
        }
        connections.spawn_local(connection(stream, Rc::clone(&worker), stop.clone()));
    }
    drop(listener);
    ticking.abort();
    connections.close();
    // What runs longer is dropped with the runtime, and charged with what is known.
    let _ = tokio::time::timeout(settings.grace, connections.wait()).await;
}

/// A timer that is always nearer than those of idle connections. tokio wakes a thread, by a write(2) and all that follows, whenever
/// a timer is set that is nearer than all others; without this one, that is each time a connection begins to wait for its next request.
async fn tick(period: Duration) {
    loop {
        tokio::time::sleep(period).await;
    }
}

async fn connection(stream: TcpStream, worker: Rc<Worker>, stop: CancellationToken) {
    // A piece of a stream must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let settings = worker.shared.settings;
    let metrics = Arc::clone(&worker.shared.metrics);
    metrics.connections.inc();
    let service = service_fn(move |request| {
        let worker = Rc::clone(&worker);
        // In a box, because a call's future is large and would be moved about otherwise.
        Box::pin(async move { Ok::<_, Infallible>(routes::answer(worker, request).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // For the head of a request, and for an idle connection to send its next one.
        .header_read_timeout(settings.client_idle)
        .serve_connection(
            TokioIo::new(Rejected::new(Impatient::new(stream, settings.client_stall))),
            service,
        );
    let result = tokio::select! {
        // What happens with every piece first, what happens once in a connection's life second.
        biased;
        result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => result,
        () = stop.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    metrics.connections.dec();
    let parts = connection.into_parts();
    let (stream, rejection) = parts.io.into_inner().into_parts();
    let mut stream = stream.into_inner();
    let parting = async {
        if let Err(error) = result {
            // Also how a client that went away is noticed: its call ends with this.
            tracing::debug!(%error, "connection");
            let Some(status) = rejection else { return Ok(()) };
            let told = rejected(&parts.read_buf, status, &error);
            stream.write_all(told.as_bytes()).await?;
        }
        hang_up(stream).await
    };
    let _ = tokio::time::timeout(LINGER, parting).await;
}

/// What a client is told that sent this, which is no HTTP.
fn rejected(asked: &[u8], status: StatusCode, reason: &hyper::Error) -> String {
    let path = asked.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let surface = Surface::of_path(&String::from_utf8_lossy(path));
    let style = surface.map_or(Style::Openai, Surface::style);
    let body = error_body(style, status, "invalid_request", &unreadable(status, reason));
    let (length, body) = (body.len(), String::from_utf8_lossy(&body));
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Ends a connection, and reads what the client still sends: closing with unread data would reset it under the answer.
async fn hang_up(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut sink = [0; 4096];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}
