//! Where what is recorded and what is there are not the same.

use std::collections::BTreeSet;
use std::fs;

use creel_config::json5;
use creel_records::{Desired, Driver, Status};

use super::{Check, Finding, Patient, Subject};
use crate::directory::{CONFIG, InstanceDirectory};
use crate::driver::process::{Inhabitant, inhabitant};
use crate::fleet::MAX_CONFIG;
use crate::home::UNBORN;
use crate::token::Sealer;

pub fn examine(patient: &Patient, subjects: &[Subject<'_>]) -> Vec<Finding> {
    let sealer = Sealer::found_in(&patient.home.join("secrets"));
    let mut findings = Vec::new();
    for subject in subjects {
        findings.extend(process(subject, patient.is_supervised));
        findings.extend(files(subject));
        if let Some(sealer) = &sealer
            && sealer.open(&subject.record.id, &subject.record.token_sealed).is_none()
        {
            let what = "its sealed token does not open with secrets/master.key: it cannot be started";
            let remedy = format!(
                "put the right master.key back, or `creel instance token {}`",
                subject.record.id
            );
            findings.push(Finding::error(Check::Drift, subject.name(), what).remedy(remedy));
        }
    }
    findings.extend(unrecorded(patient, subjects));
    if findings.is_empty() && !subjects.is_empty() {
        let what = format!("{} instances are as they are recorded", subjects.len());
        findings.push(Finding::ok(Check::Drift, "instances", what));
    }
    findings
}

/// Whether its process is there, or not there, as it should be.
fn process(subject: &Subject<'_>, is_supervised: bool) -> Option<Finding> {
    let record = subject.record;
    if record.driver != Driver::Process {
        return None;
    }
    let error = |what: String| Finding::error(Check::Drift, subject.name(), what);
    match (&subject.inhabitant, record.desired) {
        (Inhabitant::Unknown, _) => {
            let lock = subject.directory.lock();
            let what = format!("somebody holds {}, and it cannot be learned who", lock.display());
            Some(error(what).remedy(format!("find and end it: `fuser -v '{}'`", lock.display())))
        }
        (Inhabitant::Process(pid, _), Desired::Stopped) if record.status == Status::Stopped => {
            let what = format!("it is recorded as stopped, and process {pid} runs in its directory");
            Some(error(what).remedy(format!("creel instance stop {0}, or kill {pid}", record.id)))
        }
        (Inhabitant::Nobody, Desired::Running) if is_supervised && record.status == Status::Running => {
            let what = format!("it is recorded as running{}, and nothing runs", of_process(record.pid));
            Some(error(what).remedy(format!("creel instance start {}", record.id)))
        }
        (Inhabitant::Nobody, Desired::Running) if record.status == Status::Error => {
            let reason = record.error.as_deref().and_then(|error| error.lines().next());
            let what = format!(
                "it should run and does not: {}",
                reason.unwrap_or("the reason is not known")
            );
            Some(error(what).remedy(format!(
                "creel instance logs {0}; then creel instance start {0}",
                record.id
            )))
        }
        _ => None,
    }
}

fn of_process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Whether its directory and its configuration are there.
fn files(subject: &Subject<'_>) -> Option<Finding> {
    let (id, directory) = (&subject.record.id, &subject.directory);
    let error = |what: String| Finding::error(Check::Drift, subject.name(), what);
    match fs::symlink_metadata(directory.root()) {
        Err(_) => {
            let what = format!("its directory {} is gone", directory.root().display());
            return Some(error(what).remedy(format!(
                "put it back from a backup, or have empty files made: `creel instance init {id}`"
            )));
        }
        Ok(found) if !found.is_dir() => {
            let what = format!("{} is no directory", directory.root().display());
            return Some(error(what).remedy("put the directory itself there; links are not followed"));
        }
        Ok(_) => {}
    }
    match directory.read(CONFIG, MAX_CONFIG) {
        Ok(Some(text)) => {
            let broken = json5::parse(&text).err()?;
            let what = format!("{CONFIG}:{}:{}: {}", broken.line, broken.column, broken.message);
            Some(error(what).remedy(format!("creel instance config edit {id}")))
        }
        Ok(None) => Some(
            Finding::warning(Check::Drift, subject.name(), format!("{CONFIG} is missing"))
                .remedy(format!("creel instance init {id}")),
        ),
        Err(reason) => Some(error(format!("{CONFIG} cannot be read: {reason}"))),
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
                let what = format!("{} is left of a creation that was cut off", entry.path().display());
                findings.push(Finding::warning(Check::Drift, "home", what).remedy("the next `creel up` settles it"));
            }
            continue;
        }
        if known.contains(name.as_str()) {
            continue;
        }
        match inhabitant(&InstanceDirectory::new(entry.path()), None) {
            Inhabitant::Nobody => kept.push(name),
            Inhabitant::Process(pid, _) => {
                let what = format!(
                    "process {pid} runs in {}, which is of no recorded instance",
                    entry.path().display()
                );
                findings.push(Finding::error(Check::Drift, "home", what).remedy(format!(
                    "look what it is (`ps {pid}`) and end it; the records may be another home's or an old copy"
                )));
            }
            Inhabitant::Unknown => {
                let what = format!("somebody holds the lock of {}", entry.path().display());
                findings
                    .push(Finding::error(Check::Drift, "home", what).remedy("find and end it: fuser -v on its lock"));
            }
        }
    }
    if !kept.is_empty() {
        kept.sort();
        let what = format!("data of removed instances is kept: {}", kept.join(", "));
        findings.push(
            Finding::ok(Check::Drift, "home", what)
                .remedy("creel instance rm ID --purge deletes what is not needed any more"),
        );
    }
    findings
}
