//! Transcripts: what was said in each session of each user, kept so that nothing acknowledged is ever lost.
//!
//! The agent appends to a session while it holds that session's lease, and passes the lease's epoch along; a store
//! refuses an epoch older than the newest it has seen, so a holder that was paused past its lease cannot write over
//! its successor. The gateway reads, lists and deletes for the HTTP surface.
//!
//! This room knows nothing of leases, models or configuration: it is handed an epoch, entries, and a way to find a
//! user's directory. [`FileSessions`] is the store of one machine; any other store passes the same
//! `conformance` suite.

mod entry;
mod error;
mod file;
mod id;
mod store;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use entry::{Body, Entry, Part, Stop, ToolCall, Usage};
pub use error::SessionError;
pub use file::FileSessions;
pub use id::{IdError, SessionId, SessionKey, UserId};
pub use store::{SessionInfo, SessionStore, Transcript};
