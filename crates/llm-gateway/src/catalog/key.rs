//! A virtual key as the gateway uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ledger::Micros;
use crate::limit::Bucket;
use crate::price::Multiplier;

pub struct Key {
    /// Its record's id; never the key itself.
    pub id: Arc<str>,
    /// Who pays. A key of nobody is charged to no account; only its own budgets bound it.
    pub user: Option<Arc<str>>,
    pub instance: Option<Arc<str>>,
    /// The models that it may use, by the names clients use; `None`: all.
    pub models: Option<BTreeSet<String>>,
    /// Names of its own for models.
    pub aliases: BTreeMap<String, String>,
    pub limits: Limits,
    pub budgets: Budgets,
    pub multiplier: Multiplier,
    /// Milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
    pub state: Arc<KeyState>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub requests_per_minute: Option<u64>,
    pub tokens_per_minute: Option<u64>,
}

/// What it may spend in a day and in a month (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    pub day: Option<Micros>,
    pub month: Option<Micros>,
}

/// What of a key outlives a snapshot.
#[derive(Debug, Default)]
pub struct KeyState {
    pub requests: Bucket,
    pub tokens: Bucket,
    revoked: AtomicBool,
}

impl KeyState {
    /// Ends the calls that run, too.
    pub fn revoke(&self) {
        self.revoked.store(true, Ordering::Relaxed);
    }

    pub fn restore(&self) {
        self.revoked.store(false, Ordering::Relaxed);
    }

    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }
}

impl Key {
    /// The name behind a name of the key's own.
    pub fn resolve<'a>(&'a self, model: &'a str) -> &'a str {
        self.aliases.get(model).map_or(model, String::as_str)
    }

    pub fn may_use(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.contains(model))
    }

    pub fn has_expired(&self, now_ms: i64) -> bool {
        self.expires_at.is_some_and(|at| at <= now_ms)
    }

    /// Somebody or something pays for its calls.
    pub fn is_bounded(&self) -> bool {
        self.user.is_some() || self.budgets != Budgets::default()
    }
}
