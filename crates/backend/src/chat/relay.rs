//! A request handed on to an instance, and its answer as it comes, each within its time.
//!
//! It knows an address and HTTP/1.1, and neither fleet nor browser. Whoever drops the call or the answer hangs up.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// How long an instance is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For the head of the answer. One that is not streamed begins when its turn is over.
    pub first_byte: Duration,
    /// For the next part of the answer.
    pub idle: Duration,
}

impl Default for Patience {
    /// A turn of the native gateway lasts 600 s at most, and a stream of it is never silent for as long as `idle`; upstream is silent
    /// while its tools work.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(660),
            idle: Duration::from_secs(660),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, io::Error),
    #[error("the connection broke before the answer: {0}")]
    Broken(#[from] hyper::Error),
    #[error("no answer within {} s", .0.as_secs_f32())]
    Silent(Duration),
}

/// Sends the request there, and gives the answer once its head has come. A body that stalls or breaks ends with an error.
pub async fn relay(to: SocketAddr, request: Request<Body>, patience: Patience) -> Result<Response<Body>, RelayError> {
    let connected = timeout(patience.connect, TcpStream::connect(to)).await;
    let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = connected.map_err(|error| RelayError::Connect(to, error))?;
    let _ = stream.set_nodelay(true);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Dropped with the call or the answer, whichever it is that nobody waits for any more: the instance sees the connection close.
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = timeout(patience.first_byte, sender.send_request(request)).await;
    let (head, body) = answer
        .map_err(|_| RelayError::Silent(patience.first_byte))??
        .into_parts();
    Ok(Response::from_parts(head, paced(body, connection, patience.idle)))
}

/// The body, which holds its connection.
fn paced<T: Send + 'static>(body: Incoming, connection: AbortOnDropHandle<T>, idle: Duration) -> Body {
    let parts = stream::try_unfold(
        (body.into_data_stream(), connection),
        move |(mut body, connection)| async move {
            match timeout(idle, body.next()).await {
                Ok(Some(part)) => part
                    .map(|part| Some((part, (body, connection))))
                    .map_err(io::Error::other),
                Ok(None) => Ok(None),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        },
    );
    Body::from_stream(parts)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf";
    const SHORT: Duration = Duration::from_millis(50);

    async fn instance() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// The instance's end of the connection, once the request has come.
    async fn asked(listener: &TcpListener) -> TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "it was closed");
        }
        stream
    }

    fn get() -> Request<Body> {
        Request::new(Body::empty())
    }

    #[tokio::test]
    async fn nobody_listens() {
        // Taken, so that no other test listens there.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = taken.local_addr().unwrap();
        let refused = relay(address, get(), Patience::default()).await;
        assert!(matches!(refused, Err(RelayError::Connect(to, _)) if to == address));
    }

    #[tokio::test]
    async fn one_that_never_answers_is_given_up() {
        let (listener, address) = instance().await;
        let patience = Patience {
            first_byte: SHORT,
            ..Patience::default()
        };
        let (given_up, _kept_open) = tokio::join!(relay(address, get(), patience), asked(&listener));
        assert!(matches!(given_up, Err(RelayError::Silent(SHORT))));
    }

    #[tokio::test]
    async fn one_that_stops_in_the_middle_is_given_up() {
        let (listener, address) = instance().await;
        let patience = Patience {
            idle: SHORT,
            ..Patience::default()
        };
        let half = async {
            let mut stream = asked(&listener).await;
            stream.write_all(HALF).await.unwrap();
            stream
        };
        let (answer, _kept_open) = tokio::join!(relay(address, get(), patience), half);
        let mut parts = answer.unwrap().into_body().into_data_stream();
        assert_eq!(parts.next().await.unwrap().unwrap(), "half");
        assert!(parts.next().await.unwrap().is_err());
    }

    #[tokio::test]
    async fn who_hangs_up_is_hung_up_for() {
        let (listener, address) = instance().await;
        let call = tokio::spawn(relay(address, get(), Patience::default()));
        let mut stream = asked(&listener).await;
        call.abort();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "before the answer");

        let call = tokio::spawn(relay(address, get(), Patience::default()));
        let mut stream = asked(&listener).await;
        stream.write_all(HALF).await.unwrap();
        drop(call.await.unwrap().unwrap());
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "in the middle of it");
    }
}
