//! What all requests share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use creel_agent::{Agent, Ownership};
use creel_config::{Environment, GatewayConfig, Locations, MultiTenant};
use creel_lease::FileLeases;
use creel_session::{FileSessions, SessionStore, UserId};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::auth::Credentials;
use crate::drain::Drain;
use crate::error::told;
use crate::metrics::Metrics;
use crate::profile::Profile;
use crate::rate::RateLimiter;
use crate::run::StartError;
use crate::tenants::{Tenants, Transcripts};
use creel_http::{BodyLimit, Connections, Problem, Throttle};

/// Values of a large request: a conversation of ten thousand messages has fewer. A million took two seconds of everybody's time.
const MOST_VALUES: usize = 100_000;

pub struct Gateway {
    /// Everything that follows from the configuration; swapped whole when it changes. A running turn keeps the one it began with.
    pub setup: ArcSwap<Setup>,
    pub agent: Agent,
    pub sessions: Arc<dyn SessionStore>,
    /// The sessions' leases, where other gateways may serve the same users; the gateway of one user has its sessions to itself.
    pub leases: Option<Arc<FileLeases>>,
    pub metrics: Metrics,
    pub rate: RateLimiter,
    pub throttle: Throttle,
    pub drain: Arc<Drain>,
    /// `None`: the gateway of one user.
    pub tenants: Option<Arc<Tenants>>,
    pub started: Instant,
    locations: Locations,
}

pub struct Setup {
    pub config: GatewayConfig,
    pub credentials: Credentials,
    /// Of the gateway's one user.
    pub profile: Arc<Profile>,
}

impl Setup {
    fn new(config: GatewayConfig, locations: &Locations, before: Option<&Setup>) -> Self {
        let workspace = config
            .agents
            .defaults
            .workspace
            .clone()
            .unwrap_or_else(|| locations.state_dir.join("workspace"));
        let profile = Profile::new(&config, workspace, before.map(|setup| &*setup.profile));
        if config.multi_tenant.is_none() {
            profile.user.prepare();
        }
        Self {
            credentials: Credentials::new(&config),
            profile: Arc::new(profile),
            config,
        }
    }
}

impl Gateway {
    pub async fn new(
        config: GatewayConfig,
        locations: Locations,
        environment: Arc<dyn Environment + Send + Sync>,
    ) -> Result<Arc<Self>, StartError> {
        let instance_id = config.instance_id.clone();
        let setup = Setup::new(config, &locations, None);
        let drain: Arc<Drain> = Arc::default();
        let tenants = match &setup.config.multi_tenant {
            Some(settings) => {
                let tenants = Tenants::open(settings, environment, drain.stop.clone());
                Some(Arc::new(tenants.await?))
            }
            None => None,
        };
        let sessions: Arc<dyn SessionStore> = match &tenants {
            Some(tenants) => {
                let files = FileSessions::open(tenants.sessions_directory()).without_links();
                Arc::new(Transcripts::new(files))
            }
            None => {
                let directory = setup.profile.user.agent(None).workspace.root().join("sessions");
                Arc::new(FileSessions::open(move |_: &UserId| directory.clone()))
            }
        };
        let leases = match &setup.config.multi_tenant {
            // Beside what they guard: gateways that share the workspaces share the turns of a session, and its epochs.
            Some(settings) => {
                let leases = FileLeases::open(settings.workspace_root.join(".leases"));
                Some(Arc::new(leases.map_err(StartError::Leases)?))
            }
            None => None,
        };
        let ownership = match &leases {
            Some(leases) => Ownership::leased(leases.clone(), instance_id.clone()),
            // There is no other gateway on this state directory: see `state_lock`.
            None => Ownership::sole(),
        };
        let client = creel_llm::Client::new(creel_llm::Options::default());
        Ok(Arc::new(Self {
            agent: Agent::new(client, sessions.clone(), ownership),
            leases,
            setup: ArcSwap::from_pointee(setup),
            sessions,
            metrics: Metrics::new(&instance_id, tenants.is_some()),
            rate: RateLimiter::default(),
            throttle: Throttle::default(),
            drain,
            tenants,
            started: Instant::now(),
            locations,
        }))
    }

    /// Takes up a changed configuration. Returns the names of settings that need a restart to take effect.
    pub fn reload(&self, mut config: GatewayConfig) -> Vec<&'static str> {
        let before = self.setup.load_full();
        let mut pending = Vec::new();
        if config.gateway.port != before.config.gateway.port {
            pending.push("gateway.port");
            config.gateway.port = before.config.gateway.port;
        }
        if config.gateway.bind != before.config.gateway.bind {
            pending.push("gateway.bind");
            config.gateway.bind = before.config.gateway.bind;
        }
        // The new file was checked against its own address, but the gateway hears on the old one until it is restarted.
        let opened = matches!(Credentials::new(&config), Credentials::Open);
        if opened && !before.config.gateway.bind.is_loopback() {
            pending.push("gateway.auth");
            config.gateway.auth = before.config.gateway.auth.clone();
        }
        if config.agents.defaults.workspace != before.config.agents.defaults.workspace {
            pending.push("agents.defaults.workspace");
            // The transcripts stay where they are until then, and so does what belongs to them.
            config.agents.defaults.workspace = before.config.agents.defaults.workspace.clone();
        }
        if let Some(setting) = keep_what_needs_a_restart(&mut config.multi_tenant, &before.config.multi_tenant) {
            pending.push(setting);
        }
        self.setup
            .store(Arc::new(Setup::new(config, &self.locations, Some(&before))));
        pending
    }
}

/// Whom the gateway serves and where their files are stays until it is started anew.
fn keep_what_needs_a_restart(new: &mut Option<MultiTenant>, old: &Option<MultiTenant>) -> Option<&'static str> {
    match (new, old) {
        (None, None) => None,
        (Some(new), Some(old)) => {
            let roots = |settings: &MultiTenant| (settings.workspace_root.clone(), settings.config_root.clone());
            let moved = roots(new) != roots(old);
            (new.workspace_root, new.config_root) = roots(old);
            moved.then_some("multiTenant.workspaceRoot and configRoot")
        }
        (new, old) => {
            *new = old.clone();
            Some("multiTenant.enabled")
        }
    }
}

impl BodyLimit for Gateway {
    fn max_body_bytes(&self) -> usize {
        self.setup.load().config.gateway.limits.max_body_bytes
    }

    fn max_values(&self) -> usize {
        MOST_VALUES
    }
}

impl Connections for Gateway {
    fn limit(&self) -> usize {
        self.setup.load().config.gateway.limits.connections as usize
    }

    fn idle_timeout(&self) -> Duration {
        self.setup.load().config.gateway.limits.idle_timeout
    }

    fn head_timeout(&self) -> Duration {
        self.setup.load().config.gateway.limits.head_timeout
    }

    fn stall_timeout(&self) -> Duration {
        self.setup.load().config.gateway.limits.stall_timeout
    }

    fn told(&self, path: &str, problem: &Problem) -> (&'static str, Value) {
        told(path, problem)
    }

    fn opened(&self, connection: u64) -> Option<CancellationToken> {
        self.metrics.connections.inc();
        let tenants = self.tenants.as_ref()?;
        Some(tenants.doors.opened(connection, self.limit()))
    }

    fn closed(&self, connection: u64) {
        self.metrics.connections.dec();
        if let Some(tenants) = &self.tenants {
            tenants.doors.closed(connection);
        }
    }

    fn refused(&self) {
        self.metrics.refused.inc();
    }
}
