//! Of every process that runs: what it is confined by, what not, and why.
//!
//! The kernel tells of privileges and limits in `/proc`. Of Landlock and of mounts it tells nobody outside: of these the wrapper
//! leaves a note, where the instance cannot write.

use std::fs;

use creel_records::Driver;

use super::host::feature_said;
use super::told::{Told, plain};
use super::{Finding, Subject};
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
    // What the host lacks.
    let lacks = |name: &str| {
        let known = features.iter().find(|found| found.name == name && !found.available);
        known.map(feature_said)
    };
    let mut told = Told::of(subject);

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
        Some(Landlock::Full) => told.good(plain("landlock_full", "its own files and port by Landlock")),
        Some(Landlock::Partial) => {
            told.good(plain("landlock_files", "its own files by Landlock"));
            let text = "of Landlock the kernel has only a part: ports, signals or devices are not confined";
            told.bad(plain("landlock_part", text), lacks("landlock"));
        }
        Some(Landlock::None) => told.bad(
            plain("landlock_none", "it is not confined to its own files"),
            lacks("landlock"),
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
            lacks("mounts"),
        );
    }
    told.limits(&limits, [lacks("memory"), lacks("pids")]);
    told.findings()
}
