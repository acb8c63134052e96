//! What is wrong with instances on Railway, and with the client that runs them there. It asks the client, and what was last seen.

use creel_records::{Driver, InstanceRecord, Status};
use serde_json::json;

use super::drift::{changed_behind, restart, should_run};
use super::versions::another_image;
use super::{Check, Finding, Sentence, Subject, command, say};
use crate::directory::{ENV_FILE, InstanceDirectory};
use crate::driver::railway::Drift;
use crate::environment::MAX_ENV_FILE;
use crate::fleet::check_pullable;
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
        findings.extend(seen(instance, &fleet.shared.railway.drifted(&instance.id)));
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

fn seen(instance: &Instance, drifted: &[Drift]) -> Vec<Finding> {
    let subject = || format!("instance {}", instance.id);
    // Its actor may have seen more than the last look at it.
    let findings = instance.drift.iter().map(|line| {
        let drift = drifted.iter().find(|drift| drift.to_string() == *line);
        changed_behind(subject(), line, undo(drift, instance.id.as_str()))
    });
    let mut findings: Vec<Finding> = findings.collect();
    if instance.status == Status::Error {
        let what = should_run(instance.error.as_deref());
        let remedy = command(format!("creel instance start {}", instance.id));
        findings.push(Finding::error(Check::Drift, subject(), what).remedy(remedy));
    }
    findings
}

/// What a start makes anew, it makes as it was; the rest is Railway's own setting.
fn undo(drift: Option<&Drift>, id: &str) -> Sentence {
    match drift {
        Some(Drift::Renamed { was, .. }) => {
            let text = format!("call it \"{was}\" again, in the service's settings in Railway's dashboard");
            say("railway_rename", json!({"name": was}), text)
        }
        Some(Drift::Asleep) => say(
            "railway_no_serverless",
            json!({}),
            "switch serverless off, in the service's settings in Railway's dashboard",
        ),
        Some(Drift::Deployed(_) | Drift::NoVolume | Drift::Moved { .. }) | None => restart(id),
    }
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

/// Images that Railway cannot pull, whoever wrote them there.
pub fn images(subjects: &[Subject<'_>]) -> Vec<Finding> {
    let there = subjects
        .iter()
        .filter(|subject| subject.record.driver == Driver::Railway);
    let refused = there.filter_map(|subject| {
        let record = subject.record;
        let Some(image) = &record.image else {
            let what = say("railway_no_image", json!({}), "it has no image, and cannot be started");
            return Some(Finding::error(Check::Versions, subject.name(), what).remedy(name_another(record)));
        };
        check_pullable(image).err()?;
        let text = format!("Railway cannot pull its image {image}, which names no registry");
        let what = say("railway_image", json!({"image": image}), text);
        Some(Finding::error(Check::Versions, subject.name(), what).remedy(name_another(record)))
    });
    refused.collect()
}

fn name_another(record: &InstanceRecord) -> Sentence {
    let again = another_image(record);
    let text = format!("push it to a registry (deploy/Dockerfile makes the native one), then {again}");
    say("push_and_name_image", json!({"again": again}), text)
}
