//! `multiTenant`: many users in one gateway.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::filled;
use crate::section::Section;
use crate::tenant::Base;
use crate::web::check_address;
use crate::{ConfigError, Secret};

/// What a gateway for many users needs to know. There is one only where `multiTenant.enabled` is true.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiTenant {
    /// Base URL of the Cloud Backend, without a slash at the end.
    pub cloud_backend_url: String,
    /// What the gateway shows the Cloud Backend, and what whoever administers the gateway shows the gateway. Never empty.
    pub service_token: Secret,
    /// Each user's workspace is a directory in it.
    pub workspace_root: PathBuf,
    /// Where the last good state of all users is kept, for when the Cloud Backend is away.
    pub config_root: PathBuf,
    /// Copied into each new workspace; where there is no such directory, workspaces begin empty.
    pub template_path: PathBuf,
    /// Users that are kept loaded at a time; those with work in flight count, but are never thrown out.
    pub max_cached_users: u32,
    /// A user who asks nothing for this long is unloaded.
    pub user_idle_timeout: Duration,
    pub sync_interval: Duration,
    /// Which model providers and HTTP tool servers users may name, which the gateway then calls.
    pub user_endpoints: Endpoints,
    pub quotas: Quotas,
    pub monitor: Monitor,
    /// What users' configurations are laid over.
    pub base: Base,
}

/// Whom a user's configuration may have the gateway call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// Whom the operator names.
    Operators,
    /// Whoever is on the open internet, too (`userEndpoints`).
    Public,
    /// Whoever the gateway can reach (`privateEndpoints`): this machine, its networks, the cloud's metadata.
    Any,
}

/// What one user may take of the gateway at a time, so that nobody takes what others need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Open connections of one user.
    pub connections: u32,
    /// Requests of one user that are being answered, streams included.
    pub requests: u32,
    /// Turns of one user that run.
    pub turns: u32,
    /// Turns of all users that run; beyond it users take turns in getting one.
    pub total_turns: u32,
    /// Bytes of request bodies and of transcripts that one user has in memory.
    pub body_bytes: u32,
    /// Bytes of one transcript from which on no turn begins in it.
    pub session_bytes: u64,
    /// Bytes of one user's workspace from which on no turn begins.
    pub disk_bytes: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            connections: 64,
            requests: 32,
            turns: 8,
            total_turns: 1_024,
            body_bytes: 40 << 20,
            session_bytes: 32 << 20,
            disk_bytes: 1 << 30,
        }
    }
}

/// When somebody is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    pub enabled: bool,
    /// How often it looks.
    pub interval: Duration,
    /// Memory of the gateway, in bytes.
    pub memory_bytes: u64,
    /// Active users, as a percentage of `maxCachedUsers`.
    pub active_users_percent: u32,
    /// Syncs that failed in a row.
    pub sync_failures: u32,
    /// Told by POST; it may carry a secret, as those of chat platforms do.
    pub webhook: Option<Secret>,
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_secs(30),
            memory_bytes: 512 << 20,
            active_users_percent: 80,
            sync_failures: 3,
            webhook: None,
        }
    }
}

const KEYS: &[&str] = &[
    "enabled",
    "cloudBackendUrl",
    "serviceToken",
    "workspaceRoot",
    "configRoot",
    "templatePath",
    "maxCachedUsers",
    "userIdleTimeoutMs",
    "syncIntervalMs",
    "userEndpoints",
    "privateEndpoints",
    "quotas",
    "monitor",
];

