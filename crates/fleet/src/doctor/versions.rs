//! Versions: what is pinned, what is installed, and which program really runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use creel_records::{Desired, Driver, InstanceRecord, Runtime};

use serde_json::json;

use super::{Check, Finding, Patient, Sentence, Subject, say};
use crate::OPENCLAW_VERSION;
use crate::runtime;

pub fn examine(patient: &Patient, subjects: &[Subject<'_>]) -> Vec<Finding> {
    let own = env!("CARGO_PKG_VERSION");
    let what = say("version", json!({"version": own}), format!("version {own}"));
    let mut findings = vec![Finding::ok(Check::Versions, "creel", what)];
    let here = subjects
        .iter()
        .filter(|subject| subject.record.driver == Driver::Process);
    let mut pinned: BTreeMap<&str, Vec<&Subject<'_>>> = BTreeMap::new();
    for subject in here {
        match subject.record.runtime {
            Runtime::Native => findings.extend(replaced(subject, &patient.creel_exe)),
            Runtime::Openclaw => {
                let version = subject.record.version.as_deref().unwrap_or(OPENCLAW_VERSION);
                pinned.entry(version).or_default().push(subject);
            }
        }
    }
    for (version, users) in &pinned {
        findings.extend(of_openclaw(patient, version, users));
    }
    findings.extend(unused(patient, &pinned));
    findings
}

/// What gives an instance another image: its data and its channels stay, its token is a new one.
pub fn another_image(record: &InstanceRecord) -> String {
    let InstanceRecord {
        id, runtime, driver, ..
    } = record;
    let image = match driver {
        Driver::Railway => "REGISTRY/NAME:TAG",
        _ => "NAME:TAG",
    };
    format!(
        "`creel instance rm {id}` and `creel instance create {id} --keep-data --runtime {runtime} --driver {driver} --image {image}`"
    )
}

/// A native instance whose program file was replaced since it was started: it runs what was there before.
fn replaced(subject: &Subject<'_>, creel_exe: &Path) -> Option<Finding> {
    // A native gateway lets nobody but root look; then nothing is said.
    let program = fs::read_link(format!("/proc/{}/exe", subject.pid()?)).ok()?;
    if program == creel_exe {
        return None;
    }
    let what = say(
        "another_program",
        json!({"runs": program, "not": creel_exe}),
        format!("it runs {}, not {}", program.display(), creel_exe.display()),
    );
    let command = format!("creel instance restart {}", subject.record.id);
    let text = format!("{command}, when it suits its user");
    let remedy = say("restart_when_it_suits", json!({"command": command}), text);
    Some(Finding::warning(Check::Versions, subject.name(), what).remedy(remedy))
}

fn of_openclaw(patient: &Patient, version: &str, users: &[&Subject<'_>]) -> Vec<Finding> {
    let name = format!("openclaw {version}");
    let ids: Vec<&str> = users.iter().map(|subject| subject.record.id.as_str()).collect();
    let own = patient.home.join("runtimes").join(format!("openclaw-{version}"));
    let places = patient
        .openclaw_cache
        .iter()
        .map(|path| path.as_path())
        .chain([own.as_path()]);
    let installed = places
        .filter_map(|place| Some((place, runtime::installed_openclaw(place)?)))
        .find(|(place, found)| *place == own || found == version);
    let mut findings = Vec::new();
    match installed {
        None => {
            let ids = ids.join(", ");
            let text = format!("pinned by {ids} and not installed; the next start installs it from npm");
            let what = say("not_installed", json!({"instances": ids}), text);
            let waited_for = users.iter().any(|user| user.record.desired == Desired::Running);
            findings.push(if waited_for {
                let text =
                    "see that the npm registry can be reached from here, or name a cache in CREEL_OPENCLAW_CACHE";
                Finding::warning(Check::Versions, name, what).remedy(say("reach_npm", json!({}), text))
            } else {
                Finding::ok(Check::Versions, name, what)
            });
        }
        Some((place, found)) if found != version => {
            let shown = place.display();
            let text = format!("{shown} holds version {found}");
            let what = say("another_version", json!({"path": place, "version": found}), text);
            let ids = ids.join(", ");
            let text = format!("stop {ids}, then rm -r '{shown}': the next start installs it anew");
            let arguments = json!({"instances": ids, "command": format!("rm -r '{shown}'")});
            findings.push(Finding::error(Check::Versions, name, what).remedy(say(
                "stop_and_reinstall",
                arguments,
                text,
            )));
        }
        Some((place, _)) => findings.push(node(&name, place, &ids)),
    }
    if version != OPENCLAW_VERSION {
        let ids = ids.join(", ");
        let text = format!("pinned by {ids}; this creel was made for {OPENCLAW_VERSION}");
        let arguments = json!({"instances": ids, "made_for": OPENCLAW_VERSION});
        let what = say("pinned_elsewhere", arguments, text);
        findings.push(Finding::ok(Check::Versions, format!("openclaw {version}"), what));
    }
    findings
}

/// Whether the Node beside it is one that upstream runs on.
fn node(name: &str, place: &Path, ids: &[&str]) -> Finding {
    let Some(version) = runtime::node_version(place) else {
        let text = format!("there is no node in {}", place.display());
        let what = say("no_node", json!({"path": place}), text);
        return Finding::error(Check::Versions, name, what).remedy(reinstall(place));
    };
    if runtime::is_fit_node(&version) {
        let ids = ids.join(", ");
        let text = format!("installed, with node {version}; pinned by {ids}");
        let what = say("installed", json!({"node": version, "instances": ids}), text);
        Finding::ok(Check::Versions, name, what)
    } else {
        let text = format!("its node is {version}; upstream needs 24.16 or newer of 24, or 26.1 or newer");
        let what = say("old_node", json!({"node": version}), text);
        Finding::error(Check::Versions, name, what).remedy(reinstall(place))
    }
}

fn reinstall(place: &Path) -> Sentence {
    let command = format!("rm -r '{}'", place.display());
    let text = format!("{command}: the next start installs it anew");
    say("reinstall", json!({"command": command}), text)
}

/// Installed, and pinned by nobody.
fn unused(patient: &Patient, pinned: &BTreeMap<&str, Vec<&Subject<'_>>>) -> Option<Finding> {
    let entries = fs::read_dir(patient.home.join("runtimes")).ok()?;
    let mut unused: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            name.strip_prefix("openclaw-")
                .is_some_and(|version| !pinned.contains_key(version))
        })
        .collect();
    unused.sort();
    let runtimes = patient.home.join("runtimes");
    (!unused.is_empty()).then(|| {
        let unused = unused.join(", ");
        let text = format!("no instance uses {unused}");
        let what = say("unused_runtimes", json!({"runtimes": unused}), text);
        let text = format!("rm -r below '{}' makes room", runtimes.display());
        let remedy = say("remove_unused", json!({"path": runtimes}), text);
        Finding::ok(Check::Versions, "runtimes", what).remedy(remedy)
    })
}
