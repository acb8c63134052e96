//! Instances in containers: the engine and what it cannot keep, and of every container of this home what confines it, its image, and
//! whether it is there as it is recorded. It asks the engine; where that does not answer, nothing is known of them.

use std::collections::{BTreeMap, BTreeSet};

use creel_records::{Desired, Driver, Runtime, Status};
use serde_json::json;

use super::drift::{changed_behind, restart, should_run};
use super::told::{Told, plain};
use super::versions::another_image;
use super::{Check, Finding, Patient, Subject, command, say};
use crate::InstanceId;
use crate::driver::docker::{DockerDriver, EngineError, EngineFacts, Reason, Seen};

const SUBJECT: &str = "docker";

pub async fn examine(docker: &DockerDriver, patient: &Patient) -> Vec<Finding> {
    let of_docker = patient.records.iter().filter(|record| record.driver == Driver::Docker);
    let subjects: Vec<Subject<'_>> = of_docker.filter_map(|record| patient.subject(record)).collect();
    let facts = match docker.facts().await {
        Ok(facts) => facts,
        Err(error) => return vec![away(error, subjects.is_empty())],
    };
    let root = |instance: &str| patient.home.join("instances").join(instance);
    let seen = match docker.seen(root).await {
        Ok(seen) => seen,
        Err(error) => {
            let reason = error.to_string();
            let what = say("engine_refuses", json!({"reason": reason}), reason.clone());
            return vec![Finding::error(Check::Versions, SUBJECT, what)];
        }
    };
    let mut findings = vec![of_engine(&facts)];
    if !subjects.is_empty() {
        findings.extend(cannot_keep(&facts));
    }
    for subject in &subjects {
        let own = seen.iter().filter(|seen| seen.instance == subject.record.id);
        let container = own.max_by_key(|seen| seen.is_running);
        findings.extend(presence(docker, patient, subject, container).await);
        if let Some(container) = container {
            let id = &subject.record.id;
            findings.extend(
                container
                    .drift
                    .iter()
                    .map(|line| changed_behind(subject.name(), line, restart(id))),
            );
        }
        if let Some(container) = container.filter(|container| container.is_running) {
            findings.extend(confinement(&facts, subject, container));
        }
    }
    findings.extend(images(docker, &subjects, &seen).await);
    findings.extend(unrecorded(&subjects, &seen));
    findings
}

/// That nobody answers is nothing to whoever has nothing there.
fn away(error: Result<EngineError, String>, is_unused: bool) -> Finding {
    let (reason, remedy) = match error {
        Ok(EngineError::Away(absence)) => {
            let remedy = match absence.reason {
                Reason::Silent => say("engine_start", json!({}), absence.remedy()),
                Reason::Forbidden => say("engine_join_group", json!({}), absence.remedy()),
                Reason::Stranger => say("engine_instead", json!({}), absence.remedy()),
            };
            (absence.what, Some(remedy))
        }
        Ok(refused) => (refused.said(), None),
        // It says what to do.
        Err(reason) => (reason, None),
    };
    if is_unused {
        let text = format!("no instance needs it, and none can be made there: {reason}");
        return Finding::ok(
            Check::Versions,
            SUBJECT,
            say("engine_unneeded", json!({"reason": reason}), text),
        );
    }
    let text = format!("instances in containers cannot be started, stopped or looked at: {reason}");
    let finding = Finding::error(
        Check::Versions,
        SUBJECT,
        say("engine_away", json!({"reason": reason}), text),
    );
    match remedy {
        Some(remedy) => finding.remedy(remedy),
        None => finding,
    }
}

