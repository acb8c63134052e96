//! An instance's log: the end of it, what is in it, what is added to it, and keeping it small.
//!
//! The instance writes to `logs/gateway.log` itself (a file, not a pipe: it must survive the control plane). So the file is
//! read, never owned: it is bounded by copying it aside and cutting it to nothing, and appending writers go on at its start. What
//! was put aside still belongs to the log: who asks for more than is in the file is answered from there.

mod backwards;
mod find;
mod follow;
mod moment;
mod redact;
mod rotate;
mod whole;

use std::path::{Path, PathBuf};
use std::pin::Pin;

use futures_util::Stream;

pub use find::{Found, find, tail};
pub use follow::follow;
use redact::redact;
pub use rotate::rotate;
pub use whole::whole;

/// Lines of a log, as they come.
pub type LogLines = Pin<Box<dyn Stream<Item = Vec<String>> + Send>>;

/// A log is put aside when it is larger than this.
pub const MAX_BYTES: u64 = 10 << 20;
/// How many that were put aside are kept.
const KEPT: u32 = 3;
/// The most that is kept of an instance's log, in bytes: one that has grown by more than this between two looks loses its beginning.
pub const MAX_KEPT: u64 = MAX_BYTES * (2 * KEPT as u64 + 1);
/// The most that is held in memory of a log at once.
const MAX_HELD: u64 = 8 << 20;
const BLOCK: u64 = 64 << 10;

/// Which lines of a log are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// The newest so many of them.
    pub tail: usize,
    /// None from before this (milliseconds since the Unix epoch). A line that tells no time is as old as the one before it.
    pub since_ms: Option<i64>,
    /// Only those that contain this, capital letters or not.
    pub search: Option<String>,
}

impl LogQuery {
    /// The newest `lines` lines.
    #[must_use]
    pub fn tail(lines: usize) -> Self {
        Self {
            tail: lines,
            ..Self::default()
        }
    }

    /// Whether a line, as it is shown, is one of those that are searched for.
    fn finds(&self, line: &str) -> bool {
        self.search
            .as_ref()
            .is_none_or(|wanted| line.to_lowercase().contains(&wanted.to_lowercase()))
    }
}

/// The log and what was put aside of it, newest first.
pub fn files(path: &Path) -> Vec<PathBuf> {
    std::iter::once(path.to_owned())
        .chain((1..=KEPT).map(|number| aside(path, number)))
        .collect()
}

fn aside(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// A log in a directory of its own, for the tests beside the files.
#[cfg(test)]
fn log() -> (tempfile::TempDir, PathBuf, std::fs::File) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.log");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap();
    (dir, path, file)
}
