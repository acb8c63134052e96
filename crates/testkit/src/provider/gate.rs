//! Holds a reply back, so that a test and not a clock says when the next piece comes.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A closed gate. Each piece of text in a gated reply waits before it. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets `pieces` more pieces through.
    pub fn pass(&self, pieces: usize) {
        self.0.add_permits(pieces);
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    pub(super) async fn enter(self) {
        // An error means that the gate is open for good.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}
