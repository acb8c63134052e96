//! Of every process that runs: what it is confined by, what not, and why.
//!
//! The kernel tells of privileges and limits in `/proc`. Of Landlock and of mounts it tells nobody outside: of these the wrapper
//! leaves a note, where the instance cannot write.

use std::fs;

use creel_records::Driver;

use serde_json::{Value, json};

use super::host::feature_said;
use super::{Check, Finding, Sentence, Subject, command, say};
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
        plain("no_new_privileges", "no new privileges"),
        plain("may_gain_privileges", "it may gain privileges"),
        None,
    );
    told.say(
        privileges.capabilities == 0,
        plain("no_capabilities", "no capabilities"),
        plain("capabilities", "it has capabilities of root"),
        None,
    );
    match note.as_ref().map(|note| note.landlock) {
        Some(Landlock::Full) => told
            .good
            .push(plain("landlock_full", "its own files and port by Landlock")),
        Some(Landlock::Partial) => {
            told.good.push(plain("landlock_files", "its own files by Landlock"));
            let text = "of Landlock the kernel has only a part: ports, signals or devices are not confined";
            told.bad(plain("landlock_part", text), Some("landlock"));
        }
        Some(Landlock::None) => told.bad(
            plain("landlock_none", "it is not confined to its own files"),
            Some("landlock"),
        ),
        None => {
            let text = "an earlier creel started it, and left no note of what confines it";
            told.bad(plain("no_note", text), None);
        }
    }
    if let Some(note) = &note {
        told.say(
            note.mounts,
            plain("own_mounts", "mounts of its own"),
            plain("no_own_mounts", "sockets in /run and /tmp are within its reach"),
            Some("mounts"),
        );
    }
    match limits.memory_bytes {
        Some(bytes) => {
            let mib = bytes >> 20;
            told.good
                .push(say("memory_limit", json!({"mib": mib}), format!("memory {mib} MiB")));
        }
        None => told.bad(plain("memory_unlimited", "its memory is not limited"), Some("memory")),
    }
    if let Some(cpus) = limits.cpus {
        let text = match cpus {
            1.0 => "1 core".to_owned(),
            cpus => format!("{cpus} cores"),
        };
        told.good.push(say("cpu_limit", json!({"cpus": cpus}), text));
    }
    match limits.processes {
        Some(most) => told.good.push(say(
            "process_limit",
            json!({"processes": most}),
            format!("{most} processes"),
        )),
        // Without control groups the kernel counts them per user namespace; of that it tells nothing.
        None => told.bad(
            plain(
                "processes_uncounted",
                "its processes are not counted by a control group",
            ),
            Some("pids"),
        ),
    }
    told.promised("memory", subject.record.memory_bytes, limits.memory_bytes);
    told.promised("cpus", subject.record.cpus.map(per_cent), limits.cpus.map(per_cent));
    told.findings()
}

/// Of a core. Limits are kept in whole hundredths.
fn per_cent(cpus: f64) -> u64 {
    (cpus * 100.0).round() as u64
}

/// A sentence that is always the same.
fn plain(code: &'static str, text: &str) -> Sentence {
    say(code, Value::Null, text)
}

struct Told<'a> {
    subject: &'a Subject<'a>,
    features: &'a [Feature],
    good: Vec<Sentence>,
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

    fn say(&mut self, is_so: bool, good: Sentence, bad: Sentence, feature: Option<&str>) {
        if is_so {
            self.good.push(good);
        } else {
            self.bad(bad, feature);
        }
    }

    /// What the host cannot do is a warning, and the host's finding says what to do. What it could is an error: a start makes it so.
    fn bad(&mut self, what: Sentence, feature: Option<&str>) {
        let name = self.subject.name();
        let known = feature.and_then(|wanted| self.features.iter().find(|found| found.name == wanted));
        self.found.push(match known {
            Some(known) if !known.available => {
                let text = format!("{what}: {}", known.detail);
                let arguments = json!({"what": what, "because": feature_said(known)});
                Finding::warning(Check::Hardening, name, say("because", arguments, text))
            }
            _ => Finding::error(Check::Hardening, name, what)
                .remedy(command(format!("creel instance restart {}", self.subject.record.id))),
        });
    }

    fn promised(&mut self, what: &str, recorded: Option<u64>, kept: Option<u64>) {
        if let Some(recorded) = recorded
            && let Some(kept) = kept
            && recorded != kept
        {
            let text = format!("its limit of {what} is {kept}, and recorded is {recorded}");
            let arguments = json!({"limit": what, "kept": kept, "recorded": recorded});
            self.bad(say("limit_differs", arguments, text), None);
        }
    }

    fn findings(mut self) -> Vec<Finding> {
        if !self.good.is_empty() {
            let texts: Vec<&str> = self.good.iter().map(|said| &**said).collect();
            let text = format!("confined: {}", texts.join(", "));
            let what = say("confined", json!({"by": self.good}), text);
            self.found
                .push(Finding::ok(Check::Hardening, self.subject.name(), what));
        }
        self.found
    }
}
