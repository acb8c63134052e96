//! Credits of users, and what was used: what the Cloud Backend and the command line ask the books for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{RecordsError, UnknownName};

use super::{Micros, RequestId};

named!(
    /// What changed a balance.
    EntryKind, "kind of entry", {
        /// Credits given.
        Grant = "grant",
        /// Credits bought.
        TopUp = "top_up",
        /// A call.
        Charge = "charge",
        /// Granted credits that were not spent in time.
        Expire = "expire",
        /// A correction; its note says of what.
        Adjust = "adjust",
    }
);

/// Credits to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    pub account: String,
    /// More than zero, at most [`Micros::LARGEST`].
    pub amount: Micros,
    /// [`EntryKind::Grant`] or [`EntryKind::TopUp`].
    pub kind: EntryKind,
    /// What is not spent by then is gone.
    pub expires_at: Option<i64>,
    pub note: Option<String>,
    /// Repeated with the same id, it is granted once.
    pub request: Option<RequestId>,
}

/// What came of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    pub entry: Entry,
    /// It was given before, under the same request id; nothing was added.
    pub is_repeated: bool,
}

/// One line of the ledger. Never changed, never removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    pub kind: EntryKind,
    /// What it changed the balance by.
    pub amount: Micros,
    /// The call that was charged, or the request that granted.
    pub request: Option<RequestId>,
    pub at: i64,
    pub note: Option<String>,
}

/// A grant that has something left. Those that expire first are spent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub id: i64,
    pub amount: Micros,
    pub remaining: Micros,
    pub expires_at: Option<i64>,
    pub at: i64,
}

/// How an account stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The sum of its entries.
    pub balance: Micros,
    /// Of it: set apart by gateway nodes for calls.
    pub held: Micros,
    /// Those with something left, in the order in which they are spent.
    pub grants: Vec<Grant>,
}

named!(
    /// What usage is added up by.
    UsageBy, "way to add up usage", {
        User = "user",
        Model = "model",
        Day = "day",
        Hour = "hour",
        Instance = "instance",
        Provider = "provider",
    }
);

/// Which usage to add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    pub by: UsageBy,
    /// From this hour on, up to but without that one.
    pub from: i64,
    pub to: i64,
    /// Of this user alone.
    pub account: Option<String>,
}

/// Usage, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSum {
    pub of: UsageOf,
    pub calls: u64,
    /// Of the calls: did not end well.
    pub failed: u64,
    /// Of the calls: tokens that were counted here, not by the provider.
    pub estimated: u64,
    pub prompt: u64,
    pub completion: u64,
    pub cached: u64,
    pub reasoning: u64,
    pub cost: Micros,
}

impl UsageSum {
    /// More usage of the same.
    pub(crate) fn add(&mut self, more: &Self) {
        self.calls += more.calls;
        self.failed += more.failed;
        self.estimated += more.estimated;
        self.prompt += more.prompt;
        self.completion += more.completion;
        self.cached += more.cached;
        self.reasoning += more.reasoning;
        self.cost += more.cost;
    }
}

/// Whose usage a sum is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageOf {
    /// A user, model, instance or provider.
    Name(Arc<str>),
    /// The UTC day or hour that began then.
    Time(i64),
}

/// A gateway node that the books know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerNode {
    pub name: String,
    /// When it last dealt.
    pub seen_at: i64,
    /// What it holds of credit accounts.
    pub held: Micros,
}

/// The books, as people ask for them.
#[async_trait]
pub trait Credits: Send + Sync {
    /// Gives credits. Repeated under the same request id, says what it did the first time; other credits under it are
    /// [`RecordsError::Reused`].
    async fn grant(&self, new: &NewGrant) -> Result<Granted, RecordsError>;
    /// How an account stands; one that nobody has granted anything stands at zero.
    async fn credits(&self, account: &str) -> Result<Account, RecordsError>;
    /// The newest `limit` entries before (an id), newest first.
    async fn entries(&self, account: &str, before: Option<i64>, limit: u32) -> Result<Vec<Entry>, RecordsError>;
    /// By name, or in the order of time.
    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageSum>, RecordsError>;
    async fn ledger_nodes(&self) -> Result<Vec<LedgerNode>, RecordsError>;
    /// Gives up a node whose journal will not come back: what it holds goes back to the accounts, and an entry of zero
    /// says so. What it had not reported is not charged; should the journal come back after all, it is charged then.
    async fn give_up_node(&self, node: &str) -> Result<(), RecordsError>;
}
