//! Who lives in an instance's directory: the process that is recorded, or whoever holds the directory's lock.

use crate::directory::InstanceDirectory;
use crate::procfs;

/// What lives in an instance's directory.
#[derive(Debug, PartialEq, Eq)]
pub enum Inhabitant {
    Nobody,
    /// Pid and start time.
    Process(u32, u64),
    /// A process of another process namespace holds the lock, by its pid in this one: a container that Creel did not start.
    Contained(u32),
    /// Somebody holds the lock of whom it cannot be learned who it is.
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
    if !directory.is_locked() {
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
    let holders = procfs::holders(&directory.lock());
    // Creel's own processes share its process namespace; a container of somebody else's has another.
    match holders.iter().find(|holder| procfs::is_of_our_namespace(holder.pid)) {
        Some(holder) => Inhabitant::Process(holder.pid, holder.started),
        None => holders
            .first()
            .map_or(Inhabitant::Unknown, |holder| Inhabitant::Contained(holder.pid)),
    }
}
