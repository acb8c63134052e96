//! What all requests share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use creel_agent::Agent;
use creel_config::{GatewayConfig, Locations};
use creel_lease::FileLeases;
use creel_session::{FileSessions, SessionStore, UserId};
use serde_json::Value;

use crate::auth::Credentials;
use crate::drain::Drain;
use crate::error::told;
use crate::metrics::Metrics;
use crate::profile::Profile;
use crate::rate::RateLimiter;
use crate::run::StartError;
use creel_http::{BodyLimit, Connections, Problem, Throttle};

pub struct Gateway {
    /// Everything that follows from the configuration; swapped whole when it changes. A running turn keeps the one it began with.
    pub setup: ArcSwap<Setup>,
    pub agent: Agent,
    pub sessions: Arc<dyn SessionStore>,
    pub leases: Arc<FileLeases>,
    pub metrics: Metrics,
    pub rate: RateLimiter,
    pub throttle: Throttle,
    pub drain: Arc<Drain>,
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
        Self {
            credentials: Credentials::new(&config),
            profile: Arc::new(Profile::new(&config, workspace, before.map(|setup| &*setup.profile))),
            config,
        }
    }
}

impl Gateway {
    pub fn new(config: GatewayConfig, locations: Locations) -> Result<Arc<Self>, StartError> {
        let instance_id = config.instance_id.clone();
        let setup = Setup::new(config, &locations, None);
        let sessions_directory = setup.profile.user.agent(None).workspace.root().join("sessions");
        let sessions: Arc<dyn SessionStore> =
            Arc::new(FileSessions::open(move |_: &UserId| sessions_directory.clone()));
        let leases_directory = locations.state_dir.join("leases");
        let leases = Arc::new(FileLeases::open(&leases_directory).map_err(StartError::Leases)?);
        let client = creel_llm::Client::new(creel_llm::Options::default());
        Ok(Arc::new(Self {
            agent: Agent::new(client, sessions.clone(), leases.clone(), instance_id.clone()),
            leases,
            setup: ArcSwap::from_pointee(setup),
            sessions,
            metrics: Metrics::new(&instance_id),
            rate: RateLimiter::default(),
            throttle: Throttle::default(),
            drain: Arc::default(),
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
        self.setup
            .store(Arc::new(Setup::new(config, &self.locations, Some(&before))));
        pending
    }
}

impl BodyLimit for Gateway {
    fn max_body_bytes(&self) -> usize {
        self.setup.load().config.gateway.limits.max_body_bytes
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

    fn opened(&self) {
        self.metrics.connections.inc();
    }

    fn closed(&self) {
        self.metrics.connections.dec();
    }

    fn refused(&self) {
        self.metrics.refused.inc();
    }
}
