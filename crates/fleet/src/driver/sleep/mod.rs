//! Putting processes to sleep where they are: stopped, their memory moved to swap, until they are let go on.
//!
//! Nothing of this asks the program: its sockets stay open, its timers wait. It works on processes of this host, whoever started
//! them; who belongs to an instance is for its driver to say.

mod fetch;
mod first;
mod memory;
mod needed;
mod pagemap;
mod read_ahead;
mod slumber;
mod still;
mod swap;

pub use self::memory::page_out;
pub use self::slumber::Slumber;
pub use self::still::{go_on, is_still, stop};
