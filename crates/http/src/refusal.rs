//! What is told without the router: that there is no room, or that what came is no request.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::rejected::unreadable;
use crate::serve::hang_up;
use crate::{Connections, Problem};

/// The whole exchange may take this long.
const PATIENCE: Duration = Duration::from_secs(1);
/// Enough for the line that says what is asked.
const REQUEST_LINE: usize = 4096;

/// What a client is told for which there is no room.
pub fn too_many_connections() -> Problem {
    let detail = "too many connections are open; try again";
    Problem::too_many("too_many_connections", detail, Duration::from_secs(1))
}

/// Says why, once the client has asked: an answer that comes before its question is an error to many.
pub async fn refuse<P: Connections>(mut stream: TcpStream, policy: Arc<P>) {
    let exchange = async {
        let mut asked = [0; REQUEST_LINE];
        let length = stream.read(&mut asked).await?;
        let problem = too_many_connections();
        stream
            .write_all(answer(&*policy, &asked[..length], &problem).as_bytes())
            .await?;
        hang_up(stream).await
    };
    let _ = tokio::time::timeout(PATIENCE, exchange).await;
}

/// What a client is told that began a request and does not go on with it.
pub fn head_overdue() -> Problem {
    let detail = "the head of the request did not come in time; send it again";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
}

/// What a client is told whose request cannot be read.
pub fn bad_head(status: StatusCode, reason: &hyper::Error) -> Problem {
    let code = match status {
        StatusCode::BAD_REQUEST => "bad_request",
        _ => "too_large",
    };
    Problem::new(status, code, unreadable(status, reason))
}

/// The whole answer to a request of which the first bytes are here.
pub fn answer(policy: &impl Connections, asked: &[u8], problem: &Problem) -> String {
    let path = asked.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let (kind, body) = policy.told(&String::from_utf8_lossy(path), problem);
    let body = body.to_string();
    let (status, length) = (problem.status, body.len());
    let retry_after = problem.retry_after.map_or_else(String::new, |after| {
        format!("retry-after: {}\r\n", after.as_secs().max(1))
    });
    format!(
        "HTTP/1.1 {status}\r\n{retry_after}connection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    struct Server;

    impl Connections for Server {
        fn limit(&self) -> usize {
            1
        }

        fn idle_timeout(&self) -> Duration {
            PATIENCE
        }

        fn told(&self, path: &str, _: &Problem) -> (&'static str, Value) {
            ("application/json", json!({"asked": path}))
        }
    }

    #[test]
    fn it_is_told_as_whoever_asks_expects_it() {
        for (asked, path) in [
            ("GET /v1/models HTTP/1.1\r\n", "/v1/models"),
            ("GET /v1", "/v1"),
            ("\u{16}\u{3}", ""),
            ("", ""),
        ] {
            let answer = answer(&Server, asked.as_bytes(), &too_many_connections());
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{head}");
            assert!(head.contains("content-type: application/json\r\n"), "{head}");
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
            assert_eq!(body, json!({"asked": path}).to_string());
        }
    }
}
