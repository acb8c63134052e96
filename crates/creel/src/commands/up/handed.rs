//! What instances are handed at their start: a virtual key each, and the service token to the one that serves all users.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use creel_fleet::{Credentials, InstanceId, Secret};
use creel_records::Records;

use super::virtual_keys::VirtualKeys;
use crate::nearby;

/// Named by the configuration of an instance that serves all users.
const SERVICE_TOKEN: &str = "CREEL_SERVICE_TOKEN";
const CONSOLE_URL: &str = "CREEL_CONSOLE_URL";

pub struct Handed {
    pub keys: VirtualKeys,
    pub records: Arc<dyn Records>,
    pub service_token: Secret,
}

/// What every instance is told: where the console is. What stands for the service token is for the checks of configurations that name it;
/// it opens nothing.
pub fn told(console: SocketAddr) -> Vec<(String, Secret)> {
    let console = nearby::callable(console);
    vec![
        (CONSOLE_URL.to_owned(), Secret::new(format!("http://{console}"))),
        (SERVICE_TOKEN.to_owned(), Secret::new("handed-at-start")),
    ]
}

#[async_trait]
impl Credentials for Handed {
    async fn of(&self, instance: &InstanceId) -> Result<Vec<(String, Secret)>, String> {
        let mut handed = self.keys.of(instance).await?;
        let gateway = self.records.users_gateway().await;
        let gateway = gateway.map_err(|error| format!("which instance serves all users cannot be read: {error}"))?;
        if gateway.as_deref() == Some(instance.as_str()) {
            handed.push((SERVICE_TOKEN.to_owned(), self.service_token.clone()));
        }
        Ok(handed)
    }

    async fn revoke(&self, instance: &InstanceId) -> Result<(), String> {
        self.keys.revoke(instance).await
    }
}
