//! What Creel remembers: instances, administrators, API tokens, console logins, and the activity log.
//!
//! The fleet and the Cloud Backend call this room through the [`Records`] trait. [`SqliteRecords`] is the embedded
//! engine; another engine implements the same trait and passes the same conformance suite (`tests/conformance`).
//!
//! This room stores and returns; it does not decide. It may not know how an instance is started, how a password is
//! hashed (it is handed PHC strings and SHA-256 digests, never a password or a token), or that HTTP exists.
//! Times are milliseconds since the Unix epoch, UTC.

mod account;
mod clock;
mod error;
mod event;
#[macro_use]
mod instance;
pub mod ledger;
mod sqlite;
mod store;

pub use account::{Administrator, ApiToken, Login, NewApiToken};
pub use clock::now_ms;
pub use error::RecordsError;
pub use event::{Event, NewEvent};
pub use instance::{
    Channel, Desired, Driver, InstanceChange, InstanceRecord, NewInstance, Observed, Runtime, Status, UnknownName,
};
pub use sqlite::SqliteRecords;
pub use store::Records;
