//! Somebody else where an engine is looked for.

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

/// Listens on a socket of its own for as long as the test's runtime lives.
pub struct Stranger {
    directory: TempDir,
}

impl Stranger {
    /// Says this to every question, head and body as they stand; `None`: nothing at all.
    ///
    /// Needs a tokio runtime.
    #[must_use]
    pub fn says(answer: Option<String>) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let listener = UnixListener::bind(directory.path().join(SOCKET)).expect("a socket of its own");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut question = [0; 4096];
                    while stream.read(&mut question).await.is_ok_and(|read| read > 0) {
                        // Whoever asked may have gone.
                        let _ = stream.write_all(answer.as_deref().unwrap_or_default().as_bytes()).await;
                    }
                });
            }
        });
        Self { directory }
    }

    /// As `DOCKER_HOST` has it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join(SOCKET).display())
    }
}

const SOCKET: &str = "docker.sock";
