//! The LLM Gateway: the metering proxy between clients and model providers. Virtual keys, routing, credits, usage.
//!
//! `creel` runs this room, as a part of `creel up` or alone. It may not know how instances are run, nor the REST API of
//! the Cloud Backend: both meet it in the records.
//!
//! The [`ledger`] keeps the accounts: every call reserves before it is sent, and settles once. Around it, the way of a
//! call:
//!
//! 1. `serve` accepts it, on one of several threads that share nothing on the way but what is said here.
//! 2. `routes` finds the path, `auth` the virtual key, `ask` reads the few members of the body that matter.
//! 3. `catalog` is the snapshot of keys, models, providers and prices; `admit` checks limits and reserves.
//! 4. `call` asks providers in the order of `route`, through `upstream`'s connections; `translate` stands between the
//!    styles where they differ.
//! 5. `relay` brings the reply back piece by piece, `usage` reads what it cost, and `meter` settles, whatever happens. Where the provider does not say
//!    what it cost, `tokens` counts.

mod admit;
mod ask;
mod auth;
mod body;
mod call;
mod catalog;
mod clock;
mod counted;
mod estimate;
mod gateway;
mod gather;
mod health;
mod impatient;
mod json_scan;
mod key;
pub mod ledger;
mod limit;
mod meter;
mod metrics;
mod models;
mod names;
mod price;
mod refresh;
mod refusal;
mod relay;
mod route;
mod routes;
mod serve;
mod settings;
mod sse;
mod style;
#[cfg(test)]
mod tests;
mod tokens;
mod translate;
mod upstream;
mod usage;
mod worker;

pub use catalog::{
    Budgets, Catalog, Given, Key, KeyState, Limits, Model, Prices, Provider, ProviderError, Route, Strategy, Unseal,
    seal_purpose,
};
pub use gateway::{Gateway, StartError};
pub use key::{VirtualKey, hash as hash_key};
pub use price::{Multiplier, Price};
pub use refresh::{Refresh, Source};
pub use settings::{Settings, Unpriced};
pub use style::{Style, Surface};
