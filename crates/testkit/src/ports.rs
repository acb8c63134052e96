//! Ports for one fleet alone, so that tests that run side by side never take each other's between a stop and a start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

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

/// Closes it, and waits until its port is free: what another test forks just now has it until it becomes its program.
///
/// # Panics
/// If somebody else has it by then, and keeps it.
pub fn let_go(listener: TcpListener) {
    const PATIENCE: Duration = Duration::from_secs(10);
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let since = Instant::now();
    while let Err(error) = TcpListener::bind(address) {
        assert!(since.elapsed() < PATIENCE, "{address}: {error}");
        std::thread::yield_now();
    }
}
