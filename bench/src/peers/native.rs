//! Creel's own gateway, as an instance is made, with the limits that a load test would run into lifted.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

pub fn config(workspace: &Path, provider_port: u16) -> Value {
    json!({
        "gateway": {
            "mode": "local", "bind": "loopback",
            "auth": {"mode": "token", "token": super::TOKEN},
            "rateLimit": 0, "concurrentConnections": 10_000,
        },
        "agents": {"defaults": {"workspace": workspace, "model": {"primary": "corp/m1"}}},
        "models": super::models(provider_port),
    })
}

pub fn command(creel: &Path) -> Command {
    let mut command = Command::new(creel);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}
