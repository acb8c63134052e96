//! Readiness: `GET /readyz` on an instance's port, judged by its JSON body; and liveness: any answer at all to `GET /healthz`.
//!
//! Upstream answers 200 with the HTML of its web page on paths it does not know, so a status alone says nothing of readiness.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::procfs;

/// The longest one question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is a few hundred bytes; more than this is a web page.
const MAX_ANSWER: u64 = 64 << 10;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Waits until the instance with this session is ready on this port, asking often at first and then less. Without a session,
/// whoever has the port is known to be the right one.
pub async fn until_ready(session: Option<u32>, port: u16) {
    let mut pause = FIRST_PAUSE;
    let is_its_own = || session.is_none_or(|session| procfs::listens(session, port));
    while !(is_ready(port).await && is_its_own()) {
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4 + Duration::from_millis(1)).min(LONGEST_PAUSE);
    }
}

/// Waits until whoever has the port answers.
pub async fn until_alive(port: u16) {
    while !matches!(timeout(PATIENCE, ask(port, "/healthz")).await, Ok(Ok(answer)) if !answer.is_empty()) {
        tokio::time::sleep(FIRST_PAUSE).await;
    }
}

/// Whether whoever listens there is ready now.
async fn is_ready(port: u16) -> bool {
    matches!(timeout(PATIENCE, ask(port, "/readyz")).await, Ok(Ok(answer)) if says_ready(&answer))
}

async fn ask(port: u16, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: application/json\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(1024);
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// 200, and a body that says so.
fn says_ready(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let is_200 = head.lines().next().and_then(|line| line.split(' ').nth(1)) == Some("200");
    is_200 && is_ready_body(body)
}

/// A JSON object that says so: `ready` (upstream) or `ok` is there, and neither is anything but true.
pub fn is_ready_body(body: &str) -> bool {
    // Taken from its braces: the body may come in chunks, with their lengths around it.
    let json = body
        .find('{')
        .zip(body.rfind('}'))
        .and_then(|(start, end)| body.get(start..=end));
    let Some(Ok(serde_json::Value::Object(members))) = json.map(serde_json::from_str) else {
        return false;
    };
    let mut said = ["ready", "ok"].iter().filter_map(|name| members.get(*name)).peekable();
    said.peek().is_some() && said.all(|value| *value == true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: &str, body: &str) -> bool {
        says_ready(format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\r\n{body}").as_bytes())
    }

    #[test]
    fn only_a_json_object_that_says_so_is_ready() {
        assert!(ready("200 OK", r#"{"ok":true,"status":"ready"}"#));
        assert!(ready("200 OK", r#"{"ready":true,"failing":[]}"#));
        assert!(ready("200 OK", "f\r\n{\"ready\":true}\r\n0\r\n\r\n"));
        assert!(!ready("200 OK", "<!doctype html><script>let a = {}</script>"));
        assert!(!ready("503 Service Unavailable", r#"{"ready":true}"#));
        assert!(!ready("200 OK", r#"{"ready":false,"reasons":["draining"]}"#));
        assert!(!ready("200 OK", r#"[true]"#));
        assert!(!ready("200 OK", ""));
        assert!(!says_ready(b"SSH-2.0-OpenSSH_9"));
    }
}
