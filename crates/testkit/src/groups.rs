//! Control groups: whether any are left, and how a test that kills what it started leaves none.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The groups that Creel made for a process; none where the host has no control groups.
#[must_use]
pub fn of(pid: u32) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let made = groups.lines().filter(|line| line.contains("/creel-"));
    made.filter_map(|line| {
        // `4:memory:/path` in version 1, `0::/path` in version 2.
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let root = mounts.lines().find_map(|mount| root_of(mount, controllers))?;
        Some(root.join(path.trim_start_matches('/')))
    })
    .collect()
}

/// The group that counts a process's memory, whoever made it, unless that is everybody's.
#[must_use]
pub fn of_memory(pid: u32) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let root = mounts.lines().find_map(|mount| root_of(mount, controllers))?;
        let group = root.join(path.trim_start_matches('/'));
        group
            .join("memory.stat")
            .exists()
            .then_some(group)
            .filter(|_| path != "/")
    })
}

/// Where this line of `/proc/mounts` mounts these controllers.
fn root_of(mount: &str, controllers: &str) -> Option<PathBuf> {
    let fields: Vec<&str> = mount.split(' ').collect();
    let (kind, options) = (*fields.get(2)?, *fields.get(3)?);
    let mounted = match controllers {
        "" => kind == "cgroup2",
        _ => {
            kind == "cgroup"
                && controllers
                    .split(',')
                    .all(|one| options.split(',').any(|option| option == one))
        }
    };
    mounted.then(|| PathBuf::from(fields[1]))
}

/// Removes the groups of processes that were killed, once these are gone, and what holds those of their fleet.
pub fn remove(groups: &[PathBuf]) {
    const PATIENCE: Duration = Duration::from_secs(10);
    let begun = Instant::now();
    for group in groups {
        while fs::remove_dir(group).is_err() && group.exists() && begun.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        // Fails where others of the fleet have theirs.
        let _ = group.parent().map(fs::remove_dir::<&Path>);
    }
}
