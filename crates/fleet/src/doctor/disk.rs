//! The disk that the home is on, and what logs and records take of it.

use std::fs;
use std::path::Path;

use super::{Check, Finding, Subject};
use crate::logs;

/// Less than this free is an error: a turn that cannot be stored is refused.
const NO_ROOM: u64 = 256 << 20;
/// Less than this is a warning, and so is less than this part of the disk.
const LITTLE_ROOM: u64 = 2 << 30;
const LITTLE_PART: f64 = 0.05;

pub fn examine(home: &Path, subjects: &[Subject<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let on = format!("disk of {}", home.display());
    // A home that is not there yet will be made on its parent's.
    let there = home.ancestors().find(|path| path.exists()).unwrap_or(home);
    if let Ok(disk) = rustix::fs::statvfs(there) {
        let (free, total) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        let what = format!("{} of {} are free", gib(free), gib(total));
        let few_files = disk.f_files > 0 && (disk.f_favail as f64) < disk.f_files as f64 * LITTLE_PART;
        let remedy = "make room: old backups and runtimes in the home, purged instances, other programs' files";
        findings.push(if free < NO_ROOM {
            Finding::error(Check::Disk, &on, what + ": turns and records cannot be stored soon").remedy(remedy)
        } else if free < LITTLE_ROOM || (free as f64) < total as f64 * LITTLE_PART {
            Finding::warning(Check::Disk, &on, what).remedy(remedy)
        } else {
            Finding::ok(Check::Disk, &on, what)
        });
        if few_files {
            let what = format!("room for {} more files only", disk.f_favail);
            findings.push(Finding::warning(Check::Disk, &on, what).remedy(remedy));
        }
    }
    findings.extend(of_logs(subjects));
    let records: u64 = ["creel.db", "creel.db-wal"]
        .iter()
        .map(|name| size(&home.join(name)))
        .sum();
    if records > 0 {
        let what = format!("creel.db takes {}", mib(records));
        findings.push(Finding::ok(Check::Disk, "records", what));
    }
    findings
}

fn of_logs(subjects: &[Subject<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut all = 0;
    for subject in subjects {
        let bytes: u64 = logs::files(&subject.directory.log())
            .iter()
            .map(|path| size(path))
            .sum();
        all += bytes;
        // One that has just grown is put aside within seconds.
        if bytes > 2 * logs::MAX_KEPT {
            let what = format!("its logs take {}, which is more than is kept of them", mib(bytes));
            findings.push(
                Finding::warning(Check::Disk, subject.name(), what)
                    .remedy("start `creel up`, which puts logs aside, or delete those that end in .1, .2 and .3"),
            );
        }
    }
    if findings.is_empty() && !subjects.is_empty() {
        let what = format!(
            "the logs of {} instances take {}; of each at most {} are kept",
            subjects.len(),
            mib(all),
            mib(logs::MAX_KEPT)
        );
        findings.push(Finding::ok(Check::Disk, "logs", what));
    }
    findings
}

fn size(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
