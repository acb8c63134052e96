//! Work that reaches an instance through Creel: how much is under way, and when there last was some.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Of one instance.
#[derive(Debug)]
pub struct Work {
    under_way: AtomicUsize,
    last: Mutex<Instant>,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            under_way: AtomicUsize::new(0),
            last: Mutex::new(Instant::now()),
        }
    }
}

impl Work {
    /// There was work now.
    pub fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Acquire) > 0
    }

    /// When there last was work.
    pub fn last(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request to an instance; it is under way until this is dropped.
#[derive(Debug)]
pub struct Engaged(Arc<Work>);

impl Engaged {
    pub(crate) fn with(work: Arc<Work>) -> Self {
        work.under_way.fetch_add(1, Ordering::AcqRel);
        Self(work)
    }
}

impl Drop for Engaged {
    fn drop(&mut self) {
        // First: whoever sees that none is under way any more sees when it was.
        self.0.note();
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_work_until_it_ends() {
        let work = Arc::new(Work::default());
        let began = work.last();
        let (first, second) = (Engaged::with(work.clone()), Engaged::with(work.clone()));
        drop(first);
        assert!(work.is_under_way());
        let between = work.last();
        assert!(between >= began);
        drop(second);
        assert!(!work.is_under_way() && work.last() >= between);
    }
}
