//! Ownership, as its owner sees it.

use std::time::Duration;

use crate::clock;

/// Proof of ownership of one name for a limited time.
///
/// Not `Clone`: there is one owner. Dropping it does not release it (that takes I/O): it then runs out by itself.
#[derive(Debug)]
#[must_use = "a lease that is dropped blocks others until it runs out: release it"]
pub struct Lease {
    name: String,
    holder: String,
    epoch: u64,
    ttl: Duration,
    /// On the since-boot clock: when the store may give the lease to somebody else.
    deadline: Duration,
}

impl Lease {
    /// For stores: a lease granted for `ttl`, asked for at `asked_at` (see [`Lease::now`]).
    ///
    /// The time is counted from before the question was sent, so that the owner never believes longer than the store.
    pub fn granted(
        name: impl Into<String>,
        holder: impl Into<String>,
        epoch: u64,
        ttl: Duration,
        asked_at: Duration,
    ) -> Self {
        Self {
            name: name.into(),
            holder: holder.into(),
            epoch,
            ttl,
            deadline: asked_at + ttl,
        }
    }

    /// For stores: the lease was renewed for its whole TTL by a question asked at `asked_at`.
    pub fn renewed(&mut self, asked_at: Duration) {
        self.deadline = asked_at + self.ttl;
    }

    /// The clock that leases run on: time since boot, suspend included.
    pub fn now() -> Duration {
        clock::since_boot()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Larger than the epoch of every lease on this name before it. Whatever the lease protects rejects an older one.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Whether the owner may still act. Turns false a safety margin before the TTL ends, and stays so while the
    /// machine was suspended or the process stopped past it.
    pub fn is_live(&self) -> bool {
        clock::since_boot() < self.safe_until()
    }

    /// How long the owner may still act.
    pub fn remaining(&self) -> Duration {
        self.safe_until().saturating_sub(clock::since_boot())
    }

    pub(crate) fn safe_until(&self) -> Duration {
        self.deadline.saturating_sub(margin(self.ttl))
    }
}

/// How long before the TTL the owner steps down: a tenth, at most a second. It covers clocks that run at different
/// rates on two machines, and the time from a check to the act.
fn margin(ttl: Duration) -> Duration {
    (ttl / 10).min(Duration::from_secs(1))
}
