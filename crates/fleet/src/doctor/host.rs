//! The host: what of it protects instances, and what it lacks.

use super::{Check, Finding};
use crate::fleet::{CgroupVersion, Feature};
use crate::procfs;

/// Descriptors that a control plane should at least be allowed: some of its own, and a few per instance.
const FEW_FILES: u64 = 4096;

pub fn examine(features: &[Feature]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = features.iter().map(of_feature).collect();
    findings.push(user_namespaces());
    findings.push(match procfs::swap() {
        Some((total, free)) if total > 0 => {
            let what = format!("{} MiB of swap, {} MiB of it free", total >> 20, free >> 20);
            Finding::ok(Check::Host, "swap", what)
        }
        _ => Finding::warning(
            Check::Host,
            "swap",
            "there is none: an instance that sleeps keeps its memory, and a host that runs out of memory kills",
        )
        .remedy("add a swap file (mkswap, swapon), or switch zram on"),
    });
    findings.push(match CgroupVersion::of_host() {
        Some(version) => Finding::ok(Check::Host, "cgroups", format!("version {version}")),
        None => Finding::warning(Check::Host, "cgroups", "no control groups are mounted")
            .remedy("mount /sys/fs/cgroup; in a container, give it a cgroup namespace of its own"),
    });
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    if let Some(files) = files.filter(|files| *files < FEW_FILES) {
        let what = format!("a process may open {files} files: too few for many instances and connections");
        findings.push(
            Finding::warning(Check::Host, "open files", what)
                .remedy("raise the hard limit: LimitNOFILE= of the service, or ulimit -Hn"),
        );
    }
    findings
}

fn of_feature(feature: &Feature) -> Finding {
    if feature.available {
        return Finding::ok(Check::Host, feature.name, feature.detail.clone());
    }
    let remedy = match feature.name {
        "landlock" => "run a kernel with Landlock: Linux 5.13 or newer, with landlock in /sys/kernel/security/lsm",
        "mounts" => {
            "run creel as root, or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)"
        }
        _ => "run creel as a service with Delegate=yes, or as root",
    };
    Finding::warning(Check::Host, feature.name, feature.detail.clone()).remedy(remedy)
}

/// Only somebody who is not root needs them: for mounts of an instance's own.
fn user_namespaces() -> Finding {
    const SUBJECT: &str = "user namespaces";
    let most = procfs::number("/proc/sys/user/max_user_namespaces");
    // Debian's switch; absent elsewhere.
    let allowed = procfs::number("/proc/sys/kernel/unprivileged_userns_clone") != Some(0);
    if most.is_some_and(|most| most > 0) && allowed {
        return Finding::ok(Check::Host, SUBJECT, "anybody may make them");
    }
    if rustix::process::geteuid().is_root() {
        return Finding::ok(Check::Host, SUBJECT, "nobody but root may make them, and creel is root");
    }
    Finding::warning(
        Check::Host,
        SUBJECT,
        "this user may make none: instances share /tmp and /run with the host",
    )
    .remedy("sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1, or run creel as root")
}
