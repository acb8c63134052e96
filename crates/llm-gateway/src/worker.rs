//! What calls need: the part that all threads share, and the part that each has for itself.

use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::catalog::Catalog;
use crate::counted::Counted;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::tokens::Clerk;
use crate::upstream::{Tls, Upstream};

pub struct Shared {
    pub catalog: Arc<ArcSwap<Catalog>>,
    pub ledger: Ledger,
    pub metrics: Arc<Metrics>,
    pub settings: Settings,
    pub clerk: Arc<Clerk>,
    pub tls: Arc<Tls>,
}

/// One thread's.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub upstream: Upstream,
    pub counted: Rc<Counted>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>) -> Self {
        let upstream = Upstream::new(Arc::clone(&shared.tls), shared.settings.provider);
        let counted = Rc::new(Counted::new(Arc::clone(&shared.metrics)));
        Self {
            shared,
            upstream,
            counted,
        }
    }
}