impl MultiTenant {
    /// `None`: switched off, or not there. What is switched off is not looked at further.
    pub(crate) fn read(file: &Section) -> Result<Option<Self>, ConfigError> {
        let section = file.section("multiTenant")?;
        section.knows(KEYS);
        if section.boolean("enabled")? != Some(true) {
            return Ok(None);
        }
        let Some(url) = section.filled("cloudBackendUrl")? else {
            return Err(section.error(
                "cloudBackendUrl",
                "is missing: users and their configurations come from there",
            ));
        };
        check_address(&url).map_err(|problem| section.error("cloudBackendUrl", problem))?;
        let of_environment = filled(section.source.env, "OPENCLAW_SERVICE_TOKEN").map(Secret::from);
        let service_token = match of_environment {
            Some(token) => token,
            None => section
                .secret("serviceToken")?
                .ok_or_else(|| section.error("serviceToken", "is missing: give it, or set OPENCLAW_SERVICE_TOKEN"))?,
        };
        let directory = |key: &str, default: &str| {
            Ok::<_, ConfigError>(section.path(key)?.unwrap_or_else(|| PathBuf::from(default)))
        };
        Ok(Some(Self {
            cloud_backend_url: url.trim_end_matches('/').to_owned(),
            service_token,
            workspace_root: directory("workspaceRoot", "/var/lib/openclaw/workspaces")?,
            config_root: directory("configRoot", "/var/lib/openclaw/configs")?,
            template_path: directory("templatePath", "/etc/openclaw/template")?,
            max_cached_users: section.u32("maxCachedUsers", 1)?.unwrap_or(1_000),
            user_idle_timeout: section
                .millis("userIdleTimeoutMs", 1)?
                .unwrap_or(Duration::from_secs(30 * 60)),
            sync_interval: section.millis("syncIntervalMs", 10)?.unwrap_or(Duration::from_secs(60)),
            user_endpoints: Endpoints::read(&section)?,
            quotas: Quotas::read(&section.section("quotas")?)?,
            monitor: Monitor::read(&section.section("monitor")?)?,
            base: Base::new(file.source),
        }))
    }
}

impl Endpoints {
    fn read(section: &Section) -> Result<Self, ConfigError> {
        let public = section.boolean("userEndpoints")?.unwrap_or(false);
        let private = section.boolean("privateEndpoints")?.unwrap_or(false);
        match (public, private) {
            (true, true) => Ok(Self::Any),
            (true, false) => Ok(Self::Public),
            (false, false) => Ok(Self::Operators),
            (false, true) => Err(section.error("privateEndpoints", "needs `userEndpoints`, which is off")),
        }
    }
}

impl Quotas {
    fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows(&[
            "connections",
            "requests",
            "turns",
            "totalTurns",
            "bodyBytes",
            "sessionBytes",
            "diskBytes",
        ]);
        let default = Self::default();
        Ok(Self {
            connections: section.u32("connections", 1)?.unwrap_or(default.connections),
            requests: section.u32("requests", 1)?.unwrap_or(default.requests),
            turns: section.u32("turns", 1)?.unwrap_or(default.turns),
            total_turns: section.u32("totalTurns", 1)?.unwrap_or(default.total_turns),
            body_bytes: section.u32("bodyBytes", 1_024)?.unwrap_or(default.body_bytes),
            session_bytes: section
                .integer("sessionBytes", 1..=u64::MAX)?
                .unwrap_or(default.session_bytes),
            disk_bytes: section
                .integer("diskBytes", 1..=u64::MAX)?
                .unwrap_or(default.disk_bytes),
        })
    }
}

impl Monitor {
    fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows(&[
            "enabled",
            "intervalMs",
            "memoryMb",
            "activeUsersPercent",
            "syncFailures",
            "webhook",
        ]);
        let default = Self::default();
        let webhook = section.secret("webhook")?;
        if let Some(url) = &webhook {
            check_address(url.expose()).map_err(|problem| section.error("webhook", problem))?;
        }
        Ok(Self {
            enabled: section.boolean("enabled")?.unwrap_or(default.enabled),
            interval: section.millis("intervalMs", 10)?.unwrap_or(default.interval),
            memory_bytes: section
                .integer("memoryMb", 1..=1 << 30)?
                .map_or(default.memory_bytes, |megabytes| megabytes << 20),
            active_users_percent: section
                .integer("activeUsersPercent", 1..=100)?
                .and_then(|percent| u32::try_from(percent).ok())
                .unwrap_or(default.active_users_percent),
            sync_failures: section.u32("syncFailures", 1)?.unwrap_or(default.sync_failures),
            webhook,
        })
    }
}
