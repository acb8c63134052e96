//! Everybody's transcripts. What takes long with one of them, because it is long or because there are many, is done on another thread:
//! on the gateway's own all users would wait for it.

use std::sync::Arc;

use async_trait::async_trait;
use creel_session::{Entry, SessionError, SessionInfo, SessionKey, SessionStore, Transcript, UserId};
use tokio::runtime::Handle;

/// Bytes from which on a transcript is a long one.
const LONG: u64 = 256 * 1024;

pub struct Transcripts(Arc<dyn SessionStore>);

impl Transcripts {
    pub fn new(store: impl SessionStore + 'static) -> Self {
        Self(Arc::new(store))
    }
}

#[async_trait]
impl SessionStore for Transcripts {
    async fn append(&self, key: &SessionKey, epoch: u64, entries: &[Entry]) -> Result<(), SessionError> {
        if self.0.bytes(key) < LONG {
            return self.0.append(key, epoch, entries).await;
        }
        let (store, key, entries) = (self.0.clone(), key.clone(), entries.to_vec());
        apart(async move { store.append(&key, epoch, &entries).await }).await
    }

    async fn read(&self, key: &SessionKey) -> Result<Option<Transcript>, SessionError> {
        if self.0.bytes(key) < LONG {
            return self.0.read(key).await;
        }
        let (store, key) = (self.0.clone(), key.clone());
        apart(async move { store.read(&key).await }).await
    }

    async fn list(&self, user: &UserId) -> Result<Vec<SessionInfo>, SessionError> {
        let (store, user) = (self.0.clone(), user.clone());
        apart(async move { store.list(&user).await }).await
    }

    async fn repair(&self, user: &UserId) -> Result<usize, SessionError> {
        let (store, user) = (self.0.clone(), user.clone());
        apart(async move { store.repair(&user).await }).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<bool, SessionError> {
        self.0.delete(key).await
    }

    fn bytes(&self, key: &SessionKey) -> u64 {
        self.0.bytes(key)
    }
}

/// On a thread where nobody else waits.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, SessionError>> + Send + 'static,
) -> Result<T, SessionError> {
    let runtime = Handle::current();
    let done = tokio::task::spawn_blocking(move || runtime.block_on(work)).await;
    done.unwrap_or_else(|error| Err(SessionError::Unavailable(error.to_string())))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::{self, ThreadId};

    use creel_session::SessionId;

    use super::*;

    /// Notes on which thread it is asked.
    struct Noting {
        bytes: u64,
        threads: Arc<Mutex<Vec<ThreadId>>>,
    }

    impl Noting {
        fn note(&self) {
            self.threads.lock().unwrap().push(thread::current().id());
        }
    }

    #[async_trait]
    impl SessionStore for Noting {
        async fn append(&self, _: &SessionKey, _: u64, _: &[Entry]) -> Result<(), SessionError> {
            self.note();
            Ok(())
        }

        async fn read(&self, _: &SessionKey) -> Result<Option<Transcript>, SessionError> {
            self.note();
            Ok(None)
        }

        async fn list(&self, _: &UserId) -> Result<Vec<SessionInfo>, SessionError> {
            self.note();
            Ok(Vec::new())
        }

        async fn delete(&self, _: &SessionKey) -> Result<bool, SessionError> {
            Ok(false)
        }

        fn bytes(&self, _: &SessionKey) -> u64 {
            self.bytes
        }
    }

    #[tokio::test]
    async fn what_takes_long_keeps_nobody_waiting() {
        let key = SessionKey::new(UserId::new("a").unwrap(), SessionId::new("s").unwrap());
        for (bytes, is_here) in [(LONG - 1, [true, true, false]), (LONG, [false; 3])] {
            let threads: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
            let store = Transcripts::new(Noting {
                bytes,
                threads: threads.clone(),
            });
            store.append(&key, 1, &[]).await.unwrap();
            store.read(&key).await.unwrap();
            store.list(&key.user).await.unwrap();
            let here = thread::current().id();
            let seen: Vec<bool> = threads.lock().unwrap().iter().map(|thread| *thread == here).collect();
            assert_eq!(seen, is_here, "{bytes}");
        }
    }
}
