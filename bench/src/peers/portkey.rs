//! Portkey's open gateway as it is installed from npm. It keeps no configuration: each request says where it goes.
//!
//! Version 1.15.2 answers a streamed call with 500 (`TypeError: immutable`, from `updateHeaders`) on Node 20 and 24, with every release of
//! `@hono/node-server` that was tried (1.14.4, 1.19.5, 1.19.17, 1.19.19): its streams are not measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::door::Door;
use crate::process::Process;

const PACKAGE: &str = "node_modules/@portkey-ai/gateway";

pub fn version(modules: &Path) -> anyhow::Result<String> {
    let path = modules.join(PACKAGE).join("package.json");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read: run scripts/setup bench", path.display()))?;
    let package: Value = serde_json::from_str(&text)?;
    Ok(package["version"].as_str().unwrap_or("unknown").to_owned())
}

/// On the Node that upstream OpenClaw is run on, and without its page of logs.
pub fn start(modules: &Path, node: &Path, directory: &Path, port: u16) -> anyhow::Result<Process> {
    let node = node.join("node_modules/node/bin/node");
    ensure!(
        node.exists(),
        "{} is not there: run scripts/setup bench",
        node.display()
    );
    fs::create_dir_all(directory)?;
    let mut command = Command::new(node);
    command
        .arg(modules.join(PACKAGE).join("build/start-server.js"))
        .args([&format!("--port={port}"), "--headless"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", directory)
        .env("NODE_ENV", "production")
        .current_dir(directory);
    Process::start(&mut command, &directory.join("log"))
}

pub fn door(port: u16, provider_port: u16) -> Door {
    Door::new(port, "sk-bench")
        .header("x-portkey-provider", "openai")
        .header("x-portkey-custom-host", &format!("http://127.0.0.1:{provider_port}/v1"))
}
