//! What follows from one user's configuration: whom they may ask, with which files and tools, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use creel_agent::Limits;
use creel_config::GatewayConfig;

use crate::models::ModelTable;
use crate::user::User;

/// Swapped whole when the configuration changes. A running turn keeps the one it began with.
pub struct Profile {
    pub models: ModelTable,
    pub user: User,
    /// Of one turn.
    pub limits: Limits,
    /// How often a stream shows that it lives.
    pub heartbeat: Duration,
    /// Whether `/v1/chat/completions` is served.
    pub chat_completions: bool,
}

impl Profile {
    /// Sets the user up. What is configured as it was in `before` goes on running.
    pub fn new(config: &GatewayConfig, workspace: PathBuf, before: Option<&Self>) -> Self {
        let defaults = &config.agents.defaults;
        Self {
            models: ModelTable::new(config),
            user: User::new(config, workspace, before.map(|profile| &profile.user)),
            limits: Limits {
                tool_rounds: defaults.max_tool_rounds,
                timeout: defaults.timeout,
            },
            heartbeat: config.gateway.limits.heartbeat,
            chat_completions: config.gateway.chat_completions,
        }
    }
}
