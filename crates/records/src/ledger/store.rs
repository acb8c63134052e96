//! The trait every engine of the books implements. What it promises is pinned by the conformance suite.

use async_trait::async_trait;

use crate::RecordsError;

use super::{Exchange, Exchanged, Joined, Micros, PurseId};

/// The books. Every write is all or nothing, and durable when it returns.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Makes the node known, or begins a new life of a known one: whoever used its name before can deal no more.
    async fn join(&self, node: &str) -> Result<Joined, RecordsError>;

    /// How the node stands. Changes nothing. [`RecordsError::NotFound`] if it never joined.
    async fn look(&self, node: &str) -> Result<Joined, RecordsError>;

    /// The purses that other nodes are short of and this one holds. Changes nothing.
    async fn recalled(&self, node: &str) -> Result<Vec<PurseId>, RecordsError>;

    /// Deals: settlements into the books, escrow back, escrow out. [`RecordsError::Stale`] if another life of the node
    /// has begun or this turn has been taken. After any other error it may or may not have taken place.
    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, RecordsError>;

    /// What has to be done now and then, by any node: credits expire, nodes that have been silent for an hour are given
    /// up, and what is older than is to be kept is forgotten. Bounded; the rest is done next time.
    async fn tidy(&self, keep: Keep) -> Result<Tidied, RecordsError>;
}

/// For how long usage is kept. Sums by day, and the entries of accounts, are kept for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Single calls, in milliseconds.
    pub calls_ms: i64,
    /// Sums by hour, in milliseconds.
    pub hours_ms: i64,
}

impl Keep {
    #[must_use]
    pub fn days(calls: u32, hours: u32) -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            calls_ms: i64::from(calls) * DAY_MS,
            hours_ms: i64::from(hours) * DAY_MS,
        }
    }
}

/// A quarter of a year of calls, more than a year of hours.
impl Default for Keep {
    fn default() -> Self {
        Self::days(90, 400)
    }
}

/// What [`LedgerStore::tidy`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    pub expired: Micros,
    pub nodes_given_up: u64,
    pub calls_forgotten: u64,
    /// Sums by hour.
    pub sums_forgotten: u64,
}
