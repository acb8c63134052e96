//! What every store of sessions promises.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Body, Entry, Part, SessionError, SessionId, SessionKey, UserId};

/// The longest title, in characters.
const TITLE_CHARS: usize = 80;

/// What a list of sessions shows of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    pub id: SessionId,
    /// The first thing the user said, on one line, at most 80 characters; empty while nothing was said.
    pub title: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: u64,
    /// When the last entry was written, in milliseconds since the Unix epoch.
    pub updated_at: u64,
    /// Entries in the transcript, tool results included, and those that only a later version can read.
    pub messages: u64,
}

/// One session as it was at the moment of reading. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    pub info: SessionInfo,
    /// The newest lease epoch under which anything was written here, lines included that only a later version can read.
    pub newest_epoch: u64,
    /// Oldest first.
    pub entries: Arc<Vec<Arc<Entry>>>,
}

impl Transcript {
    /// The user entry that was sent with this idempotency key, if there is one.
    pub fn by_idempotency_key(&self, key: &str) -> Option<&Arc<Entry>> {
        self.entries
            .iter()
            .find(|entry| entry.idempotency_key.as_deref() == Some(key))
    }

    /// All entries of one turn, in order.
    pub fn turn<'a>(&'a self, turn: &'a str) -> impl Iterator<Item = &'a Arc<Entry>> {
        self.entries.iter().filter(move |entry| entry.turn == turn)
    }
}

/// A store of transcripts.
///
/// Every implementation passes the `conformance` suite.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Adds entries to a session, creating it if it is new; all of them or none.
    ///
    /// When it returns `Ok`, they survive a kill -9 of this process. `epoch` is that of the session's lease, and is
    /// stored as that of every entry; one that is older than the newest this session has seen is refused with
    /// [`SessionError::Fenced`]. Appending nothing is allowed, checks the epoch, and changes nothing.
    async fn append(&self, key: &SessionKey, epoch: u64, entries: &[Entry]) -> Result<(), SessionError>;

    /// The whole session, or `None` if there is none.
    async fn read(&self, key: &SessionKey) -> Result<Option<Transcript>, SessionError>;

    /// A user's sessions, the most recently used first.
    async fn list(&self, user: &UserId) -> Result<Vec<SessionInfo>, SessionError>;

    /// Cuts off what a death in the middle of a write left behind a user's transcripts, and says of how many. Nothing has to wait for it: what
    /// was never acknowledged is read by nobody, and is cut off before the next line is added in any case.
    async fn repair(&self, _user: &UserId) -> Result<usize, SessionError> {
        Ok(0)
    }

    /// Removes a session; `false` if there was none.
    async fn delete(&self, key: &SessionKey) -> Result<bool, SessionError>;

    /// Bytes that the session is stored in, about what reading it takes; 0 where there is none, or where it takes long to tell.
    fn bytes(&self, key: &SessionKey) -> u64 {
        let _ = key;
        0
    }
}

/// The title that a first user message gives a session: its text on one line, cut at 80 characters.
pub(crate) fn title_of(body: &Body) -> Option<String> {
    let Body::User { parts } = body else { return None };
    let mut title = String::new();
    let mut chars = 0;
    for part in parts {
        let Part::Text { text } = part else { continue };
        for word in text.split_whitespace() {
            if chars > 0 {
                title.push(' ');
                chars += 1;
            }
            for c in word.chars() {
                if chars == TITLE_CHARS {
                    return Some(title);
                }
                title.push(c);
                chars += 1;
            }
            if chars >= TITLE_CHARS {
                title.truncate(title.trim_end().len());
                return Some(title);
            }
        }
    }
    (!title.is_empty()).then_some(title)
}
