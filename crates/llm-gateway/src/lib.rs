//! The LLM Gateway: the metering proxy between clients and model providers. Virtual keys, routing, credits, usage.
//!
//! `creel` runs this room, as a part of `creel up` or alone. It may not know how instances are run, nor the REST API of
//! the Cloud Backend: both meet it in the records.
//!
//! The [`ledger`] keeps the accounts: every call reserves before it is sent, and settles once.

pub mod ledger;
