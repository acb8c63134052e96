//! Keeps the snapshot as new as the records: looks at their version once a second, and at once when told to.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use creel_records::{LlmRecords, RecordsError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Given, Unseal};

/// How long a change in another process takes to be seen here.
const PAUSE: Duration = Duration::from_secs(1);

/// Callers that may wait for one look at the records; a caller beyond that waits for its turn.
const WAITING: usize = 64;

/// By which whoever changes the records in this process has the change known before they tell anybody of it.
#[derive(Clone)]
pub struct Refresh(mpsc::Sender<oneshot::Sender<()>>);

/// Who waits for a look at the records.
pub(crate) type Waiting = mpsc::Receiver<oneshot::Sender<()>>;

impl Refresh {
    pub(crate) fn new() -> (Self, Waiting) {
        let (ask, waiting) = mpsc::channel(WAITING);
        (Self(ask), waiting)
    }

    /// Returns once what was recorded before is in the snapshot. Where the records cannot be read, or nothing keeps the snapshot new, it
    /// returns as well: there is nothing to wait for.
    pub async fn now(&self) {
        let (done, looked) = oneshot::channel();
        if self.0.send(done).await.is_ok() {
            let _ = looked.await;
        }
    }
}

/// Where snapshots come from.
pub struct Source {
    pub records: Arc<dyn LlmRecords>,
    pub unseal: Arc<dyn Unseal>,
    pub given: Given,
}

impl Source {
    /// A snapshot of now, and its version.
    pub(crate) async fn catalog(&self, before: &Catalog) -> Result<(Catalog, i64), RecordsError> {
        let setup = self.records.llm_setup().await?;
        Ok((Catalog::of(&setup, &self.given, &*self.unseal, before), setup.version))
    }
}

/// Runs until `stop`. While the records cannot be reached, the last snapshot stays.
pub async fn run(
    source: Source,
    catalog: Arc<ArcSwap<Catalog>>,
    mut version: i64,
    mut waiting: Waiting,
    stop: CancellationToken,
) {
    let mut reached = true;
    let mut asked = Vec::with_capacity(WAITING);
    loop {
        tokio::select! {
            // One look serves all who wait by then. Its end is that of the gateway, which holds an asker itself.
            _ = waiting.recv_many(&mut asked, WAITING) => {}
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
        let renewed = renew(&source, &catalog, version).await;
        for waits in asked.drain(..) {
            let _ = waits.send(());
        }
        match renewed {
            Ok(now) => {
                version = now;
                reached = true;
            }
            // Said once, not every second.
            Err(error) if reached => {
                tracing::warn!(%error, "keys, models and prices cannot be read; the last known ones stay");
                reached = false;
            }
            Err(_) => {}
        }
    }
}

async fn renew(source: &Source, catalog: &ArcSwap<Catalog>, version: i64) -> Result<i64, RecordsError> {
    if source.records.llm_version().await? == version {
        return Ok(version);
    }
    let (renewed, version) = source.catalog(&catalog.load()).await?;
    catalog.store(Arc::new(renewed));
    tracing::info!(version, "keys, models and prices are read anew");
    Ok(version)
}
