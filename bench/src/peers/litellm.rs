//! LiteLLM's proxy as its documentation starts one without a database: <https://docs.litellm.ai/docs/proxy/configs>.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::door::Door;
use crate::process::Process;

const KEY: &str = "sk-bench-litellm";
const WORKERS: u32 = 2;

pub fn version(environment: &Path) -> anyhow::Result<String> {
    let output = Command::new(environment.join("bin/python"))
        .args(["-c", "import importlib.metadata as m; print(m.version('litellm'))"])
        .output()
        .with_context(|| format!("{} cannot be run: run scripts/setup bench", environment.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub fn start(environment: &Path, directory: &Path, port: u16, provider_port: u16) -> anyhow::Result<Process> {
    fs::create_dir_all(directory)?;
    // JSON is YAML.
    let config = json!({
        "model_list": [{"model_name": "m1", "litellm_params": {
            "model": "openai/m1",
            "api_base": format!("http://127.0.0.1:{provider_port}/v1"),
            "api_key": "sk-bench",
            "input_cost_per_token": 0.000_002_5,
            "output_cost_per_token": 0.000_01,
        }}],
        "general_settings": {"master_key": KEY},
    });
    let file = directory.join("config.yaml");
    fs::write(&file, config.to_string())?;
    // Not by its first line, which names where it was installed before it was moved.
    let mut command = Command::new(environment.join("bin/python"));
    command
        .arg(environment.join("bin/litellm"))
        .arg("--config")
        .arg(&file)
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .args(["--num_workers", &WORKERS.to_string()])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", directory)
        // Its price list comes from the network otherwise.
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR")
        .current_dir(directory);
    Process::start(&mut command, &directory.join("log"))
}

pub fn door(port: u16) -> Door {
    Door::new(port, KEY)
}
