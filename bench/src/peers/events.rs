//! Server-sent events of the control plane, as they come.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A change is told at once, or something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Events {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Events {
    /// Follows `GET /api/events` of the control plane on this port.
    pub async fn follow(port: u16, token: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let request =
            format!("GET /api/events HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut events = Self {
            stream,
            seen: Vec::new(),
        };
        events.until(" 200 OK\r\n").await?;
        events.until("\r\n\r\n").await?;
        Ok(events)
    }

    /// Waits for this text; what came before it is forgotten.
    pub async fn until(&mut self, text: &str) -> anyhow::Result<()> {
        let wait = async {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let found = self.seen.windows(text.len()).position(|part| part == text.as_bytes());
                if let Some(at) = found {
                    self.seen.drain(..at + text.len());
                    return anyhow::Ok(());
                }
                let read = self.stream.read(&mut buffer).await?;
                ensure!(read > 0, "the stream of events ended before {text:?}");
                self.seen.extend_from_slice(&buffer[..read]);
            }
        };
        timeout(PATIENCE, wait)
            .await
            .with_context(|| format!("no event with {text:?}"))?
    }
}
