//! Ports for one fleet alone, so that tests that run side by side never take each other's between a stop and a start.

use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range that Linux hands out by itself (32768 on).
const FIRST: u16 = 20_000;
const RANGE: u16 = 40;
const RANGES: u16 = (32_768 - FIRST) / RANGE;

/// The first of 40 ports that no other caller in this process has; another process most likely has other ones.
#[must_use]
pub fn range() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let seed = u16::try_from(std::process::id() % u32::from(RANGES)).unwrap_or_default();
    let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
    FIRST + (seed + taken) % RANGES * RANGE
}
