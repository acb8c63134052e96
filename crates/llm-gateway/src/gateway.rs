//! The gateway as a whole: started, looked at, stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use creel_records::RecordsError;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::ledger::Ledger;
use crate::refresh::{self, Refresh, Source};
use crate::serve;
use crate::settings::Settings;
use crate::tokens::Clerk;
use crate::worker::Shared;

/// A running gateway. Dropping it stops it too, but nobody waits for its calls then.
pub struct Gateway {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
    refresh: Refresh,
}

/// Why a gateway does not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: io::Error },
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl Gateway {
    /// Listens, and answers from then on.
    ///
    /// # Errors
    /// The address cannot be listened on, or the system gives no threads.
    pub fn start(address: SocketAddr, settings: Settings, catalog: Catalog, ledger: Ledger) -> io::Result<Self> {
        let listeners = serve::bind(address, settings.threads)?;
        let address = listeners[0].local_addr()?;
        let metrics = Arc::default();
        let shared = Arc::new(Shared {
            catalog: Arc::new(ArcSwap::from_pointee(catalog)),
            ledger,
            clerk: Arc::new(Clerk::new(Arc::clone(&metrics))),
            metrics,
            settings,
            tls: Arc::default(),
        });
        let stop = CancellationToken::new();
        let threads = serve::start(listeners, &shared, &stop)?;
        Ok(Self {
            address,
            shared,
            stop,
            threads,
            // Nothing is recorded of which it could become newer.
            refresh: Refresh::new().0,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As [`Gateway::start`], with what is recorded, kept as new as the records from then on, by a task of the current runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(
        address: SocketAddr,
        settings: Settings,
        source: Source,
        ledger: Ledger,
    ) -> Result<Self, StartError> {
        let (catalog, version) = source.catalog(&Catalog::default()).await?;
        let mut gateway =
            Self::start(address, settings, catalog, ledger).map_err(|reason| StartError::Listen { address, reason })?;
        let (refresh, waiting) = Refresh::new();
        gateway.refresh = refresh;
        tokio::spawn(refresh::run(
            source,
            gateway.catalog(),
            version,
            waiting,
            gateway.stop.clone(),
        ));
        Ok(gateway)
    }

    /// For whoever changes the records in this process.
    #[must_use]
    pub fn refresh(&self) -> Refresh {
        self.refresh.clone()
    }

    /// The snapshot, to be swapped.
    #[must_use]
    pub fn catalog(&self) -> Arc<ArcSwap<Catalog>> {
        Arc::clone(&self.shared.catalog)
    }

    /// Takes no more calls, waits for those that run (as long as the settings let them), then closes the books.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let threads = std::mem::take(&mut self.threads);
        let clerk = Arc::clone(&self.shared.clerk);
        let joined = tokio::task::spawn_blocking(move || {
            let failed = threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
            // Behind those who bring it calls.
            clerk.close();
            failed
        });
        match joined.await {
            Ok(0) => {}
            failed => tracing::error!(?failed, "threads of the LLM Gateway have failed"),
        }
        self.shared.ledger.close().await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
