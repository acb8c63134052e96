//! Lets the gateway for users ask what changed as soon as something did: a revoked token is void within a moment, not within a sync interval.
//!
//! Only a courtesy. A gateway that misses it asks by itself, so nothing here is repeated.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::find;
use crate::state::Backend;

/// For a sync that was asked for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Remembers that there was a change, however many there were.
#[derive(Default)]
pub struct Nudge(Notify);

impl Nudge {
    pub fn changed(&self) {
        self.0.notify_one();
    }
}

/// For as long as the backend runs.
pub async fn run(backend: Arc<Backend>) {
    let once = async || {
        backend.nudge.0.notified().await;
        let sync = async { find(&backend).await?.sync(&backend.everyone.service_token).await };
        match timeout(PATIENCE, sync).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => {
                tracing::debug!(reason = problem.code, "the gateway for users was not told of a change")
            }
            Err(_) => tracing::warn!("the gateway for users takes too long to sync"),
        }
    };
    while backend.stop.run_until_cancelled(once()).await.is_some() {}
}
