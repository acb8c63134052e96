//! The clock of limits and health: microseconds since this process asked first. It goes on whatever the wall clock does.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Begins far from zero, so that whoever subtracts from it stays above.
const ORIGIN: Duration = Duration::from_secs(86_400);

pub fn now_us() -> u64 {
    let began = BEGAN.get_or_init(Instant::now);
    u64::try_from((ORIGIN + began.elapsed()).as_micros()).unwrap_or(u64::MAX)
}