fn of_engine(facts: &EngineFacts) -> Finding {
    let (engine, version, api) = (facts.name(), &facts.version, &facts.api);
    let arguments = json!({"engine": engine, "version": version, "api": api});
    if facts.is_too_old() {
        let text = format!("{engine} {version} (API {api}) is too old for creel");
        let remedy = say(
            "engine_upgrade",
            json!({}),
            "install Docker 20.10 or newer, or Podman 4 or newer",
        );
        return Finding::error(Check::Versions, SUBJECT, say("engine_too_old", arguments, text)).remedy(remedy);
    }
    let what = match facts.is_rootless {
        true => say(
            "engine_rootless",
            arguments,
            format!("{engine} {version} (API {api}), without root"),
        ),
        false => say("engine", arguments, format!("{engine} {version} (API {api})")),
    };
    Finding::ok(Check::Versions, SUBJECT, what)
}

/// Limits that were recorded and hold nobody.
fn cannot_keep(facts: &EngineFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let limits = [
        (facts.keeps_memory, "memory"),
        (facts.keeps_cpus, "cpus"),
        (facts.keeps_processes, "processes"),
    ];
    let lacking: Vec<&str> = limits.iter().filter(|(kept, _)| !kept).map(|(_, name)| *name).collect();
    if !lacking.is_empty() {
        let limits = lacking.join(", ");
        let text = format!("it keeps no limits of {limits}: an instance takes what it wants");
        let what = say("engine_no_limits", json!({"limits": limits}), text);
        let remedy = if facts.is_rootless {
            let text = "give its user the control groups: Delegate=cpu cpuset io memory pids for user@.service, with version 2";
            say("engine_delegate", json!({}), text)
        } else {
            let text = "mount the control groups that it lacks (/sys/fs/cgroup), and start it again";
            say("engine_mount_cgroups", json!({}), text)
        };
        findings.push(Finding::warning(Check::Host, SUBJECT, what).remedy(remedy));
    }
    if facts.keeps_memory && !facts.counts_swap {
        let text = "it does not count swap: beyond its limit of memory an instance fills the swap of this host";
        let what = say("engine_no_swap_limit", json!({}), text);
        let text = "start the kernel with swapaccount=1, or use control groups of version 2";
        let remedy = say("engine_swapaccount", json!({}), text);
        findings.push(Finding::warning(Check::Host, SUBJECT, what).remedy(remedy));
    }
    findings
}

/// Whether its container is there, or not there, as it should be.
async fn presence(
    docker: &DockerDriver,
    patient: &Patient,
    subject: &Subject<'_>,
    container: Option<&Seen>,
) -> Option<Finding> {
    let record = subject.record;
    let id = &record.id;
    let error = |what| Finding::error(Check::Drift, subject.name(), what);
    if container.is_none()
        && let Ok(own) = InstanceId::new(id)
        && let Some(name) = docker.name_of_another(&own).await
    {
        let text = format!("there is a container {name} that creel did not make: its own cannot be made");
        let what = say("container_anothers", json!({"container": name}), text);
        let (look, remove) = (format!("docker inspect {name}"), format!("docker rm -f {name}"));
        let text = format!("look what it is (`{look}`), and rename it or `{remove}`");
        let remedy = say("look_and_remove", json!({"look": look, "remove": remove}), text);
        return Some(error(what).remedy(remedy));
    }
    let running = container.filter(|container| container.is_running);
    match (running, record.desired, record.status) {
        (Some(container), Desired::Stopped, Status::Stopped) => {
            let name = &container.name;
            let text = format!("it is recorded as stopped, and the container {name} runs");
            let what = say("stopped_and_container", json!({"container": name}), text);
            let (stop, remove) = (format!("creel instance stop {id}"), format!("docker rm -f {name}"));
            let text = format!("{stop}, or {remove}");
            Some(error(what).remedy(say("either", json!({"one": stop, "other": remove}), text)))
        }
        (None, Desired::Running | Desired::Sleeping, Status::Running | Status::Sleeping) => {
            let text = format!("it is recorded as {}, and has no container that runs", record.status);
            let what = say("no_container", json!({}), text);
            // Without a control plane nobody has looked since; its next start does.
            Some(match patient.is_supervised {
                true => error(what).remedy(command(format!("creel instance start {id}"))),
                false => Finding::warning(Check::Drift, subject.name(), what).remedy(command("creel up")),
            })
        }
        (None, Desired::Running | Desired::Sleeping, Status::Error) => {
            let remedy = command(format!("creel instance start {id}"));
            Some(error(should_run(record.error.as_deref())).remedy(remedy))
        }
        _ => None,
    }
}

