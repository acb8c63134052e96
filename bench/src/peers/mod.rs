//! The programs that are compared: how each is configured and started. All ask the same provider for the same model.

pub mod control_plane;
pub mod door;
pub mod events;
pub mod litellm;
pub mod llm;
mod native;
pub mod nginx;
pub mod openclaw;
pub mod portkey;
pub mod service;
pub mod upstream_fleet;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::client;
use crate::process::Process;

/// The gateways' token.
pub const TOKEN: &str = "bench-token-0123456789abcdef";

/// What can run an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Creel's own gateway: the binary.
    Native(PathBuf),
    /// Upstream: the directory with node_modules/{node,openclaw}.
    Openclaw(PathBuf),
}

/// A gateway that is ready.
pub struct Gateway {
    pub process: Process,
    pub port: u16,
    /// From starting the program to its first good answer on `/readyz`.
    pub ready_after: Duration,
}

impl Runtime {
    pub fn version(&self) -> anyhow::Result<String> {
        match self {
            Self::Native(creel) => {
                let output = Command::new(creel).arg("--version").output().with_context(|| {
                    format!(
                        "{} cannot be run; build it with `cargo build --release -p creel`",
                        creel.display()
                    )
                })?;
                Ok(String::from_utf8_lossy(&output.stdout)
                    .trim()
                    .trim_start_matches("creel ")
                    .to_owned())
            }
            Self::Openclaw(modules) => openclaw::version(modules),
        }
    }

    /// Writes what a gateway in this directory needs.
    pub fn prepare(&self, directory: &Path, provider_port: u16) -> anyhow::Result<()> {
        let workspace = directory.join("workspace");
        fs::create_dir_all(&workspace)?;
        let config = match self {
            Self::Native(_) => native::config(&workspace, provider_port),
            Self::Openclaw(_) => openclaw::config(&workspace, provider_port),
        };
        fs::write(directory.join("openclaw.json"), serde_json::to_string_pretty(&config)?)?;
        Ok(())
    }

    /// Starts a gateway in a prepared directory; its environment holds nothing but what it needs.
    pub async fn start(&self, directory: &Path, port: u16) -> anyhow::Result<Gateway> {
        let limit = match self {
            Self::Native(_) => Duration::from_secs(10),
            Self::Openclaw(_) => Duration::from_secs(90),
        };
        self.start_within(directory, port, limit).await
    }

    /// The same, for one that may take so long.
    async fn start_within(&self, directory: &Path, port: u16, limit: Duration) -> anyhow::Result<Gateway> {
        let mut command = match self {
            Self::Native(creel) => native::command(creel),
            Self::Openclaw(modules) => openclaw::command(modules),
        };
        command
            .args(["gateway", "run", "--port", &port.to_string()])
            .current_dir(directory)
            .env("HOME", directory)
            .env("OPENCLAW_CONFIG_PATH", directory.join("openclaw.json"))
            .env("OPENCLAW_STATE_DIR", directory);
        let log = directory.join("log");
        let process = Process::start(&mut command, &log)?;
        let ready_after = client::until_ready(port, process.started, limit)
            .await
            .with_context(|| {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(10).collect();
                format!(
                    "{} did not start: {}",
                    command.get_program().display(),
                    last.into_iter().rev().collect::<Vec<_>>().join("\n")
                )
            })?;
        Ok(Gateway {
            process,
            port,
            ready_after,
        })
    }
}

/// The provider, in the words that both runtimes share.
fn models(provider_port: u16) -> Value {
    json!({
        "mode": "merge",
        "providers": {"corp": {
            "baseUrl": format!("http://127.0.0.1:{provider_port}/v1"),
            "apiKey": "sk-bench",
            "api": "openai-completions",
            "models": [{
                "id": "m1", "name": "M1", "reasoning": false, "input": ["text"],
                "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
                "contextWindow": 128_000, "maxTokens": 8_192,
                "compat": {"supportsUsageInStreaming": true},
            }],
        }},
    })
}
