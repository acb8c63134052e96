//! The clock that leases run on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Time since this machine started, suspend included, immune to changes of the wall clock (`CLOCK_BOOTTIME`).
///
/// `std::time::Instant` stands still while a machine sleeps: a laptop or a VM that wakes an hour later would still
/// believe in its lease.
pub(crate) fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Wall clock, as time since the Unix epoch.
pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
