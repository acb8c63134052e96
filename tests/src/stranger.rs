//! Servers that are not Creel, and what else may be found at an address.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wait::within;

/// Accepts connections on a loopback port. Dropping it closes them.
pub struct Stranger {
    address: SocketAddr,
    task: JoinHandle<()>,
    /// What was asked of it last.
    asked: watch::Receiver<String>,
}

#[derive(Clone, Copy)]
enum Manner {
    Silent,
    /// Before a server: its first answer is lost, later ones get through.
    Losing(SocketAddr),
    Saying(&'static str),
    /// Says this, and gives everything back that comes after it.
    Echoing(&'static str),
}

impl Stranger {
    /// Takes every request, and says nothing.
    pub async fn silent() -> Self {
        Self::start(Manner::Silent).await
    }

    /// Passes everything on to a server, which does what it is asked; its first answer gets lost.
    pub async fn losing_an_answer(server: SocketAddr) -> Self {
        Self::start(Manner::Losing(server)).await
    }

    /// Answers every request with these bytes, and hangs up.
    pub async fn saying(answer: &'static str) -> Self {
        Self::start(Manner::Saying(answer)).await
    }

    /// Answers a request with these bytes, and gives everything back that comes after it.
    pub async fn echoing(answer: &'static str) -> Self {
        Self::start(Manner::Echoing(answer)).await
    }

    /// Waits for a request, and gives its head.
    pub async fn request(&self) -> String {
        let mut asked = self.asked.clone();
        let request = within("request", asked.wait_for(|text| !text.is_empty())).await;
        request.expect("the sender is in the task").clone()
    }

    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, asked) = watch::channel(String::new());
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            let mut lost = false;
            while let Ok((stream, _)) = listener.accept().await {
                match manner {
                    Manner::Silent => held.push(stream),
                    Manner::Losing(server) => {
                        // An error means that one of them is gone.
                        let _ = passed_on(stream, server, !lost).await;
                        lost = true;
                    }
                    Manner::Saying(answer) => {
                        // An error means that the client is gone already.
                        if let Ok(stream) = answered(stream, answer, &sender).await {
                            let _ = hung_up(stream).await;
                        }
                    }
                    Manner::Echoing(answer) => {
                        if let Ok(mut stream) = answered(stream, answer, &sender).await {
                            let (mut from, mut to) = stream.split();
                            let _ = tokio::io::copy(&mut from, &mut to).await;
                        }
                    }
                }
            }
        });
        Self { address, task, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Reads the head of a request, in however many pieces it comes, and answers it.
async fn answered(mut stream: TcpStream, answer: &str, asked: &watch::Sender<String>) -> std::io::Result<TcpStream> {
    let mut request = Vec::new();
    while !request.windows(4).any(|part| part == b"\r\n\r\n") && stream.read_buf(&mut request).await? > 0 {}
    asked.send_replace(String::from_utf8_lossy(&request).into_owned());
    stream.write_all(answer.as_bytes()).await?;
    Ok(stream)
}

/// Hangs up, and reads what still comes: closing with unread data would reset the connection under the answer.
async fn hung_up(mut stream: TcpStream) -> std::io::Result<()> {
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// A connection to a server, which ends with the server's first byte where that is to be lost: the server did what it was asked.
async fn passed_on(mut stream: TcpStream, server: SocketAddr, is_lost: bool) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    if is_lost {
        let (mut from, mut to) = server.split();
        tokio::select! {
            asked = tokio::io::copy(&mut stream, &mut to) => { asked?; }
            answered = from.read_u8() => { answered?; }
        }
    } else {
        tokio::io::copy_bidirectional(&mut stream, &mut server).await?;
    }
    Ok(())
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.task.abort();
    }
}
