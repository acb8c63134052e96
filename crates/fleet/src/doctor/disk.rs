//! The disk that the home is on, and what logs and records take of it.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::sentence::count;
use super::{Check, Finding, Subject, say};
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
        let (free_text, total_text) = (gib(free), gib(total));
        let arguments = json!({"free": free_text, "total": total_text});
        let what = format!("{free_text} of {total_text} are free");
        let few_files = disk.f_files > 0 && (disk.f_favail as f64) < disk.f_files as f64 * LITTLE_PART;
        let remedy = || {
            let text = "make room: old backups and runtimes in the home, purged instances, other programs' files";
            say("make_room", json!({}), text)
        };
        findings.push(if free < NO_ROOM {
            let what = what + ": turns and records cannot be stored soon";
            Finding::error(Check::Disk, &on, say("disk_full_soon", arguments, what)).remedy(remedy())
        } else if free < LITTLE_ROOM || (free as f64) < total as f64 * LITTLE_PART {
            Finding::warning(Check::Disk, &on, say("disk_free", arguments, what)).remedy(remedy())
        } else {
            Finding::ok(Check::Disk, &on, say("disk_free", arguments, what))
        });
        if few_files {
            let files = disk.f_favail;
            let what = say(
                "disk_few_files",
                json!({"files": files}),
                format!("room for {files} more files only"),
            );
            findings.push(Finding::warning(Check::Disk, &on, what).remedy(remedy()));
        }
    }
    findings.extend(of_logs(subjects));
    let records: u64 = ["creel.db", "creel.db-wal"]
        .iter()
        .map(|name| size(&home.join(name)))
        .sum();
    if records > 0 {
        let size = mib(records);
        let what = say("records_size", json!({"size": size}), format!("creel.db takes {size}"));
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
            let size = mib(bytes);
            let what = say(
                "logs_large",
                json!({"size": size}),
                format!("its logs take {size}, which is more than is kept of them"),
            );
            let text = "start `creel up`, which puts logs aside, or delete those that end in .1, .2 and .3";
            let remedy = say("put_logs_aside", json!({}), text);
            findings.push(Finding::warning(Check::Disk, subject.name(), what).remedy(remedy));
        }
    }
    if findings.is_empty() && !subjects.is_empty() {
        let (instances, size, most) = (subjects.len(), mib(all), mib(logs::MAX_KEPT));
        let text = format!(
            "the logs of {} take {size}; of each at most {most} are kept",
            count(instances, "instance")
        );
        let what = say(
            "logs_size",
            json!({"instances": instances, "size": size, "most": most}),
            text,
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
