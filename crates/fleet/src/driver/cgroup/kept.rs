//! What the kernel says that it keeps a process to, whoever set it, and where it says so.

use std::fs;
use std::path::PathBuf;

use crate::InstanceId;

/// What the kernel keeps a process to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Kept {
    pub memory_bytes: Option<u64>,
    pub cpus: Option<f64>,
    pub processes: Option<u64>,
}

/// What the groups of an instance keep a process of it to, as the kernel tells it; nothing where it is in no group of that instance.
pub fn kept_of(pid: u32, id: &InstanceId) -> Kept {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    kept(&mounts, &groups, id)
}

fn kept(mounts: &str, groups: &str, id: &InstanceId) -> Kept {
    let is_its = |path: &str| path.rsplit('/').next() == Some(id.as_str());
    let directory = |controller: &str| directory(mounts, groups, controller, &is_its);
    let text = |controller: &str, file: &str| fs::read_to_string(directory(controller)?.join(file)).ok();
    let number = |controller: &str, file: &str| text(controller, file)?.trim().parse::<u64>().ok();
    // Version 1 says "no limit" by the largest number of pages there is.
    let is_limit = |bytes: &u64| *bytes < 1 << 60;
    let of_version_1 = || {
        let quota = number("cpu", "cpu.cfs_quota_us")? as f64;
        Some(quota / number("cpu", "cpu.cfs_period_us")? as f64)
    };
    let of_version_2 = || {
        let text = text("cpu", "cpu.max")?;
        let (quota, period) = text.trim().split_once(' ')?;
        Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
    };
    Kept {
        memory_bytes: number("memory", "memory.limit_in_bytes")
            .or_else(|| number("memory", "memory.max"))
            .filter(is_limit),
        cpus: of_version_1().or_else(of_version_2),
        processes: number("pids", "pids.max"),
    }
}

/// The directory of the group that a process is in for a controller, if the group's path is one of those.
pub fn directory_of(pid: u32, controller: &str, is_one: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    directory(&mounts, &groups, controller, is_one)
}

/// As `/proc/self/mounts` and `/proc/<pid>/cgroup` tell it.
fn directory(mounts: &str, groups: &str, controller: &str, is_one: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    // A line of /proc/<pid>/cgroup is `number:controllers:path`; version 2 names no controller (cgroups(7)).
    let path_of = |wanted: &dyn Fn(&str) -> bool| {
        let path = groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            fields.next().filter(|named| wanted(named)).and_then(|_| fields.next())
        })?;
        is_one(path).then(|| path.trim_start_matches('/').to_owned())
    };
    let root_of = |kind: &str, option: Option<&str>| {
        mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let has = |option: &str| {
                fields
                    .get(3)
                    .is_some_and(|given| given.split(',').any(|one| one == option))
            };
            (*fields.get(2)? == kind && option.is_none_or(has)).then(|| PathBuf::from(fields[1]))
        })
    };
    let first = path_of(&|named| named.split(',').any(|one| one == controller))
        .and_then(|path| Some(root_of("cgroup", Some(controller))?.join(path)));
    first.or_else(|| Some(root_of("cgroup2", None)?.join(path_of(&str::is_empty)?)))
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, MAX_PROCESSES};
    use super::*;

    #[test]
    fn what_the_kernel_keeps_a_process_to_is_read_back() {
        let (_dir, own, cgroups) = super::super::tests::version_2("memory cpu pids\n");
        let id = InstanceId::new("alice").unwrap();
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpus: Some(0.5),
        };
        cgroups.prepare(&id, &limits).unwrap();
        let mounts = format!("cgroup2 {} cgroup2 rw 0 0\n", own.parent().unwrap().display());
        let found = kept(&mounts, "0::/creel.service/creel-1/alice\n", &id);
        let expected = Kept {
            memory_bytes: Some(512 << 20),
            cpus: Some(0.5),
            processes: Some(MAX_PROCESSES),
        };
        assert_eq!(found, expected);
        assert_eq!(kept(&mounts, "0::/creel.service/creel-1/bob\n", &id), Kept::default());
    }
}
