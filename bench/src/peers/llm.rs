//! Creel's LLM Gateway as a part of `creel up`: a provider, a model, its price, and a key whose budget every call is reserved from.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Connection;
use crate::process::Process;

const TOKEN: &str = "bench-token-0123456789abcdef0123";

/// Configures it, and stops it. Returns the key.
pub async fn set_up(
    creel: &Path,
    directory: &Path,
    (console, port): (u16, u16),
    provider_port: u16,
) -> anyhow::Result<String> {
    let _process = start(creel, directory, (console, port))?;
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut backend = loop {
        if let Ok(connection) = Connection::open(console).await {
            break connection;
        }
        ensure!(
            Instant::now() < deadline,
            "creel up: {}",
            fs::read_to_string(directory.join("log")).unwrap_or_default()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let mut put = async |method: &str, path: &str, body: Value| {
        let answer = backend
            .send_json(method, path, TOKEN, &Bytes::from(body.to_string()))
            .await?;
        ensure!(answer.status < 300, "{path}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice::<Value>(&answer.body).context("JSON")
    };
    let provider =
        json!({"style": "openai", "base_url": format!("http://127.0.0.1:{provider_port}/v1"), "api_key": "sk-bench"});
    put("PUT", "/api/llm/providers/fake", provider).await?;
    put("PUT", "/api/llm/models/m1", json!({"routes": [{"provider": "fake"}]})).await?;
    put("PUT", "/api/llm/prices/m1", json!({"input": "2.5", "output": "10"})).await?;
    let made = put(
        "POST",
        "/api/llm/keys",
        json!({"day_budget": "1000000", "month_budget": "10000000"}),
    )
    .await?;
    Ok(made["secret"].as_str().context("a key")?.to_owned())
}

pub fn start(creel: &Path, directory: &Path, (console, port): (u16, u16)) -> anyhow::Result<Process> {
    fs::create_dir_all(directory)?;
    let mut command = Command::new(creel);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", directory)
        .env("CREEL_HOME", directory.join("home"))
        .env("CREEL_ADMIN_TOKEN", TOKEN)
        .args([
            "up",
            "--json",
            "--console",
            &format!("127.0.0.1:{console}"),
            "--llm",
            &format!("127.0.0.1:{port}"),
        ]);
    Process::start(&mut command, &directory.join("log"))
}
