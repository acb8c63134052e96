//! The client: one keep-alive connection, TCP_NODELAY, one request after the other, timed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::provider::{WORD, WORDS};

/// The slowest turn that still is one.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    port: u16,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// From sending the request to the first bytes of the answer's body, if it has any.
    pub first: Option<Duration>,
    /// From sending the request to the end of the answer.
    pub took: Duration,
}

impl Connection {
    pub async fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, port })
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let request = Request::get(path)
            .header("host", format!("127.0.0.1:{}", self.port))
            .body(Full::default())?;
        self.send(request).await
    }

    pub async fn send_json(&mut self, method: &str, path: &str, token: &str, body: &Bytes) -> anyhow::Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("127.0.0.1:{}", self.port))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::new(body.clone()))?;
        self.send(request).await
    }

    pub async fn post(&mut self, path: &str, token: &str, body: &Bytes) -> anyhow::Result<Answer> {
        self.send_json("POST", path, token, body).await
    }

    /// A POST with headers of one's own.
    pub async fn ask(&mut self, path: &str, headers: &[(&str, String)], body: &Bytes) -> anyhow::Result<Answer> {
        let host = format!("127.0.0.1:{}", self.port);
        let request = headers
            .iter()
            .fold(Request::post(path).header("host", host), |request, (name, value)| {
                request.header(*name, value)
            });
        self.send(request.body(Full::new(body.clone()))?).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let exchange = async {
            self.sender.ready().await?;
            let started = Instant::now();
            let mut response = self.sender.send_request(request).await?;
            let (mut body, mut first) = (Vec::new(), None);
            while let Some(frame) = response.frame().await {
                if let Ok(data) = frame?.into_data() {
                    first.get_or_insert_with(|| started.elapsed());
                    body.extend_from_slice(&data);
                }
            }
            anyhow::Ok(Answer {
                status: response.status().as_u16(),
                body,
                first,
                took: started.elapsed(),
            })
        };
        timeout(PATIENCE, exchange).await.context("no answer in time")?
    }
}

impl Answer {
    /// How long it took, if it is a whole turn that carries all of the provider's words.
    pub fn turn(self) -> anyhow::Result<Duration> {
        let body = String::from_utf8_lossy(&self.body);
        ensure!(
            self.status == 200,
            "status {}: {}",
            self.status,
            body.chars().take(300).collect::<String>()
        );
        ensure!(
            body.matches(WORD.trim_end()).count() == WORDS,
            "not the provider's words: {body}"
        );
        ensure!(
            !body.starts_with("data:") || body.contains("[DONE]"),
            "the stream ended early: {body}"
        );
        Ok(self.took)
    }

    /// Null if it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether a gateway says that it is ready: 200, and JSON that says so. Upstream answers unknown paths with HTML.
    pub fn says_ready(&self) -> bool {
        self.status == 200 && self.json()["ready"] == true
    }
}

/// Asks until the gateway on this port is ready.
pub async fn until_ready(port: u16, started: Instant, limit: Duration) -> anyhow::Result<Duration> {
    until(port, "/readyz", Answer::says_ready, started, limit).await
}

/// Asks for this path until the answer is a good one. Pauses for a hundredth of the time gone, so that asking distorts neither a
/// start of milliseconds nor one of seconds.
pub async fn until(
    port: u16,
    path: &str,
    is_good: fn(&Answer) -> bool,
    started: Instant,
    limit: Duration,
) -> anyhow::Result<Duration> {
    loop {
        if let Ok(mut connection) = Connection::open(port).await
            && connection.get(path).await.is_ok_and(|answer| is_good(&answer))
        {
            return Ok(started.elapsed());
        }
        let gone = started.elapsed();
        ensure!(gone < limit, "not ready after {} s", limit.as_secs());
        // The runtime's timers count in milliseconds; this pause is shorter.
        std::thread::park_timeout((gone / 100).max(Duration::from_micros(50)));
        tokio::task::yield_now().await;
    }
}
