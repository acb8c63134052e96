//! What is wrong with instances on Railway, and with the client that runs them there. It asks the client, and what was last seen.

use creel_records::{Driver, Status};
use serde_json::json;

use super::{Check, Finding, command, say};
use crate::directory::{ENV_FILE, InstanceDirectory};
use crate::environment::MAX_ENV_FILE;
use crate::{Fleet, Instance};

/// Nothing where no instance is there.
pub async fn examine(fleet: &Fleet) -> Vec<Finding> {
    let mut instances = fleet.list();
    instances.retain(|instance| instance.driver == Driver::Railway);
    if instances.is_empty() {
        return Vec::new();
    }
    let mut findings = vec![client(fleet.shared.railway.version().await)];
    for instance in &instances {
        findings.extend(seen(instance));
        let directory = fleet.shared.home.instance(&instance.id);
        findings.extend(model(instance, &directory));
    }
    findings
}

fn client(version: Result<String, String>) -> Finding {
    match version {
        Ok(version) => {
            let text = format!("the client railway {version} is signed in");
            Finding::ok(
                Check::Versions,
                "railway",
                say("railway_client", json!({"version": version}), text),
            )
        }
        Err(reason) => {
            let text = format!("instances on Railway cannot be started, stopped or looked at: {reason}");
            let what = say("railway_no_client", json!({"reason": reason}), text);
            Finding::error(Check::Versions, "railway", what)
        }
    }
}

fn seen(instance: &Instance) -> Vec<Finding> {
    let subject = || format!("instance {}", instance.id);
    let drifted = instance.drift.iter().map(|line| {
        let text = format!("it was changed behind creel's back: {line}");
        let what = say("changed_behind", json!({"drift": line}), text);
        let remedy = command(format!("creel instance restart {}", instance.id));
        Finding::warning(Check::Drift, subject(), what).remedy(remedy)
    });
    let mut findings: Vec<Finding> = drifted.collect();
    if instance.status == Status::Error {
        let reason = instance.error.as_deref().and_then(|error| error.lines().next());
        let reason = reason.unwrap_or("the reason is not known");
        let text = format!("it should run and does not: {reason}");
        let what = say("should_run", json!({"reason": reason}), text);
        let remedy = command(format!("creel instance start {}", instance.id));
        findings.push(Finding::error(Check::Drift, subject(), what).remedy(remedy));
    }
    findings
}

/// The LLM Gateway of this host is out of its reach.
fn model(instance: &Instance, directory: &InstanceDirectory) -> Option<Finding> {
    let text = directory
        .read(ENV_FILE, MAX_ENV_FILE)
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut names = text
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .map(|(name, _)| name.trim_end());
    if names.any(|name| !name.starts_with('#') && name.ends_with("_API_KEY")) {
        return None;
    }
    let text = "it has no provider's key of its own, and the LLM Gateway of this host is out of its reach on Railway";
    let what = say("railway_no_model", json!({}), text);
    let path = directory.env_file().display().to_string();
    let text =
        format!("write OPENAI_API_KEY=… (and OPENAI_BASE_URL=…) or another provider's into {path}, and restart it");
    let remedy = say("railway_give_key", json!({"path": path}), text);
    Some(Finding::warning(Check::Versions, format!("instance {}", instance.id), what).remedy(remedy))
}
