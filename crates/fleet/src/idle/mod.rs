//! Who has nothing to do, and for how long; who sleeps and is wanted.
//!
//! This part looks and tells; what becomes of an instance is decided and done by its actor.

pub mod connections;
pub mod platforms;
mod watch;
mod work;

pub use self::watch::watch;
pub use self::work::{Engaged, Work};
