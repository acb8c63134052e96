//! How long a client may take: to send the head of a request once it has begun one, and to read what it is sent.
//!
//! hyper has one time for an idle connection and for a head that has begun, so where a connection may idle for a minute, a head could
//! drop in byte by byte for one. And nobody bounds the other: a client that reads nothing would keep a turn and its model call for as
//! long as it likes.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the first byte of a request to the last one of its head.
    pub head: Duration,
    /// Without reading a byte of what waits for it. Whoever reads slowly, but reads, is never cut off.
    pub stall: Duration,
}

/// The requests of a connection. While one is being answered, the client owes nothing.
#[derive(Clone, Debug, Default)]
pub struct Answering(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Answering {
    pub fn begin(&self) -> Answer {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Answer(self.clone())
    }

    fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    fn is_going_on(&self) -> bool {
        self.begun() != self.0.ended.load(Ordering::Relaxed)
    }
}

/// From a request's head to the end of its answer.
#[derive(Debug)]
pub struct Answer(Answering);

impl Answer {
    /// Leaves the connection's other uses to whoever takes it over.
    pub fn never_ends(self) {
        self.0.0.begun.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream whose reads and writes fail with [`ErrorKind::TimedOut`] once the client has taken too long.
pub struct Paced<S> {
    pub stream: S,
    bounds: Bounds,
    answering: Answering,
    /// A head has begun, and this many requests before it.
    head: Option<usize>,
    /// When the rest of it is overdue.
    due: Pin<Box<Sleep>>,
    /// When a client that reads nothing is cut off; there is one while something waits for it.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub fn new(stream: S, bounds: Bounds, answering: Answering) -> Self {
        Self {
            stream,
            bounds,
            answering,
            head: None,
            due: Box::pin(tokio::time::sleep(bounds.head)),
            stalled: None,
        }
    }

    /// Whether a head has begun that is not whole yet.
    pub fn owes_a_head(&self) -> bool {
        self.head == Some(self.answering.begun()) && !self.answering.is_going_on()
    }

    /// Bytes came.
    fn heard(&mut self) {
        if !self.answering.is_going_on() && !self.owes_a_head() {
            self.head = Some(self.answering.begun());
            self.due.as_mut().reset(Instant::now() + self.bounds.head);
        }
    }

    /// What became of a write: one that waits for the client fails once it has waited for too long.
    fn written(&mut self, result: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let stall = self.bounds.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the client reads nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                if buffer.filled().len() > before {
                    this.heard();
                }
                Poll::Ready(result)
            }
            Poll::Pending if this.owes_a_head() => {
                ready!(this.due.as_mut().poll(context));
                let what = "the head of the request did not come in time";
                Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, what)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const BOUNDS: Bounds = Bounds {
        head: Duration::from_secs(10),
        stall: Duration::from_secs(60),
    };

    fn connected(room: usize) -> (Paced<DuplexStream>, DuplexStream, Answering) {
        let (ours, theirs) = duplex(room);
        let answering = Answering::default();
        (Paced::new(ours, BOUNDS, answering.clone()), theirs, answering)
    }

    /// Reads until it is too late, and gives the seconds that it took, on a clock that stands still but for this.
    async fn overdue(paced: &mut Paced<DuplexStream>) -> u64 {
        let begun = Instant::now();
        let error = loop {
            match paced.read(&mut [0; 64]).await {
                Ok(count) => assert!(count > 0, "the client is there"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_head_is_dropped() {
        let (mut paced, mut client, _) = connected(64);
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(overdue(&mut paced).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_is_no_head() {
        let (mut paced, mut client, _) = connected(64);
        let dripping = async {
            loop {
                client.write_all(b"x").await.unwrap();
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        };
        tokio::select! {
            seconds = overdue(&mut paced) => assert_eq!(seconds, 10),
            () = dripping => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_and_the_pause_after_it_take_as_long_as_they_take() {
        let (mut paced, mut client, answering) = connected(64);
        let hour = Duration::from_secs(3600);
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            paced.read_exact(&mut [0; 18]).await.unwrap();
            let answer = answering.begin();
            assert!(tokio::time::timeout(hour, paced.read(&mut [0; 64])).await.is_err());
            drop(answer);
            assert!(tokio::time::timeout(hour, paced.read(&mut [0; 64])).await.is_err());
        }
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(overdue(&mut paced).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn what_becomes_a_websocket_is_left_alone() {
        let (mut paced, mut client, answering) = connected(64);
        answering.begin().never_ends();
        client.write_all(b"a frame").await.unwrap();
        let read = async { while paced.read(&mut [0; 64]).await.unwrap() > 0 {} };
        assert!(tokio::time::timeout(Duration::from_secs(3600), read).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_cut_off() {
        let (mut paced, _client, _) = connected(4);
        let begun = Instant::now();
        let error = paced.write_all(b"more than fits").await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (ErrorKind::TimedOut, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_not() {
        let (mut paced, mut client, _) = connected(4);
        let text = b"a long answer, read in small bites";
        let reading = async {
            let mut read = Vec::new();
            while read.len() < text.len() {
                tokio::time::sleep(Duration::from_secs(50)).await;
                read.push(client.read_u8().await.unwrap());
            }
            read
        };
        let (written, read) = tokio::join!(paced.write_all(text), reading);
        written.unwrap();
        assert_eq!(read, text);
    }
}
