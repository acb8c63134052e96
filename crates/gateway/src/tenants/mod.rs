//! Many users in one gateway: multi-tenant mode.
//!
//! `sync` keeps `directory` (who is registered, whose a token is) and `store` (the same on disk, with everybody's configuration) as the
//! Cloud Backend has them. A request's token leads to its user; who is not loaded is loaded: the workspace made of the template
//! (`workspaces`), the configuration laid over the global one, and kept in `cache` until idle. What a user has under way is counted in
//! their `usage`, and their turns wait in the `schedule`, so that nobody takes what others need.
//!
//! It knows the Cloud Backend by the contract in `wire` only.

pub mod admin;
mod admission;
mod cache;
mod clock;
mod cloud;
mod directory;
mod doors;
mod memory;
mod metrics;
mod monitor;
mod schedule;
mod store;
mod sync;
mod tenant;
mod transcripts;
mod usage;
mod wire;
mod workspaces;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use creel_config::{Environment, MultiTenant};
use creel_http::Problem;
use creel_session::UserId;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use cache::Cache;
use clock::BackendClock;
use cloud::CloudBackend;
use directory::Directory;
use doors::Doors;
use monitor::Alert;
use schedule::Schedule;
use store::{Progress, Store, StoreError};
use sync::SyncState;
use workspaces::Workspaces;

pub use metrics::TenantMetrics;
pub use schedule::Slot;
pub use transcripts::Transcripts;
pub use usage::{Held, Seat};

use crate::routes::State;
use crate::state::Setup;

/// How often those who are idle are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// All users of a gateway for many.
pub struct Tenants {
    directory: Mutex<Directory>,
    store: Store,
    cache: Cache,
    workspaces: Arc<Workspaces>,
    schedule: Arc<Schedule>,
    pub doors: Doors,
    backend: CloudBackend,
    syncing: SyncState,
    clock: BackendClock,
    /// What needs a person at this moment, by its kind.
    alerts: Mutex<BTreeMap<&'static str, Alert>>,
    environment: Arc<dyn Environment + Send + Sync>,
    /// Ends everything that runs; users' own ones hang from it.
    stop: CancellationToken,
    /// Whether there is a state to let users in by.
    known: AtomicBool,
}

/// Why a gateway for many users did not start.
#[derive(Debug, Error)]
pub enum TenantsError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{}: {source}; multiTenant.workspaceRoot must exist or be creatable, and be writable", .path.display())]
    Workspaces { path: PathBuf, source: std::io::Error },
}

impl Tenants {
    /// Takes up the last good state from disk; it asks nobody.
    pub async fn open(
        settings: &MultiTenant,
        environment: Arc<dyn Environment + Send + Sync>,
        stop: CancellationToken,
    ) -> Result<Self, TenantsError> {
        let workspaces = Workspaces::open(&settings.workspace_root).map_err(|source| TenantsError::Workspaces {
            path: settings.workspace_root.clone(),
            source,
        })?;
        let mut store = Store::open(&settings.config_root).await?;
        let (progress, directory) = match last_good(&store).await {
            Ok(found) => found,
            Err(broken) => {
                store.begin_anew(&broken).await?;
                last_good(&store).await?
            }
        };
        let clock = BackendClock::default();
        clock.set(progress.ahead);
        if progress.complete {
            tracing::info!(users = directory.len(), "the users' last good state is taken up");
        }
        Ok(Self {
            known: AtomicBool::new(progress.complete),
            directory: Mutex::new(directory),
            store,
            cache: Cache::default(),
            workspaces: Arc::new(workspaces),
            schedule: Arc::default(),
            doors: Doors::default(),
            backend: CloudBackend::default(),
            syncing: SyncState::new(progress),
            clock,
            alerts: Mutex::default(),
            environment,
            stop,
        })
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().expect("no holder panics")
    }

    /// Whether users can be let in: some state of them was read, from the Cloud Backend or from disk.
    pub fn is_known(&self) -> bool {
        self.known.load(Ordering::Acquire)
    }

    fn set_known(&self) {
        self.known.store(true, Ordering::Release);
    }

    /// Where a user's transcripts are. It outlives the users: the session store asks it.
    pub fn sessions_directory(&self) -> impl Fn(&UserId) -> PathBuf + Send + Sync + 'static {
        let workspaces = self.workspaces.clone();
        move |user| workspaces.path(user).join("sessions")
    }

    /// Sets what is read at this moment.
    pub fn measure(&self, metrics: &TenantMetrics) {
        let registered = self.directory().len();
        metrics.registered.set(registered as i64);
        metrics.active.set(self.cache.len() as i64);
        metrics.turns_running.set(self.schedule.running() as i64);
        metrics.turns_waiting.set(self.schedule.waiting() as i64);
    }

    /// Users who are loaded.
    pub fn loaded(&self) -> Vec<UserId> {
        self.cache.all().iter().map(|tenant| tenant.id.clone()).collect()
    }

    /// The connection is this user's now.
    pub fn claim(&self, connection: u64, user: &UserId, setup: &Setup) -> Result<(), Problem> {
        let Some(settings) = &setup.config.multi_tenant else {
            return Ok(());
        };
        self.doors.claim(connection, user, settings.quotas.connections as usize)
    }
}

/// Who is known, and how far the sync had come with it.
async fn last_good(store: &Store) -> Result<(Progress, Directory), StoreError> {
    let progress = store.progress().await?;
    let mut directory = Directory::default();
    let put = |id: &UserId, active, tokens: &[_]| {
        directory.put(id, active, tokens);
    };
    store.each_user(put).await?;
    Ok((progress, directory))
}

/// What a gateway for many users does beside its requests, for as long as it runs.
pub async fn run(gateway: State) {
    tokio::join!(
        sync::run(gateway.clone()),
        monitor::run(gateway.clone()),
        unload_idle(gateway)
    );
}

async fn unload_idle(gateway: State) {
    let Some(tenants) = gateway.tenants.clone() else { return };
    while let Some(settings) = gateway.setup.load().config.multi_tenant.clone() {
        let timeout = settings.user_idle_timeout;
        tokio::time::sleep(timeout.clamp(Duration::from_millis(10), SWEEP)).await;
        tenants.cache.unload_idle(timeout);
    }
}
