//! What a finished call cost, and what it was.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::UnknownName;

use super::{Micros, PurseId, RequestId};

/// Tokens of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All tokens of the prompt, cached ones included.
    pub prompt: u64,
    /// All tokens of the answer, reasoning included.
    pub completion: u64,
    /// Of the prompt: read from the provider's cache.
    pub cached: u64,
    /// Of the answer: thought and not said.
    pub reasoning: u64,
    /// Counted here, because the provider did not say.
    pub estimated: bool,
}

named!(
    /// How a call ended.
    Outcome, "outcome", {
        /// The answer was complete.
        Done = "done",
        /// The client went away first, or the call was cut off; what was known by then is charged.
        Cut = "cut",
        /// The provider failed.
        Failed = "failed",
        /// The gateway died during the call; the prompt's estimate is charged.
        Lost = "lost",
    }
);

named!(
    /// Who pays.
    Billing, "billing", {
        /// The user's credits.
        Credits = "credits",
        /// Nobody: usage and budgets are counted, no credits are charged.
        Metered = "metered",
    }
);

/// The end of one call, as a node reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub request: RequestId,
    pub billing: Billing,
    pub user: Arc<str>,
    /// The instance that asked; empty if none did.
    pub instance: Arc<str>,
    /// The virtual key's id; empty if there was none.
    pub key: Arc<str>,
    pub provider: Arc<str>,
    pub model: Arc<str>,
    /// Whether the key's budget of that day (since 1970) bounded the call.
    pub day: Option<i32>,
    /// Whether the key's budget of that month (since January 1970) bounded the call.
    pub month: Option<i32>,
    /// What was reserved from each purse.
    pub reserved: Micros,
    /// What it cost, zero or more; it may be above what was reserved.
    pub cost: Micros,
    pub usage: Usage,
    pub outcome: Outcome,
    /// When it ended, by the database's clock.
    pub at: i64,
    /// From the reservation to the end.
    pub latency_ms: u64,
}

impl Settlement {
    /// The purses that bounded the call, the account first.
    pub fn purses(&self) -> impl Iterator<Item = PurseId> + '_ {
        let account = (self.billing == Billing::Credits).then(|| PurseId::Account(self.user.clone()));
        let key = || self.key.clone();
        let day = self.day.map(|day| PurseId::KeyDay { key: key(), day });
        let month = self.month.map(|month| PurseId::KeyMonth { key: key(), month });
        account.into_iter().chain(day).chain(month)
    }
}
