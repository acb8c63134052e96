//! Of every process that runs: what it is confined by, what not, and why.
//!
//! The kernel tells of privileges and limits in `/proc`. Of Landlock and of mounts it tells nobody outside: of these the wrapper
//! leaves a note, where the instance cannot write.

use std::fs;

use creel_records::Driver;

use super::{Check, Finding, Subject};
use crate::driver::cgroup;
use crate::fleet::Feature;
use crate::sandbox::{Confinement, Landlock};
use crate::{InstanceId, procfs};

pub fn examine(features: &[Feature], subjects: &[Subject<'_>]) -> Vec<Finding> {
    let here = subjects
        .iter()
        .filter(|subject| subject.record.driver == Driver::Process);
    here.flat_map(|subject| look(features, subject)).collect()
}

fn look(features: &[Feature], subject: &Subject<'_>) -> Vec<Finding> {
    let Some(pid) = subject.pid() else { return Vec::new() };
    let Some(privileges) = fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()
        .and_then(|text| procfs::Privileges::parse(&text))
    else {
        // Just gone.
        return Vec::new();
    };
    let note = Confinement::noted(&subject.directory, pid);
    let limits = InstanceId::new(&subject.record.id)
        .map(|id| cgroup::kept_of(pid, &id))
        .unwrap_or_default();
    let mut told = Told::of(subject, features);

    told.say(
        privileges.no_new_privileges,
        "no new privileges",
        "it may gain privileges",
        None,
    );
    told.say(
        privileges.capabilities == 0,
        "no capabilities",
        "it has capabilities of root",
        None,
    );
    match note.as_ref().map(|note| note.landlock) {
        Some(Landlock::Full) => told.good.push("its own files and port by Landlock".to_owned()),
        Some(Landlock::Partial) => {
            told.good.push("its own files by Landlock".to_owned());
            told.bad(
                "of Landlock the kernel has only a part: ports, signals or devices are not confined",
                Some("landlock"),
            );
        }
        Some(Landlock::None) => told.bad("it is not confined to its own files", Some("landlock")),
        None => told.bad(
            "an earlier creel started it, and left no note of what confines it",
            None,
        ),
    }
    if let Some(note) = &note {
        told.say(
            note.mounts,
            "mounts of its own",
            "sockets in /run and /tmp are within its reach",
            Some("mounts"),
        );
    }
    match limits.memory_bytes {
        Some(bytes) => told.good.push(format!("memory {} MiB", bytes >> 20)),
        None => told.bad("its memory is not limited", Some("memory")),
    }
    if let Some(cpus) = limits.cpus {
        told.good.push(format!("{cpus} cores"));
    }
    match limits.processes {
        Some(most) => told.good.push(format!("{most} processes")),
        // Without control groups the kernel counts them per user namespace; of that it tells nothing.
        None => told.bad("its processes are not counted by a control group", Some("pids")),
    }
    told.promised("memory", subject.record.memory_bytes, limits.memory_bytes);
    told.promised("cpus", subject.record.cpus.map(per_cent), limits.cpus.map(per_cent));
    told.findings()
}

/// Of a core. Limits are kept in whole hundredths.
fn per_cent(cpus: f64) -> u64 {
    (cpus * 100.0).round() as u64
}

struct Told<'a> {
    subject: &'a Subject<'a>,
    features: &'a [Feature],
    good: Vec<String>,
    found: Vec<Finding>,
}

impl<'a> Told<'a> {
    fn of(subject: &'a Subject<'a>, features: &'a [Feature]) -> Self {
        Self {
            subject,
            features,
            good: Vec::new(),
            found: Vec::new(),
        }
    }

    fn say(&mut self, is_so: bool, good: &str, bad: &str, feature: Option<&str>) {
        if is_so {
            self.good.push(good.to_owned());
        } else {
            self.bad(bad, feature);
        }
    }

    /// What the host cannot do is a warning, and the host's finding says what to do. What it could is an error: a start makes it so.
    fn bad(&mut self, what: &str, feature: Option<&str>) {
        let name = self.subject.name();
        let known = feature.and_then(|wanted| self.features.iter().find(|found| found.name == wanted));
        self.found.push(match known {
            Some(known) if !known.available => {
                Finding::warning(Check::Hardening, name, format!("{what}: {}", known.detail))
            }
            _ => Finding::error(Check::Hardening, name, what)
                .remedy(format!("creel instance restart {}", self.subject.record.id)),
        });
    }

    fn promised(&mut self, what: &str, recorded: Option<u64>, kept: Option<u64>) {
        if let Some(recorded) = recorded
            && let Some(kept) = kept
            && recorded != kept
        {
            let what = format!("its limit of {what} is {kept}, and recorded is {recorded}");
            self.bad(&what, None);
        }
    }

    fn findings(mut self) -> Vec<Finding> {
        if !self.good.is_empty() {
            let what = format!("confined: {}", self.good.join(", "));
            self.found
                .push(Finding::ok(Check::Hardening, self.subject.name(), what));
        }
        self.found
    }
}
