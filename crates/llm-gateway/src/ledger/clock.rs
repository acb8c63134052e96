//! The database's clock, as this node knows it. Windows of budgets and times in the books follow it: the wall clocks of
//! two nodes may be an hour apart.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::Instant;

pub(super) struct Clock {
    since: Instant,
    /// What the database's clock showed at `since`, in milliseconds since the Unix epoch.
    origin: AtomicI64,
}

impl Clock {
    pub fn new(now: i64) -> Self {
        Self {
            since: Instant::now(),
            origin: AtomicI64::new(now),
        }
    }

    /// The database says that it is `now`.
    pub fn set(&self, now: i64) {
        self.origin.store(now.saturating_sub(self.elapsed()), Ordering::Relaxed);
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.origin.load(Ordering::Relaxed).saturating_add(self.elapsed())
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
