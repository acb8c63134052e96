//! The processes of a container, as this host sees them: whatever engine runs it, its id is a part of the name of their control group
//! (`/docker/<id>`, `docker-<id>.scope`, `libpod-<id>`). An engine of another machine, or in a virtual one, has none here.

use std::fs;
use std::path::PathBuf;

use crate::driver::cgroup;
use crate::procfs;

/// The id of a container, in full: nothing shorter tells it from other words in the name of a group.
const ID_LENGTH: usize = 64;

pub struct Members {
    pub pids: Vec<u32>,
    /// The directory of the control group that counts their memory.
    pub memory: Option<PathBuf>,
}

impl Members {
    /// Nothing where there are none. Reads as many files as the host has processes.
    pub fn of(container: &str) -> Option<Self> {
        let pids: Vec<u32> = all().filter(|pid| is_of(*pid, container)).collect();
        let memory = cgroup::directory_of(*pids.first()?, "memory", &|path| path.contains(container));
        Some(Self { pids, memory })
    }
}

/// The first process of a container. The engine says which, as it counts them: it may live elsewhere, and somebody else
/// may have that number here.
pub fn first(container: &str, said: Option<u64>) -> Option<u32> {
    let said = said.and_then(|pid| u32::try_from(pid).ok());
    if let Some(pid) = said.filter(|pid| is_of(*pid, container)) {
        return Some(pid);
    }
    // The leader of its session: whatever joined the container later is in another.
    all().find(|pid| is_of(*pid, container) && procfs::stat(*pid).is_some_and(|stat| stat.session == *pid))
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn is_of(pid: u32, container: &str) -> bool {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    container.len() == ID_LENGTH && groups.contains(container)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_whole_id_has_no_processes() {
        // Every group's path begins with this.
        assert!(Members::of("/").is_none());
        assert_eq!(first("", Some(std::process::id().into())), None);
    }
}
