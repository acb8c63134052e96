//! `creel up` with instances of its own, asked over its REST API.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use super::events::Events;
use crate::client::{self, Answer, Connection};
use crate::process::Process;

/// Long enough to be one, and nobody's.
const TOKEN: &str = "bench-admin-token-0123456789abcdef0123456789";
const START: Duration = Duration::from_secs(10);
/// Cold starts of upstream, on a machine that others use too.
const SETTLE: Duration = Duration::from_secs(120);

pub struct ControlPlane {
    port: u16,
    pub process: Process,
    /// From starting the program to its first good answer.
    pub ready_after: Duration,
}

/// One connection of somebody who may do everything.
pub struct Caller(Connection);

/// An instance that it made.
pub struct Made {
    pub id: String,
    pub port: u16,
    pub token: String,
}

/// What it finds on its host.
#[derive(Default)]
pub struct Surroundings<'a> {
    /// Where upstream is installed.
    pub openclaw: Option<&'a Path>,
    /// As `DOCKER_HOST` names an engine.
    pub docker_host: Option<String>,
}

impl ControlPlane {
    /// With its home in this directory. Its ports are from `port` on.
    pub async fn start(
        creel: &Path,
        surroundings: Surroundings<'_>,
        directory: &Path,
        port: u16,
    ) -> anyhow::Result<Self> {
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
            .envs(surroundings.openclaw.map(|modules| ("CREEL_OPENCLAW_CACHE", modules)))
            .envs(surroundings.docker_host.map(|engine| ("DOCKER_HOST", engine)));
        let log = directory.join("log");
        let process = Process::start(&mut command, &log)?;
        let is_good = |answer: &Answer| answer.status == 200;
        let ready_after = client::until(port, "/api/health", is_good, process.started, START)
            .await
            .with_context(|| format!("creel up: {}", std::fs::read_to_string(log).unwrap_or_default()))?;
        Ok(Self {
            port,
            process,
            ready_after,
        })
    }

    pub async fn connect(&self) -> anyhow::Result<Caller> {
        Ok(Caller(Connection::open(self.port).await?))
    }

    /// Follows what changes, from now on.
    pub async fn events(&self) -> anyhow::Result<Events> {
        Events::follow(self.port, TOKEN).await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        Ok(self.connect().await?.ask(method, path, body).await?.json())
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

impl Caller {
    /// The answer, which is a good one. A body of null is none.
    pub async fn ask(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let body = match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        };
        let answer = self.0.send_json(method, path, TOKEN, &body).await?;
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path}: {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(answer)
    }
}