fn confinement(facts: &EngineFacts, subject: &Subject<'_>, container: &Seen) -> Vec<Finding> {
    let held = &container.hardening;
    let mut told = Told::of(subject);
    if held.is_privileged {
        let text = "its container is privileged: it may do what root of this host may";
        told.bad(plain("privileged", text), None);
    }
    told.say(
        !held.has_capabilities,
        plain("no_capabilities", "no capabilities"),
        plain("capabilities", "it has capabilities of root"),
        None,
    );
    told.say(
        held.no_new_privileges,
        plain("no_new_privileges", "no new privileges"),
        plain("may_gain_privileges", "it may gain privileges"),
        None,
    );
    if subject.record.runtime == Runtime::Native {
        told.say(
            held.read_only_root,
            plain("read_only_root", "a root file system that it can only read"),
            plain("writable_root", "it may write to its whole root file system"),
            None,
        );
    }
    // There root is the user who runs the engine, and nobody else on this host.
    if !facts.is_rootless {
        told.say(
            !held.is_root,
            plain("own_user", "a user without privileges"),
            plain("runs_as_root", "it runs as root"),
            None,
        );
    }
    told.say(
        held.has_init,
        plain("init", "an init that reaps what ends"),
        plain("no_init", "it has no init: processes that end are left behind"),
        None,
    );
    let networks = held.networks.join(", ");
    told.say(
        held.networks.is_empty(),
        plain("own_network", "a network of its own"),
        say(
            "network_of_others",
            json!({"networks": networks}),
            format!("it is on the network {networks}, where others are"),
        ),
        None,
    );
    if !held.shares.is_empty() {
        let names = held.shares.join(", ");
        let text = format!("it has namespaces in common with others: {names}");
        told.bad(say("shares_namespaces", json!({"namespaces": names}), text), None);
    }
    if !held.reaches.is_empty() {
        let paths = held.reaches.join(", ");
        let text = format!("files of this host that are not its own are in its container: {paths}");
        told.bad(say("reaches_files", json!({"paths": paths}), text), None);
    }
    let lacks = |keeps: bool| (!keeps).then(|| plain("engine_keeps_none", "the engine keeps no such limit"));
    told.limits(&held.limits, [lacks(facts.keeps_memory), lacks(facts.keeps_processes)]);
    if held.published.is_empty() {
        told.good(plain("loopback_only", "a port for this host alone"));
    } else {
        let addresses = held.published.join(", ");
        let text = format!("it can be reached from elsewhere, past creel: published at {addresses}");
        told.wrong(Check::Ports, say("published", json!({"addresses": addresses}), text));
    }
    told.findings()
}

