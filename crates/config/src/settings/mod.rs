//! The settings themselves: one file per section of `openclaw.json`, each with its struct and how it is read.

mod agents;
mod channels;
mod gateway;
mod logging;
mod mcp;
mod models;
mod multi_tenant;
mod session;

pub use agents::{AgentDefaults, AgentEntry, Agents};
pub(crate) use agents::{agents, warn_of_unknown_models};
pub(crate) use channels::warn_of_unserved;
pub use gateway::{Auth, AuthMode, Bind, Gateway, Limits};
pub(crate) use gateway::{GatewayDraft, MODES, per_minute};
pub(crate) use logging::LEVELS;
pub use logging::{Level, LogFormat, LogOutput, Logging};
pub use mcp::{Mcp, McpServer, McpTransport};
pub use models::{Api, Model, Models, Provider};
pub use multi_tenant::{Endpoints, Monitor, MultiTenant, Quotas};
pub(crate) use session::DM_SCOPES;
pub use session::{DmScope, SessionConfig};

/// Everything the native gateway reads, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayConfig {
    pub gateway: Gateway,
    pub models: Models,
    pub agents: Agents,
    pub session: SessionConfig,
    pub logging: Logging,
    pub mcp: Mcp,
    /// `None`: the gateway of one user.
    pub multi_tenant: Option<MultiTenant>,
    /// The name of this gateway in a cluster and in its logs: `OPENCLAW_INSTANCE_ID`, else the host's name and the port.
    pub instance_id: String,
}
