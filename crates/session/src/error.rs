//! What can go wrong with a store of sessions.

use std::path::{Path, PathBuf};

/// Why a store refused or failed. Texts name the place and what to do; none carries what was said in a session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Somebody newer owns the session: the caller's lease was lost, and it must stop writing.
    #[error("session {session}: epoch {offered} is older than {newest}; another owner has taken over")]
    Fenced { session: String, offered: u64, newest: u64 },
    /// No room (disk, quota or file size limit). What was stored before is intact, nothing of this append was kept.
    #[error("{}: no room left to store the message; free disk space or raise the quota, then send it again", .path.display())]
    Full { path: PathBuf },
    /// Another process kept the session's file locked for longer than is sane (paused, or hung on its disk).
    #[error("{}: locked by another process for too long; try again", .path.display())]
    Busy { path: PathBuf },
    /// The file is a transcript of a later version, or no transcript at all. It is left as it is.
    #[error("{}: {problem}", .path.display())]
    Unreadable { path: PathBuf, problem: String },
    /// The store cannot be reached, or answered nonsense.
    #[error("session store unavailable: {0}")]
    Unavailable(String),
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
}

impl SessionError {
    /// The same for the user: it names no place on the host.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Fenced { .. } => "another owner has taken the session over",
            Self::Full { .. } => {
                "no room left to store the message; free disk space or raise the quota, then send it again"
            }
            Self::Busy { .. } => "another process keeps it locked; try again",
            Self::Unreadable { .. } => "what is stored cannot be read; the log says why",
            Self::Unavailable(_) => "the store cannot be reached; try again",
            Self::Io { .. } => "its file cannot be read or written; the log says why",
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: impl Into<std::io::Error>) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source: source.into(),
        }
    }
}
