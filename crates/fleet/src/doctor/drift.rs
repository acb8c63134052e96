//! Where what is recorded and what is there are not the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use creel_config::json5;
use creel_records::{Desired, Driver, Status};

use serde_json::json;

use super::{Check, Finding, Patient, Sentence, Subject, command, say};
use crate::directory::{CONFIG, InstanceDirectory};
use crate::driver::process::{Inhabitant, inhabitant};
use crate::fleet::MAX_CONFIG;
use crate::home::UNBORN;
use crate::token::Sealer;

/// That nothing was found.
pub const AS_RECORDED: &str = "as_recorded";

pub fn examine(patient: &Patient, subjects: &[Subject<'_>]) -> Vec<Finding> {
    let sealer = Sealer::found_in(&patient.home.join("secrets"));
    let mut findings = Vec::new();
    for subject in subjects {
        findings.extend(container(subject));
        findings.extend(process(subject, patient.is_supervised));
        findings.extend(files(subject));
        if let Some(sealer) = &sealer
            && sealer.open(&subject.record.id, &subject.record.token_sealed).is_none()
        {
            let text = "its sealed token does not open with secrets/master.key: it cannot be started";
            let what = say("token_sealed", json!({}), text);
            let command = format!("creel instance token {}", subject.record.id);
            let text = format!("put the right master.key back, or `{command}`");
            let remedy = say("put_right_key_back", json!({"command": command}), text);
            findings.push(Finding::error(Check::Drift, subject.name(), what).remedy(remedy));
        }
    }
    findings.extend(unrecorded(patient, subjects));
    if findings.is_empty() && !subjects.is_empty() {
        let instances = subjects.len();
        let text = match instances {
            1 => "1 instance is as it is recorded".to_owned(),
            many => format!("{many} instances are as they are recorded"),
        };
        let what = say("as_recorded", json!({"instances": instances}), text);
        findings.push(Finding::ok(Check::Drift, "instances", what));
    }
    findings
}

/// Whether somebody's container runs it in place of Creel, as a file of `creel deploy render compose` has it.
fn container(subject: &Subject<'_>) -> Option<Finding> {
    let Inhabitant::Contained(pid) = subject.inhabitant else {
        return None;
    };
    let (down, start) = (
        "docker compose down",
        format!("creel instance start {}", subject.record.id),
    );
    let text = format!("to have creel run it: `{down}` where its compose file is, then `{start}`");
    let remedy = say("take_back", json!({"down": down, "start": start}), text);
    let finding = match subject.record.desired {
        Desired::Stopped => {
            let text = format!("run by compose: process {pid} of a container has its directory");
            let what = say("run_by_compose", json!({"pid": pid}), text);
            Finding::ok(Check::Drift, subject.name(), what)
        }
        _ => {
            let text = format!("creel should run it, and process {pid} of a container (compose's?) has its directory");
            let what = say("should_run_and_is_contained", json!({"pid": pid}), text);
            Finding::error(Check::Drift, subject.name(), what)
        }
    };
    Some(finding.remedy(remedy))
}

/// Whether its process is there, or not there, as it should be.
fn process(subject: &Subject<'_>, is_supervised: bool) -> Option<Finding> {
    let record = subject.record;
    if record.driver != Driver::Process {
        return None;
    }
    let id = &record.id;
    let error = |what| Finding::error(Check::Drift, subject.name(), what);
    match (&subject.inhabitant, record.desired) {
        (Inhabitant::Unknown, _) => {
            let lock = subject.directory.lock();
            let text = format!("somebody holds {}, and it cannot be learned who", lock.display());
            let what = say("lock_held", json!({"path": lock}), text);
            Some(error(what).remedy(find_holder(&lock)))
        }
        (Inhabitant::Process(pid, _), Desired::Stopped) if record.status == Status::Stopped => {
            let text = format!("it is recorded as stopped, and process {pid} runs in its directory");
            let what = say("stopped_and_runs", json!({"pid": pid}), text);
            let (stop, kill) = (format!("creel instance stop {id}"), format!("kill {pid}"));
            let text = format!("{stop}, or {kill}");
            Some(error(what).remedy(say("either", json!({"one": stop, "other": kill}), text)))
        }
        (Inhabitant::Nobody, Desired::Running) if is_supervised && record.status == Status::Running => {
            let text = format!("it is recorded as running{}, and nothing runs", of_process(record.pid));
            let what = say("running_and_does_not", json!({"pid": record.pid}), text);
            Some(error(what).remedy(command(format!("creel instance start {id}"))))
        }
        (Inhabitant::Nobody, Desired::Running) if record.status == Status::Error => {
            let (logs, start) = (
                format!("creel instance logs {id}"),
                format!("creel instance start {id}"),
            );
            let text = format!("{logs}; then {start}");
            let remedy = say("one_then_other", json!({"one": logs, "other": start}), text);
            Some(error(should_run(record.error.as_deref())).remedy(remedy))
        }
        _ => None,
    }
}

/// That it does not, with what is known of why.
pub fn should_run(error: Option<&str>) -> Sentence {
    let reason = error.and_then(|error| error.lines().next());
    let reason = reason.unwrap_or("the reason is not known");
    let text = format!("it should run and does not: {reason}");
    say("should_run", json!({"reason": reason}), text)
}

/// A change that its driver saw, and what undoes it.
pub fn changed_behind(subject: String, line: &str, remedy: Sentence) -> Finding {
    let text = format!("it was changed behind creel's back: {line}");
    let what = say("changed_behind", json!({"drift": line}), text);
    Finding::warning(Check::Drift, subject, what).remedy(remedy)
}

pub fn restart(id: &str) -> Sentence {
    command(format!("creel instance restart {id}"))
}

fn find_holder(lock: &Path) -> Sentence {
    let command = format!("fuser -v '{}'", lock.display());
    let text = format!("find and end it: `{command}`");
    say("find_and_end", json!({"command": command}), text)
}

fn of_process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Whether its directory and its configuration are there.
fn files(subject: &Subject<'_>) -> Option<Finding> {
    let (id, directory) = (&subject.record.id, &subject.directory);
    let error = |what| Finding::error(Check::Drift, subject.name(), what);
    let root = directory.root();
    let init = format!("creel instance init {id}");
    match fs::symlink_metadata(directory.root()) {
        Err(_) => {
            let text = format!("its directory {} is gone", root.display());
            let what = say("directory_gone", json!({"path": root}), text);
            let text = format!("put it back from a backup, or have empty files made: `{init}`");
            return Some(error(what).remedy(say("put_back_or_init", json!({"command": init}), text)));
        }
        Ok(found) if !found.is_dir() => {
            let text = format!("{} is no directory", root.display());
            let what = say("no_directory", json!({"path": root}), text);
            let text = "put the directory itself there; links are not followed";
            return Some(error(what).remedy(say("put_directory_there", json!({}), text)));
        }
        Ok(_) => {}
    }
    match directory.read(CONFIG, MAX_CONFIG) {
        Ok(Some(text)) => {
            let broken = json5::parse(&text).err()?;
            let (line, column, message) = (broken.line, broken.column, broken.message);
            let text = format!("{CONFIG}:{line}:{column}: {message}");
            let arguments = json!({"file": CONFIG, "line": line, "column": column, "message": message});
            let remedy = command(format!("creel instance config edit {id}"));
            Some(error(say("config_broken", arguments, text)).remedy(remedy))
        }
        Ok(None) => {
            let what = say(
                "config_missing",
                json!({"file": CONFIG}),
                format!("{CONFIG} is missing"),
            );
            Some(Finding::warning(Check::Drift, subject.name(), what).remedy(command(init)))
        }
        Err(reason) => {
            let reason = reason.to_string();
            let text = format!("{CONFIG} cannot be read: {reason}");
            let arguments = json!({"file": CONFIG, "reason": reason});
            Some(error(say("config_unreadable", arguments, text)))
        }
    }
}

/// Directories that no record speaks of.
fn unrecorded(patient: &Patient, subjects: &[Subject<'_>]) -> Vec<Finding> {
    let known: BTreeSet<&str> = subjects.iter().map(|subject| subject.record.id.as_str()).collect();
    let entries = fs::read_dir(patient.home.join("instances"))
        .into_iter()
        .flatten()
        .flatten();
    let (mut kept, mut findings) = (Vec::new(), Vec::new());
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(UNBORN) {
            // While a control plane runs somebody may just be making it.
            if !patient.is_supervised {
                let text = format!("{} is left of a creation that was cut off", entry.path().display());
                let what = say("creation_cut_off", json!({"path": entry.path()}), text);
                let remedy = say("next_up_settles", json!({}), "the next `creel up` settles it");
                findings.push(Finding::warning(Check::Drift, "home", what).remedy(remedy));
            }
            continue;
        }
        if known.contains(name.as_str()) {
            continue;
        }
        match inhabitant(&InstanceDirectory::new(entry.path()), None) {
            Inhabitant::Nobody => kept.push(name),
            Inhabitant::Process(pid, _) | Inhabitant::Contained(pid) => {
                let text = format!(
                    "process {pid} runs in {}, which is of no recorded instance",
                    entry.path().display()
                );
                let what = say("runs_unrecorded", json!({"pid": pid, "path": entry.path()}), text);
                let text = format!(
                    "look what it is (`ps {pid}`) and end it; the records may be another home's or an old copy"
                );
                let remedy = say("look_and_end", json!({"command": format!("ps {pid}")}), text);
                findings.push(Finding::error(Check::Drift, "home", what).remedy(remedy));
            }
            Inhabitant::Unknown => {
                let lock = InstanceDirectory::new(entry.path()).lock();
                let text = format!("somebody holds {}, and it cannot be learned who", lock.display());
                let what = say("lock_held", json!({"path": lock}), text);
                findings.push(Finding::error(Check::Drift, "home", what).remedy(find_holder(&lock)));
            }
        }
    }
    if !kept.is_empty() {
        kept.sort();
        let kept = kept.join(", ");
        let text = format!("data of removed instances is kept: {kept}");
        let what = say("data_kept", json!({"instances": kept}), text);
        let purge = "creel instance rm ID --purge";
        let text = format!("{purge} deletes what is not needed any more");
        let remedy = say("purge", json!({"command": purge}), text);
        findings.push(Finding::ok(Check::Drift, "home", what).remedy(remedy));
    }
    findings
}
