//! `creel up` with instances of its own, asked over its REST API.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Connection;
use crate::process::Process;

/// Long enough to be one, and nobody's.
const TOKEN: &str = "bench-admin-token-0123456789abcdef0123456789";
const START: Duration = Duration::from_secs(10);
/// Cold starts of upstream, on a machine that others use too.
const SETTLE: Duration = Duration::from_secs(120);

pub struct ControlPlane {
    port: u16,
    _process: Process,
}

/// An instance that it made.
pub struct Made {
    pub id: String,
    pub port: u16,
    pub token: String,
}

impl ControlPlane {
    /// With its home in this directory, and upstream where it is installed. Its ports are from `port` on.
    pub async fn start(creel: &Path, openclaw: &Path, directory: &Path, port: u16) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let mut command = Command::new(creel);
        let address = |port: u16| format!("127.0.0.1:{port}");
        command
            .args(["up", "--console", &address(port), "--llm", &address(port + 1)])
            .args(["--first-port", &(port + 2).to_string()])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", directory)
            .env("CREEL_HOME", directory.join("home"))
            .env("CREEL_ADMIN_TOKEN", TOKEN)
            .env("CREEL_OPENCLAW_CACHE", openclaw);
        let process = Process::start(&mut command, &directory.join("log"))?;
        let plane = Self {
            port,
            _process: process,
        };
        let began = Instant::now();
        while plane.ask("GET", "/api/health", &Value::Null).await.is_err() {
            ensure!(began.elapsed() < START, "creel up does not answer on port {port}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(plane)
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        };
        let mut connection = Connection::open(self.port).await?;
        let answer = connection.send_json(method, path, TOKEN, &body).await?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path}: {}: {said}",
            answer.status
        );
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Makes an instance of upstream that asks the bench's provider, and starts it.
    pub async fn make(&self, id: &str, config: &Value) -> anyhow::Result<Made> {
        let request = json!({"id": id, "runtime": "openclaw", "start": false});
        let made = self.ask("POST", "/api/instances", &request).await?;
        let content = json!({"content": config.to_string()});
        self.ask("PUT", &format!("/api/instances/{id}/config"), &content)
            .await?;
        let token = made["token"].as_str().context("a token")?.to_owned();
        let port = made["instance"]["port"].as_u64().context("a port")?;
        tokio::time::timeout(SETTLE, self.act(id, "start")).await??;
        Ok(Made {
            id: id.to_owned(),
            port: u16::try_from(port)?,
            token,
        })
    }

    /// Answered once it is so, with the instance.
    pub async fn act(&self, id: &str, action: &str) -> anyhow::Result<Value> {
        self.ask("POST", &format!("/api/instances/{id}/{action}"), &Value::Null)
            .await
    }

    /// The instance as it is.
    pub async fn show(&self, id: &str) -> anyhow::Result<Value> {
        self.ask("GET", &format!("/api/instances/{id}"), &Value::Null).await
    }

    /// Ends an instance, and deletes what it leaves.
    pub async fn remove(&self, id: &str) -> anyhow::Result<()> {
        self.ask("DELETE", &format!("/api/instances/{id}?purge=true"), &Value::Null)
            .await?;
        Ok(())
    }
}
