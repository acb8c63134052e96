//! Upstream OpenClaw, quiet: as it is installed from npm, with what would call home switched off.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};

pub fn version(modules: &Path) -> anyhow::Result<String> {
    let path = modules.join("node_modules/openclaw/package.json");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read: run scripts/setup bench", path.display()))?;
    let package: Value = serde_json::from_str(&text)?;
    Ok(package["version"].as_str().unwrap_or("unknown").to_owned())
}

pub fn config(workspace: &Path, provider_port: u16) -> Value {
    json!({
        "gateway": {
            "mode": "local", "bind": "loopback",
            "auth": {"mode": "token", "token": super::TOKEN},
            "http": {"endpoints": {"chatCompletions": {"enabled": true}}},
        },
        "agents": {"defaults": {"workspace": workspace, "model": {"primary": "corp/m1"}}},
        "models": {
            "mode": "merge",
            "catalogRefresh": {"enabled": false},
            "providers": super::models(provider_port)["providers"],
        },
        "update": {"checkOnStart": false},
        "discovery": {"mdns": {"mode": "off"}},
    })
}

pub fn command(modules: &Path) -> Command {
    let node = modules.join("node_modules/node/bin");
    let mut command = Command::new(node.join("node"));
    command
        .arg(modules.join("node_modules/openclaw/openclaw.mjs"))
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", node.display()))
        .env("OPENCLAW_NO_AUTO_UPDATE", "1")
        .env("OPENCLAW_DISABLE_BONJOUR", "1")
        .env("OPENCLAW_NO_RESPAWN", "1");
    command
}
