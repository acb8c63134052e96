//! The way out: first nothing new is begun, then what runs may finish, then it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::routes::State;

/// Open connections get this long to send what they owe once all turns have ended.
pub const CLOSING: Duration = Duration::from_secs(5);

/// `/ready` fails from here on and no turn begins; those that run may finish within the grace time, or until a second signal.
pub async fn run(gateway: &State, hurry: impl Future<Output = ()>) {
    gateway.drain.begin();
    let grace = gateway.setup.load().config.gateway.limits.drain_timeout;
    let running = gateway.drain.running();
    if running > 0 {
        tracing::info!(
            running,
            grace_seconds = grace.as_secs(),
            "draining: turns that run may finish"
        );
    }
    let finished = tokio::select! {
        () = gateway.drain.idle() => true,
        () = tokio::time::sleep(grace) => false,
        () = hurry => false,
    };
    if !finished {
        tracing::warn!(running = gateway.drain.running(), "turns are cut off");
        gateway.drain.stop.cancel();
        // A cancelled turn only has to write down what was said.
        let _ = tokio::time::timeout(CLOSING, gateway.drain.idle()).await;
    }
}

/// What runs, and whether more may begin.
#[derive(Default)]
pub struct Drain {
    draining: AtomicBool,
    running: AtomicUsize,
    idle: Notify,
    /// Ends the turns that took longer than the grace time.
    pub stop: CancellationToken,
}

impl Drain {
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub fn begin(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Counts a request that must not be cut off until the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(self.clone())
    }

    /// Resolves when nothing runs.
    pub async fn idle(&self) {
        loop {
            let notified = self.idle.notified();
            if self.running() == 0 {
                return;
            }
            notified.await;
        }
    }
}

pub struct Running(Arc<Drain>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
