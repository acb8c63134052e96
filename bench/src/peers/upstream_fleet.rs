//! Upstream's own `openclaw fleet`: its command line, on a container engine. What it makes it calls cells.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::client;

/// It waits for a minute itself until a cell is healthy.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct UpstreamFleet {
    /// Where upstream is installed.
    modules: PathBuf,
    /// Its home, and where it keeps its cells.
    directory: PathBuf,
    /// As `DOCKER_HOST` names it.
    engine: String,
}

impl UpstreamFleet {
    pub fn new(modules: &Path, directory: PathBuf, engine: String) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self {
            modules: modules.to_owned(),
            directory,
            engine,
        })
    }

    /// Makes a cell of this image. From asking for it to its first good answer on `/readyz`.
    pub async fn create(&self, id: &str, image: &str) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let made = self.run(&["create", id, "--image", image, "--json"]).await?;
        let made: Value = serde_json::from_slice(&made).context("what it made")?;
        let port = made["port"].as_u64().context("a port")?;
        client::until_ready(u16::try_from(port)?, began, PATIENCE).await
    }

    pub async fn remove(&self, id: &str) -> anyhow::Result<()> {
        self.run(&["rm", id, "--purge-data", "--force"]).await?;
        Ok(())
    }

    /// What a command of it says on standard output.
    async fn run(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let node = self.modules.join("node_modules/node/bin");
        let mut command = Command::new(node.join("node"));
        command
            .arg(self.modules.join("node_modules/openclaw/openclaw.mjs"))
            .arg("fleet")
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", node.display()))
            .env("HOME", &self.directory)
            .env("OPENCLAW_STATE_DIR", self.directory.join("state"))
            .env("OPENCLAW_NO_AUTO_UPDATE", "1")
            .env("DOCKER_HOST", &self.engine);
        let output = command.output().await?;
        ensure!(
            output.status.success(),
            "openclaw fleet {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output.stdout)
    }
}
