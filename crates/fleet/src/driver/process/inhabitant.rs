//! Who lives in an instance's directory: the process that is recorded, or whoever holds the directory's lock.

use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::directory::InstanceDirectory;
use crate::procfs;

/// What lives in an instance's directory.
#[derive(Debug, PartialEq, Eq)]
pub enum Inhabitant {
    Nobody,
    /// Pid and start time.
    Process(u32, u64),
    /// Somebody holds the lock, but it cannot be learned who.
    Unknown,
}

/// Finds out who lives in a directory: `recorded` if it does, else whoever holds the directory's lock (a control plane that
/// died between starting a process and recording it).
pub fn inhabitant(directory: &InstanceDirectory, recorded: Option<(u32, u64)>) -> Inhabitant {
    if let Some((pid, started)) = recorded
        && procfs::is_alive(pid, started)
    {
        return Inhabitant::Process(pid, started);
    }
    if !is_locked(&directory.lock()) {
        return Inhabitant::Nobody;
    }
    let noted = std::fs::read_to_string(directory.pid_file()).ok().and_then(|text| {
        let (pid, started) = text.trim().split_once(' ')?;
        Some((pid.parse().ok()?, started.parse().ok()?))
    });
    if let Some((pid, started)) = noted
        && procfs::is_alive(pid, started)
    {
        return Inhabitant::Process(pid, started);
    }
    match procfs::holders(&directory.lock()).first() {
        Some(holder) => Inhabitant::Process(holder.pid, holder.started),
        None => Inhabitant::Unknown,
    }
}

fn is_locked(path: &Path) -> bool {
    let Ok(file) = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    matches!(
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared),
        Err(Errno::WOULDBLOCK)
    )
}
