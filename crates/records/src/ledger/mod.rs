//! The books: credit accounts, what gateway nodes hold of them, ledger entries, usage.
//!
//! A **purse** is anything that bounds spending: a user's credit account, or one key's budget of a day or a month. A
//! gateway node takes an allotment of a purse (its **escrow**) and reserves calls from it in memory; what the calls really
//! cost comes back in batches ([`Exchange`]), each applied exactly once. [`LedgerStore`] is the trait of an engine.
//!
//! Amounts are integers of a millionth of a credit ([`Micros`]), times milliseconds since the Unix epoch by the clock of
//! the database: the nodes' clocks decide nothing.

mod credit;
mod exchange;
mod micros;
mod purse;
mod request;
mod settlement;
mod store;

pub use credit::{
    Account, Credits, Entry, EntryKind, Grant, Granted, LedgerNode, NewGrant, UsageBy, UsageOf, UsageQuery, UsageSum,
};
pub use exchange::{Exchange, Exchanged, Give, Joined, Others, Position, Take, Taken};
pub use micros::{BadAmount, Micros};
pub use purse::PurseId;
pub use request::RequestId;
pub use settlement::{Billing, Outcome, Settlement, Usage};
pub use store::{Keep, LedgerStore, Tidied};
