//! The Cloud Backend's clock, which tokens expire by: ours may be an hour off.

use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

/// Milliseconds since the Unix epoch, here.
pub fn now_ms() -> i64 {
    let milliseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}

/// A difference of so few seconds is the network's.
const SAME: i64 = 2;

#[derive(Default)]
pub struct BackendClock {
    /// Seconds that the backend's clock is ahead of ours.
    ahead: AtomicI64,
}

impl BackendClock {
    /// Seconds since the Unix epoch, there.
    pub fn now(&self) -> i64 {
        OffsetDateTime::now_utc().unix_timestamp() + self.ahead.load(Ordering::Relaxed)
    }

    pub fn set(&self, ahead: i64) {
        let ahead = if ahead.abs() <= SAME { 0 } else { ahead };
        if self.ahead.swap(ahead, Ordering::Relaxed) != ahead && ahead != 0 {
            tracing::warn!(
                seconds = ahead,
                "the Cloud Backend's clock is ahead of ours; tokens expire by its clock"
            );
        }
    }
}
