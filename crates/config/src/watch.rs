//! Notices when the configuration file changes.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::{ConfigError, Environment, Loaded, Locations, Overrides, load};

/// How often the file is looked at. Polled, because a host runs a thousand instances and Linux gives a user 128
/// inotify instances by default (`fs.inotify.max_user_instances`); one `stat` costs about a microsecond.
const INTERVAL: Duration = Duration::from_millis(500);

/// Reads the configuration again whenever its file changes.
pub struct Watcher {
    locations: Locations,
    env: Arc<dyn Environment + Send + Sync>,
    overrides: Overrides,
    seen: Option<Stamp>,
}

/// What tells one version of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Watcher {
    /// Watches from the file as it is now: make the watcher before [`load`], and no change is missed.
    pub fn new(locations: Locations, env: Arc<dyn Environment + Send + Sync>, overrides: Overrides) -> Self {
        let seen = stamp(&locations.config);
        Self {
            locations,
            env,
            overrides,
            seen,
        }
    }

    /// Waits for the next change and reads the file. A broken edit is an error once; keep what was loaded before.
    /// A file that was removed reads as the defaults. Safe to drop and call again.
    pub async fn changed(&mut self) -> Result<Loaded, ConfigError> {
        loop {
            tokio::time::sleep(INTERVAL).await;
            if let Some(result) = self.poll() {
                return result;
            }
        }
    }

    fn poll(&mut self) -> Option<Result<Loaded, ConfigError>> {
        let now = stamp(&self.locations.config);
        if now == self.seen {
            return None;
        }
        // Noted before the file is read: an edit in between shows up as yet another change.
        self.seen = now;
        Some(load(&self.locations, &*self.env, &self.overrides))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some(Stamp {
        inode: meta.ino(),
        len: meta.len(),
        seconds: meta.mtime(),
        nanoseconds: meta.mtime_nsec(),
    })
}
