//! The host: what of it protects instances, and what it lacks.

use serde_json::json;

use super::{Check, Finding, Sentence, say};
use crate::fleet::{CgroupVersion, Feature};
use crate::procfs;

/// Descriptors that a control plane should at least be allowed: some of its own, and a few per instance.
const FEW_FILES: u64 = 4096;

pub fn examine(features: &[Feature]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = features.iter().map(of_feature).collect();
    findings.push(user_namespaces());
    findings.push(match procfs::swap() {
        Some((total, free)) if total > 0 => {
            let (total, free) = (total >> 20, free >> 20);
            let text = format!("{total} MiB of swap, {free} MiB of it free");
            Finding::ok(
                Check::Host,
                "swap",
                say("swap", json!({"total_mib": total, "free_mib": free}), text),
            )
        }
        _ => {
            let text =
                "there is none: an instance that sleeps keeps its memory, and a host that runs out of memory kills";
            Finding::warning(Check::Host, "swap", say("no_swap", json!({}), text)).remedy(say(
                "add_swap",
                json!({}),
                "add a swap file (mkswap, swapon), or switch zram on",
            ))
        }
    });
    findings.push(match CgroupVersion::of_host() {
        Some(version) => {
            let version = version.to_string();
            let what = say("version", json!({"version": version}), format!("version {version}"));
            Finding::ok(Check::Host, "cgroups", what)
        }
        None => {
            let what = say("no_cgroups", json!({}), "no control groups are mounted");
            let text = "mount /sys/fs/cgroup; in a container, give it a cgroup namespace of its own";
            Finding::warning(Check::Host, "cgroups", what).remedy(say("mount_cgroups", json!({}), text))
        }
    });
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    if let Some(files) = files.filter(|files| *files < FEW_FILES) {
        let text = format!("a process may open {files} files: too few for many instances and connections");
        let what = say("few_open_files", json!({"files": files}), text);
        let text = "raise the hard limit: LimitNOFILE= of the service, or ulimit -Hn";
        let remedy = say("raise_open_files", json!({}), text);
        findings.push(Finding::warning(Check::Host, "open files", what).remedy(remedy));
    }
    findings
}

fn of_feature(feature: &Feature) -> Finding {
    let what = feature_said(feature);
    if feature.available {
        return Finding::ok(Check::Host, feature.name, what);
    }
    let (code, text) = match feature.name {
        "landlock" => (
            "get_landlock",
            "run a kernel with Landlock: Linux 5.13 or newer, with landlock in /sys/kernel/security/lsm",
        ),
        "mounts" => (
            "get_mounts",
            "run creel as root, or allow user namespaces (sysctl user.max_user_namespaces, \
             kernel.unprivileged_userns_clone)",
        ),
        _ => ("get_cgroups", "run creel as a service with Delegate=yes, or as root"),
    };
    Finding::warning(Check::Host, feature.name, what).remedy(say(code, json!({}), text))
}

/// What a host has or not, as the host itself says it.
pub fn feature_said(feature: &Feature) -> Sentence {
    let arguments = json!({"feature": feature.name});
    match feature.available {
        true => say("feature", arguments, feature.detail.clone()),
        false => say("no_feature", arguments, feature.detail.clone()),
    }
}

/// Only somebody who is not root needs them: for mounts of an instance's own.
fn user_namespaces() -> Finding {
    const SUBJECT: &str = "user namespaces";
    let most = procfs::number("/proc/sys/user/max_user_namespaces");
    // Debian's switch; absent elsewhere.
    let allowed = procfs::number("/proc/sys/kernel/unprivileged_userns_clone") != Some(0);
    if most.is_some_and(|most| most > 0) && allowed {
        let what = say("user_namespaces", json!({}), "anybody may make them");
        return Finding::ok(Check::Host, SUBJECT, what);
    }
    if rustix::process::geteuid().is_root() {
        let text = "nobody but root may make them, and creel is root";
        return Finding::ok(Check::Host, SUBJECT, say("user_namespaces_of_root", json!({}), text));
    }
    let text = "this user may make none: instances share /tmp and /run with the host";
    let command = "sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1";
    let remedy = say(
        "allow_user_namespaces",
        json!({"command": command}),
        format!("{command}, or run creel as root"),
    );
    Finding::warning(Check::Host, SUBJECT, say("no_user_namespaces", json!({}), text)).remedy(remedy)
}
