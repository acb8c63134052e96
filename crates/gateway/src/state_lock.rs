//! One gateway on a state directory: an flock(2) that the kernel gives back when the process ends, however it ends. Its file says who
//! holds it, and at which address that gateway serves.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;
use tokio::time::{Instant, sleep};

use crate::run::StartError;

const FILE: &str = "gateway.lock";
/// A process that was killed gives its lock back a moment after whoever killed it knows.
const PATIENCE: Duration = Duration::from_millis(100);
const PROBE: Duration = Duration::from_millis(5);

/// Lasts as long as the process.
#[derive(Debug)]
pub struct StateLock(File);

/// A gateway that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub pid: u32,
    /// Where it serves; `None` while it starts.
    pub url: Option<String>,
}

/// Makes the directory (0700) where it is missing and takes its lock.
pub async fn take(state_dir: &Path) -> Result<StateLock, StartError> {
    let failed = |source| StartError::State {
        path: state_dir.to_owned(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .map_err(failed)?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(state_dir.join(FILE))
        .map_err(failed)?;
    let patience = Instant::now() + PATIENCE;
    while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() >= patience {
            return Err(StartError::Running {
                path: state_dir.to_owned(),
                pid: recorded(&mut file).map_or_else(|| "unknown".to_owned(), |running| running.pid.to_string()),
            });
        }
        sleep(PROBE).await;
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(StateLock(file))
}

impl StateLock {
    /// Says where the gateway serves. A disk that takes no more costs only this.
    pub fn announce(&mut self, address: SocketAddr) {
        if let Err(error) = writeln!(self.0, "http://{address}") {
            tracing::warn!(%error, "the address could not be written into the state directory");
        }
    }
}

/// The gateway that runs on the directory, if one does.
pub fn running(state_dir: &Path) -> Option<Running> {
    let mut file = File::open(state_dir.join(FILE)).ok()?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    recorded(&mut file)
}

fn recorded(file: &mut File) -> Option<Running> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    Some(Running {
        pid: lines.next()?.parse().ok()?,
        url: lines.next().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holder_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        assert_eq!(running(&state), None);
        let mut held = take(&state).await.unwrap();
        let refused = take(&state).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("pid {}", std::process::id())), "{refused}");
        let pid = std::process::id();
        assert_eq!(running(&state), Some(Running { pid, url: None }));
        held.announce(([127, 0, 0, 1], 7).into());
        let url = Some("http://127.0.0.1:7".to_owned());
        assert_eq!(running(&state), Some(Running { pid, url }));
        drop(held);
        assert_eq!(running(&state), None);
        take(&state).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_is_ending_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let held = take(directory.path()).await.unwrap();
        let (taken, ()) = tokio::join!(take(directory.path()), async { drop(held) });
        taken.unwrap();
    }
}
