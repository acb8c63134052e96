//! What of an instance's groups is not as it was set: somebody else writes to them too. It is shown, and never undone.

use std::fs;
use std::path::Path;

use super::{Cgroups, Setting};
use crate::InstanceId;
use crate::driver::Limits;

/// The largest unit in which a kernel counts memory.
const LARGEST_PAGE: u64 = 64 << 10;

impl Cgroups {
    /// What is not as it was set of an instance that was started with these limits and as this process, a line each.
    pub fn changed(&self, id: &InstanceId, limits: &Limits, pid: Option<u32>) -> Vec<String> {
        let settings = self.settings(limits);
        let mut changed: Vec<String> = settings.iter().filter_map(|setting| changed(setting, id)).collect();
        if let Some(pid) = pid.filter(|pid| Path::new("/proc").join(pid.to_string()).exists()) {
            let group = self.existing(id);
            let left = group.directories.iter().any(|directory| {
                let members = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
                // One without a member is not entered yet.
                !members.is_empty() && !members.lines().any(|member| member.parse() == Ok(pid))
            });
            if left {
                changed.push(format!("its process {pid} was moved out of its control group"));
            }
        }
        changed
    }
}

fn changed(setting: &Setting<'_>, id: &InstanceId) -> Option<String> {
    // A group that is not there yet, or not any more.
    let now = fs::read_to_string(setting.base.join(id.as_str()).join(setting.file)).ok()?;
    let now = now.trim();
    let is_so = match (now.parse::<u64>(), setting.value.parse::<u64>()) {
        // The kernel counts memory in pages.
        (Ok(now), Ok(set)) if setting.what.ends_with("(bytes)") => now.abs_diff(set) < LARGEST_PAGE,
        _ => now == setting.value,
    };
    (!is_so).then(|| format!("its {} is {now}, not {}", setting.what, setting.value))
}

#[cfg(test)]
mod tests {
    use super::super::tests::version_2;
    use super::*;

    #[test]
    fn each_change_is_a_line() {
        let (_dir, own, cgroups) = version_2("cpu memory pids\n");
        let id = InstanceId::new("alice").unwrap();
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpus: Some(0.5),
        };
        let alice = own.join("creel-1/alice");
        let pid = std::process::id();
        let changed = || cgroups.changed(&id, &limits, Some(pid));
        assert_eq!(changed(), [""; 0], "it was not started");
        fs::create_dir_all(&alice).unwrap();
        fs::write(alice.join("memory.swap.max"), "max").unwrap();
        cgroups.prepare(&id, &limits).unwrap();
        fs::write(alice.join("cgroup.procs"), format!("1\n{pid}\n")).unwrap();
        assert_eq!(changed(), [""; 0]);
        for (file, value) in [
            ("memory.max", "1073741824\n"),
            ("memory.swap.max", "max\n"),
            ("cpu.max", "25000 100000\n"),
            ("pids.max", "max\n"),
            ("cgroup.procs", "1\n"),
        ] {
            fs::write(alice.join(file), value).unwrap();
        }
        assert_eq!(
            changed(),
            [
                "its memory limit (bytes) is 1073741824, not 536870912".to_owned(),
                "its swap limit (bytes) is max, not 536870912".to_owned(),
                "its processor limit (µs, of µs) is 25000 100000, not 50000 100000".to_owned(),
                "its limit of processes is max, not 512".to_owned(),
                format!("its process {pid} was moved out of its control group"),
            ]
        );
    }
}
