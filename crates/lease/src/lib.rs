//! Exclusive ownership that expires and is fenced by an epoch: the primary role, a channel's bot connection, a
//! session's turn, a job.
//!
//! Whoever may act once at a time takes a [`Lease`] from a [`LeaseStore`], does its work while
//! [`is_live`](Lease::is_live), hands the [`epoch`](Lease::epoch) to whatever it writes to, and releases it. Work that
//! lasts longer than a turn puts the lease into a [`Keeper`], which renews it and says when it is lost.
//!
//! This room knows nothing of what a lease protects. [`FileLeases`] serves the processes of one machine; any other
//! store passes the same `conformance` suite. A store that cannot be reached answers with an error, and an error means
//! "not the owner".

mod clock;
mod error;
mod file;
mod keeper;
mod lease;
mod process;
mod record;
mod store;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use error::LeaseError;
pub use file::FileLeases;
pub use keeper::Keeper;
pub use lease::Lease;
pub use store::{Holder, LeaseStore};
