//! hyper answers what is no HTTP by itself: with a status, and not a word. [`Rejected`] holds that answer back, so that the server can
//! give one that says what is wrong.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The statuses of hyper 1 (`proto/h1/role.rs`, `Server::on_error`).
const STATUSES: [StatusCode; 3] = [
    StatusCode::BAD_REQUEST,
    StatusCode::URI_TOO_LONG,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];
/// What follows the status, up to the date. No answer of ours has this head: each tells the type of its body.
const HEAD: &str = "\r\nconnection: close\r\ncontent-length: 0\r\ndate: ";
/// `Sat, 21 Nov 2026 16:53:06 GMT` and the end of the head.
const DATE: usize = 29 + END.len();
const END: &[u8] = b"\r\n\r\n";

/// A stream that hyper writes to, without what it says of its own accord.
pub struct Rejected<S> {
    stream: S,
    held_back: Option<StatusCode>,
}

impl<S> Rejected<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            held_back: None,
        }
    }

    pub fn get(&self) -> &S {
        &self.stream
    }

    /// The stream, and the status of the answer that was held back: whoever asked waits for one.
    pub fn into_parts(self) -> (S, Option<StatusCode>) {
        (self.stream, self.held_back)
    }
}

/// What of a client's bytes cannot be read, for its user. `reason` is hyper's.
pub fn unreadable(status: StatusCode, reason: &hyper::Error) -> String {
    match status {
        StatusCode::URI_TOO_LONG => "the address of the request is too long".to_owned(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the head of the request is too large: send fewer headers, or shorter ones".to_owned()
        }
        _ => format!("this cannot be read as a request of HTTP/1.1: {reason}"),
    }
}

/// Where hyper's own answer begins, if that is what the bytes end with; answers to requests that came before can be in front of it.
fn rejection(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    let head = bytes.strip_suffix(END).and(bytes.len().checked_sub(DATE))?;
    let status = bytes[..head].strip_suffix(HEAD.as_bytes())?;
    STATUSES.iter().find_map(|rejected| {
        let before = status.strip_suffix(format!("HTTP/1.1 {rejected}").as_bytes())?;
        Some((before.len(), *rejected))
    })
}

impl<S: AsyncRead + Unpin> AsyncRead for Rejected<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rejected<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = match rejection(bytes) {
            None => bytes,
            Some((0, status)) => {
                self.held_back = Some(status);
                return Poll::Ready(Ok(bytes.len()));
            }
            Some((before, _)) => &bytes[..before],
        };
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [one] => self.poll_write(context, one),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// What was held back is made good first.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.held_back {
            Some(_) => Poll::Ready(Ok(())),
            None => Pin::new(&mut self.stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const OWN: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

    fn hypers(status: &str) -> String {
        format!("HTTP/1.1 {status}{HEAD}Sat, 21 Nov 2026 16:53:06 GMT\r\n\r\n")
    }

    #[tokio::test]
    async fn what_hyper_says_of_its_own_accord_is_held_back_and_nothing_else() {
        for (written, passed, status) in [
            (hypers("400 Bad Request"), "", Some(400)),
            (hypers("431 Request Header Fields Too Large"), "", Some(431)),
            (format!("{OWN}{}", hypers("414 URI Too Long")), OWN, Some(414)),
            (OWN.to_owned(), OWN, None),
        ] {
            let (ours, mut theirs) = duplex(4096);
            let mut rejected = Rejected::new(ours);
            rejected.write_all(written.as_bytes()).await.unwrap();
            let (stream, held_back) = rejected.into_parts();
            drop(stream);
            let mut read = String::new();
            theirs.read_to_string(&mut read).await.unwrap();
            assert_eq!(
                (read.as_str(), held_back.map(|status| status.as_u16())),
                (passed, status)
            );
        }
    }
}
