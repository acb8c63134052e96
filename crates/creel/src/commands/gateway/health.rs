//! `creel gateway health`: whether the gateway on a state directory answers. For a container's health check, which has no other client.

use std::path::Path;
use std::time::Duration;

use creel_gateway::Running;
use serde_json::json;

use crate::failure::Failure;
use crate::output::{line, print_or};

/// A gateway that is alive answers at once.
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn health(state: &Path, ready: bool, json: bool) -> Result<(), Failure> {
    let Some(Running { url: Some(url), pid }) = creel_gateway::running(state) else {
        return Err(Failure::failed(format!("no gateway serves on {}", state.display())));
    };
    // Who listens everywhere listens here.
    let url = url
        .replacen("//0.0.0.0:", "//127.0.0.1:", 1)
        .replacen("//[::]:", "//[::1]:", 1);
    let (path, word) = if ready {
        ("/readyz", "ready")
    } else {
        ("/healthz", "live")
    };
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    // Does nothing where a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = client.build().map_err(Failure::from_error)?;
    let answer = client.get(format!("{url}{path}")).send().await;
    let answer = answer.map_err(|_| Failure::failed(format!("the gateway at {url}, pid {pid}, does not answer")))?;
    let status = answer.status();
    let said = answer.text().await.unwrap_or_default();
    if !status.is_success() {
        let said = said.trim().replace('\n', " ");
        return Err(Failure::failed(format!("the gateway at {url} is not {word}: {said}")));
    }
    print_or(json, &json!({"status": word, "url": url, "pid": pid}), || {
        line(&format!("{word} at {url}, pid {pid}"))
    });
    Ok(())
}
