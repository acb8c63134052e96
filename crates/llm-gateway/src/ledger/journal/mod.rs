//! What a gateway node may not forget: which calls it is about to send, and what they cost.
//!
//! A directory of segments, for one process at a time. [`Writer`] appends, [`Reader`] goes from where the books are to the
//! end. Opening the journal of a node that died repairs the end that was being written, and settles the calls that were
//! in flight as lost: each is charged its prompt by estimate, because all that is known is that it was about to be sent.
//!
//! ```text
//! node                        the node's name in the books, made up once
//! lock                        flock(2) of the process that has the journal
//! 0000000000000001.journal    segments; those that are in the books are removed
//! ```

mod reader;
mod record;
mod recovery;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use creel_records::ledger::Position;

pub use reader::Reader;
pub use recovery::Opened;
pub use writer::{Ticket, Writer};

/// Where the journal is, and how large it may grow.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    pub dir: PathBuf,
    /// A segment is followed by another once it is larger.
    pub segment_bytes: u64,
    /// When so much has not reached the books, calls are refused.
    pub max_bytes: u64,
}

impl JournalConfig {
    /// Segments of 32 MiB, 4 GiB in all: about ten million calls.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 32 << 20,
            max_bytes: 4 << 30,
        }
    }
}

/// What is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("the journal {} is in use by another process; give each gateway a directory of its own", dir.display())]
    InUse { dir: PathBuf },

    #[error("{}: {reason}", path.display())]
    Io { path: PathBuf, reason: String },

    /// A disk that lies, or a file that somebody changed. Not what a crash leaves behind: that is repaired.
    #[error("the journal segment {} is damaged at byte {at}: {why}; restore the file, or move the directory away and \
             give the node up", path.display())]
    Damaged { path: PathBuf, at: u64, why: &'static str },

    #[error("{max} bytes of it have not reached the books yet")]
    Full { max: u64 },
}

impl JournalError {
    fn io(path: &Path, error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".to_owned(),
            _ => error.to_string(),
        };
        Self::Io {
            path: path.to_owned(),
            reason,
        }
    }

    fn damaged(path: &Path, at: u64, why: &'static str) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            at,
            why,
        }
    }
}

/// The file, if there is one.
fn opened(path: &Path) -> Result<Option<File>, JournalError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(JournalError::io(path, error)),
    }
}

/// Removes the segments before the position: they are in the books. Says how many bytes of older segments are left.
pub fn remove_before(dir: &Path, position: Position, current: u64) -> Result<u64, JournalError> {
    let fail = |error| JournalError::io(dir, error);
    let mut left = 0;
    for number in segment::numbers(dir).map_err(fail)? {
        let path = segment::path(dir, number);
        if number < position.segment {
            std::fs::remove_file(&path).map_err(fail)?;
        } else if number < current {
            left += std::fs::metadata(&path).map_err(fail)?.len();
        }
    }
    Ok(left)
}
