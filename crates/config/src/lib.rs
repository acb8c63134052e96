//! `openclaw.json`: where it is, what it says, and where exactly it is wrong.
//!
//! The file is OpenClaw's own, in JSON5, shared by both runtimes. This room reads it for the native gateway: [`load`]
//! lays defaults, file, environment and command line over each other, in that order, into one [`GatewayConfig`] that
//! cannot be wrong; [`check`] does the same for a text that is not on disk yet (the configuration editor); a
//! [`Watcher`] says when the file changed. Problems carry the line and column they are at. [`json5`] parses, and edits
//! without losing comments.
//!
//! It knows nothing of servers, sessions or models: it yields values, and others act on them. It never writes a file.

pub mod json5;

mod environment;
mod error;
mod file;
mod global;
mod idle;
mod load;
mod locations;
mod nearest;
mod overlay;
mod overruled;
mod secret;
mod secret_ref;
mod section;
mod settings;
mod substitute;
mod tenant;
mod watch;
mod web;

pub use environment::{Environment, ProcessEnvironment};
pub use error::{ConfigError, Place, Warning};
pub use load::{Loaded, Overrides, check, load};
pub use locations::Locations;
pub use secret::Secret;
pub use settings::{
    AgentDefaults, AgentEntry, Agents, Api, Auth, AuthMode, Bind, DmScope, Endpoints, Gateway, GatewayConfig, Level,
    Limits, LogFormat, LogOutput, Logging, Mcp, McpServer, McpTransport, Model, Models, Monitor, MultiTenant, Provider,
    Quotas, SessionConfig,
};
pub use tenant::{Base, MAX_USER_CONFIG, check_user, merge};
pub use watch::Watcher;
