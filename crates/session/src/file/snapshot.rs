//! What a transcript's file held at one moment: read while it was locked, understood after.

use std::path::PathBuf;

use super::format::{Content, parse, summarize};
use super::transcript_file::Stamp;
use crate::{SessionError, SessionId, SessionInfo};

pub(super) struct Snapshot {
    pub path: PathBuf,
    pub stamp: Stamp,
    pub bytes: Vec<u8>,
}

/// How a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Clean,
    /// Whole, but for the last line break.
    Unterminated,
    /// In a line that was never finished, and thus never acknowledged.
    Torn {
        good_len: u64,
    },
}

impl Snapshot {
    /// What a list shows of the file. `None`: it is empty, or a creation that never finished.
    pub fn summary(&self, id: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        let info = summarize(&self.bytes).map_err(|problem| self.unreadable(problem))?;
        if let Some(info) = &info {
            self.check_owner(info, id)?;
        }
        Ok(info)
    }

    /// The whole transcript, and whether the file ends as it should. `None`: it is empty, or a creation that never
    /// finished.
    pub fn content(&self, id: &SessionId) -> Result<(Option<Content>, Ending), SessionError> {
        let parsed = parse(&self.bytes).map_err(|problem| self.unreadable(problem))?;
        if parsed.skipped > 0 {
            let (path, lines) = (self.path.display(), parsed.skipped);
            tracing::warn!(%path, lines, "transcript has lines that cannot be read; left in place");
        }
        let ending = if parsed.good_len < self.bytes.len() {
            let good_len = parsed.good_len as u64;
            Ending::Torn { good_len }
        } else if parsed.unterminated {
            Ending::Unterminated
        } else {
            Ending::Clean
        };
        if let Some(content) = &parsed.content {
            self.check_owner(&content.info, id)?;
        }
        Ok((parsed.content, ending))
    }

    /// A file that was copied or renamed by hand is not taken for another session.
    fn check_owner(&self, info: &SessionInfo, id: &SessionId) -> Result<(), SessionError> {
        if info.id == *id {
            return Ok(());
        }
        Err(self.unreadable(format!("belongs to session {}, not to {id}", info.id)))
    }

    fn unreadable(&self, problem: String) -> SessionError {
        SessionError::Unreadable {
            path: self.path.clone(),
            problem,
        }
    }
}
