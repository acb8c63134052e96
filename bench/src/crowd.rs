//! Many connections that are open at once and have nothing to say: a socket each, and nothing else.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
/// Open files of a process that are no connections of the crowd: those of a provider, and some.
const OTHERS: u64 = 2_000;

/// Raises the limit of open files for this process and those that it starts from now on, as far as it goes. Says how many of `wanted`
/// connections there is room for.
pub fn room_for(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let open = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    open.map_or(wanted, |open| wanted.min(open.saturating_sub(OTHERS) as usize))
}

/// Opens a connection, asks, and waits for the head of a good answer: the connection stays as it is then.
pub async fn join(port: u16, method: &str, path: &str, token: &str, body: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = vec![0; 1_024];
    let length = timeout(PATIENCE, stream.read(&mut head))
        .await
        .context("no answer in time")??;
    let head = String::from_utf8_lossy(&head[..length]);
    ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    Ok(stream)
}
