//! Keeps the snapshot as new as the records: looks at their version once a second, and at once when told to.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use creel_records::{LlmRecords, RecordsError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Given, Unseal};

/// How long a change in another process takes to be seen here.
const PAUSE: Duration = Duration::from_secs(1);

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
    changed: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut reached = true;
    loop {
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
        let renewed = renew(&source, &catalog, version).await;
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
