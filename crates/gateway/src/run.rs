//! A gateway from its start to its end: configuration, socket, reload, drain.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use creel_config::{ConfigError, Environment, Locations, Logging, Overrides, Warning, Watcher};
use creel_http::serve;
use creel_lease::LeaseError;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::routes::router;
use crate::state::Gateway;
use crate::tenants::TenantsError;
use crate::{drain, housekeeping, state_lock, tenants};

const PORT_PATIENCE: Duration = Duration::from_millis(300);
const PORT_PROBE: Duration = Duration::from_millis(10);

pub struct Options {
    pub locations: Locations,
    pub environment: Arc<dyn Environment + Send + Sync>,
    pub overrides: Overrides,
}

/// Why a gateway did not start. Each line says what to do.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error(
        "{address} is in use by another program: choose another port with --port, OPENCLAW_GATEWAY_PORT or gateway.port"
    )]
    PortInUse { address: SocketAddr },
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("{}: {source}; the state directory must exist or be creatable, and be writable (OPENCLAW_STATE_DIR)", .path.display())]
    State { path: PathBuf, source: io::Error },
    #[error("{}: another gateway is running on this state directory (pid {pid}); stop it, or give this one its own OPENCLAW_STATE_DIR", .path.display())]
    Running { path: PathBuf, pid: String },
    #[error("{0}")]
    Leases(LeaseError),
    #[error("{0}")]
    Tenants(#[from] TenantsError),
    #[error("{0}")]
    Signals(io::Error),
}

/// Runs a gateway until SIGTERM or SIGINT. `configured` is told of the logging section at the start and at each change, `ready` of
/// the address when requests are served.
pub async fn run(
    options: Options,
    configured: impl Fn(&Logging, &str),
    ready: impl FnOnce(SocketAddr),
) -> Result<(), StartError> {
    let Options {
        locations,
        environment,
        overrides,
    } = options;
    // Before the first reading, so that no change in between is missed.
    let mut watcher = Watcher::new(locations.clone(), environment.clone(), overrides.clone());
    let loaded = creel_config::load(&locations, &*environment, &overrides)?;
    configured(&loaded.config.logging, &loaded.config.instance_id);
    say(&locations, &loaded.warnings);
    // Who this process is, for as long as it is: its metrics, its log and its sessions' leases say so.
    let instance_id = loaded.config.instance_id.clone();
    let mut lock = state_lock::take(&locations.state_dir).await?;
    let address = loaded.config.gateway.address();
    let listener = listen(address).await?;
    let address = listener.local_addr().unwrap_or(address);
    let gateway = Gateway::new(loaded.config, locations.clone(), environment).await?;
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let closed = CancellationToken::new();
    let housekeeping = tokio::spawn(housekeeping::run(gateway.clone()));
    let tenants = gateway
        .tenants
        .is_some()
        .then(|| tokio::spawn(tenants::run(gateway.clone())));
    let server = tokio::spawn(serve(listener, router(&gateway), gateway.clone(), closed.clone()));
    tracing::info!(%address, model = gateway.setup.load().profile.models.primary(), "gateway ready");
    lock.announce(address);
    ready(address);

    loop {
        tokio::select! {
            change = watcher.changed() => match change {
                // Editors and sync tools remove a file before they write it anew.
                _ if !locations.config.exists() => {
                    tracing::error!(path = %locations.config.display(), "the configuration is gone; the last good one stays");
                }
                Ok(mut loaded) => {
                    loaded.config.instance_id.clone_from(&instance_id);
                    say(&locations, &loaded.warnings);
                    configured(&loaded.config.logging, &loaded.config.instance_id);
                    let pending = gateway.reload(loaded.config);
                    tracing::info!("configuration reloaded");
                    if !pending.is_empty() {
                        tracing::warn!(settings = pending.join(", "), "these settings change with the next restart");
                    }
                }
                Err(error) => tracing::error!(%error, "the changed configuration is broken; the last good one stays"),
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    let hurry = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    housekeeping.abort();
    if let Some(tenants) = tenants {
        tenants.abort();
    }
    drain::run(&gateway, hurry).await;
    closed.cancel();
    let _ = tokio::time::timeout(drain::CLOSING, server).await;
    tracing::info!("gateway stopped");
    Ok(())
}

fn say(locations: &Locations, warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!("{}: {warning}", locations.config.display());
    }
}

/// Listens, trying again for a moment where the port is taken: whoever looks for a free port takes each one for an instant.
async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let patience = Instant::now() + PORT_PATIENCE;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                return Err(StartError::Listen { address, source: error });
            }
            Err(_) if Instant::now() >= patience => return Err(StartError::PortInUse { address }),
            Err(_) => tokio::time::sleep(PORT_PROBE).await,
        }
    }
}