/// Whether each has an image that stays what it is, and that is there.
async fn images(docker: &DockerDriver, subjects: &[Subject<'_>], seen: &[Seen]) -> Vec<Finding> {
    let mut known: BTreeMap<&str, Option<Option<String>>> = BTreeMap::new();
    let mut findings = Vec::new();
    for subject in subjects {
        let Some(image) = subject.record.image.as_deref() else {
            continue;
        };
        if !known.contains_key(image) {
            known.insert(image, docker.id_of_image(image).await);
        }
        let there = known.get(image).and_then(Option::as_ref);
        let mut running = seen
            .iter()
            .filter(|seen| seen.is_running && seen.instance == subject.record.id);
        findings.extend(of_image(subject, image, there, running.next()));
    }
    findings
}

fn of_image(
    subject: &Subject<'_>,
    image: &str,
    there: Option<&Option<String>>,
    runs: Option<&Seen>,
) -> Option<Finding> {
    let record = subject.record;
    let restart = || command(format!("creel instance restart {}", record.id));
    if !image.contains("@sha256:") {
        // The first start pins it.
        runs?;
        let text = format!("its image {image} is not pinned: the name may be another image tomorrow");
        let what = say("image_unpinned", json!({"image": image}), text);
        return Some(Finding::warning(Check::Versions, subject.name(), what).remedy(restart()));
    }
    let Some(id) = there? else {
        let text = format!("its image {image} is not on the engine: the next start has to pull it");
        let what = say("image_not_there", json!({"image": image}), text);
        let again = another_image(record);
        let text = format!("pull or load it; or build another (deploy/Dockerfile), then {again}");
        let remedy = say("get_image", json!({"again": again}), text);
        return Some(Finding::warning(Check::Versions, subject.name(), what).remedy(remedy));
    };
    let runs = runs.filter(|runs| runs.image != *id && !id.ends_with(&runs.image))?;
    let arguments = json!({"runs": runs.image, "image": image});
    let text = format!("it runs {}, not its image {image}", runs.image);
    Some(Finding::error(Check::Versions, subject.name(), say("image_another", arguments, text)).remedy(restart()))
}

/// Containers with this home's label of which no record speaks.
fn unrecorded(subjects: &[Subject<'_>], seen: &[Seen]) -> Vec<Finding> {
    let known: BTreeSet<&str> = subjects.iter().map(|subject| subject.record.id.as_str()).collect();
    let others = seen.iter().filter(|seen| !known.contains(seen.instance.as_str()));
    let told = others.map(|seen| {
        let name = &seen.name;
        let remove = format!("docker rm -f {name}");
        let remedy = |what: Finding| {
            let look = format!("docker inspect {name}");
            let text = format!("look what it is (`{look}`) and `{remove}`; the records may be an old copy");
            what.remedy(say(
                "look_and_remove_old",
                json!({"look": look, "remove": remove}),
                text,
            ))
        };
        let arguments = json!({"container": name});
        if seen.is_running {
            let text = format!("the container {name} runs, and is of no recorded instance");
            remedy(Finding::error(
                Check::Drift,
                SUBJECT,
                say("container_runs_unrecorded", arguments, text),
            ))
        } else {
            let text = format!("the container {name} is of no recorded instance");
            remedy(Finding::warning(
                Check::Drift,
                SUBJECT,
                say("container_unrecorded", arguments, text),
            ))
        }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    fn facts() -> EngineFacts {
        EngineFacts {
            version: "26.1.5".into(),
            api: "1.45".into(),
            is_podman: false,
            is_rootless: false,
            keeps_memory: true,
            keeps_cpus: true,
            keeps_processes: true,
            counts_swap: true,
        }
    }

    #[test]
    fn what_an_engine_cannot_keep_is_a_warning_with_its_own_remedy() {
        assert_eq!(cannot_keep(&facts()), []);
        let rootless = EngineFacts {
            is_rootless: true,
            keeps_memory: false,
            keeps_cpus: false,
            counts_swap: false,
            ..facts()
        };
        let [limits] = &cannot_keep(&rootless)[..] else {
            panic!("one finding")
        };
        assert_eq!(
            (limits.severity, limits.what.code),
            (Severity::Warning, "engine_no_limits")
        );
        assert_eq!(limits.what.arguments["limits"], "memory, cpus");
        assert_eq!(
            limits.remedy.as_ref().map(|remedy| remedy.code),
            Some("engine_delegate")
        );
        let swap = EngineFacts {
            counts_swap: false,
            ..facts()
        };
        assert_eq!(cannot_keep(&swap)[0].what.code, "engine_no_swap_limit");
    }

    #[test]
    fn an_engine_that_is_too_old_is_an_error() {
        assert_eq!(of_engine(&facts()).severity, Severity::Ok);
        let old = EngineFacts {
            version: "19.03.15".into(),
            api: "1.40".into(),
            ..facts()
        };
        let found = of_engine(&old);
        assert_eq!((found.severity, found.what.code), (Severity::Error, "engine_too_old"));
        assert_eq!(&*found.what, "Docker 19.03.15 (API 1.40) is too old for creel");
    }
}
