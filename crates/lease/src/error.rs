//! What can go wrong with a store of leases.

use std::path::{Path, PathBuf};

/// Why a store gave no answer. Whatever it is, the caller is not the owner.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error("lease {name}: {problem}")]
    Invalid { name: String, problem: &'static str },
    /// Another process sits on the lease's file lock (paused in the middle of a change, or hung on its disk).
    #[error("{}: locked by another process for too long; lease state unknown", .path.display())]
    Busy { path: PathBuf },
    /// The store cannot be reached, or answered nonsense.
    #[error("lease store unavailable: {0}")]
    Unavailable(String),
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
}

impl LeaseError {
    /// Whether the disk, or the owner's share of it, is full.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: impl Into<std::io::Error>) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source: source.into(),
        }
    }
}
