//! A gateway for many users, with the Cloud Backend that they are registered at and a provider that lets them wait.

use std::path::Path;
use std::time::Duration;

use creel_testkit::cloud::CloudBackend;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Gateway, Runtime};
use crate::client::Connection;

/// What whoever administers the gateway shows it.
const SERVICE_TOKEN: &str = "bench-service-token-0123456789";
/// It has to list everybody before it is ready, on a machine that others use too.
const START: Duration = Duration::from_secs(120);

pub struct Service {
    pub cloud: CloudBackend,
    pub gateway: Gateway,
    /// In the order of [`Self::name`].
    pub tokens: Vec<String>,
    silent: JoinHandle<()>,
}

impl Service {
    /// With so many users, each with a configuration of about 300 bytes; up to `active` of them may be loaded.
    pub async fn start(
        native: &Runtime,
        directory: &Path,
        port: u16,
        users: usize,
        active: usize,
    ) -> anyhow::Result<Self> {
        let cloud = CloudBackend::start(SERVICE_TOKEN).await;
        let mut tokens = Vec::with_capacity(users);
        for number in 0..users {
            tokens.push(cloud.add(&Self::name(number)));
            cloud.configure(&Self::name(number), prompt("Answer briefly and kindly. ".repeat(8)));
        }
        let (silent, provider) = silent_provider().await?;
        std::fs::create_dir_all(directory)?;
        let config = config(directory, &cloud.url(), provider, active);
        std::fs::write(directory.join("openclaw.json"), config.to_string())?;
        let gateway = native.start_within(directory, port, START).await?;
        Ok(Self {
            cloud,
            gateway,
            tokens,
            silent,
        })
    }

    pub fn name(number: usize) -> String {
        format!("user{number:06}@example.com")
    }

    /// Changes the configurations of so many users.
    pub fn change(&self, users: usize, round: usize) {
        for number in 0..users {
            self.cloud
                .configure(&Self::name(number), prompt(format!("Answer in round {round}.")));
        }
    }

    /// Has the gateway sync, and gives the milliseconds that it says it took.
    pub async fn sync(&self) -> anyhow::Result<f64> {
        let mut connection = Connection::open(self.gateway.port).await?;
        let path = "/api/v1/multi-tenant/sync";
        let answer = connection
            .send_json("POST", path, SERVICE_TOKEN, &bytes::Bytes::new())
            .await?;
        let report: Value = serde_json::from_slice(&answer.body)?;
        report["milliseconds"]
            .as_f64()
            .ok_or_else(|| anyhow::anyhow!("the gateway did not sync: {report}"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.silent.abort();
    }
}

fn prompt(text: String) -> Value {
    json!({"agents": {"defaults": {"systemPrompt": text}}})
}

/// Takes every question, and answers none: what asks it stays idle.
async fn silent_provider() -> anyhow::Result<(JoinHandle<()>, u16)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    Ok((silent, port))
}

fn config(directory: &Path, cloud: &str, provider_port: u16, active: usize) -> Value {
    let an_hour = 3_600_000;
    json!({
        "gateway": {"mode": "local", "bind": "loopback", "rateLimit": 0, "limits": {"idleTimeoutMs": an_hour}},
        "agents": {"defaults": {"model": {"primary": "corp/m1"}, "timeoutSeconds": 3_600}},
        "models": super::models(provider_port),
        "multiTenant": {
            "enabled": true, "cloudBackendUrl": cloud, "serviceToken": SERVICE_TOKEN,
            "workspaceRoot": directory.join("workspaces"), "configRoot": directory.join("configs"),
            "templatePath": directory.join("template"),
            "maxCachedUsers": active, "syncIntervalMs": an_hour,
        },
    })
}
