//! Servers that are not Creel, and what else may be found at an address.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Accepts connections on a loopback port. Dropping it closes them.
pub struct Stranger {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Stranger {
    /// Takes every request, and says nothing.
    pub async fn silent() -> Self {
        Self::start(None).await
    }

    /// Answers every request with these bytes, and hangs up.
    pub async fn saying(answer: &'static str) -> Self {
        Self::start(Some(answer)).await
    }

    async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if let Some(answer) = answer {
                    let mut request = [0; 4096];
                    // An error means that the client is gone already.
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                } else {
                    held.push(stream);
                }
            }
        });
        Self { address, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.task.abort();
    }
}
