//! What the wrapper notes of the confinement it made: the kernel tells nobody outside what Landlock and mounts do to a process.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use landlock::RulesetStatus;
use serde::{Deserialize, Serialize};

use crate::directory::InstanceDirectory;
use crate::procfs;

/// How much of the rules the kernel keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Landlock {
    Full,
    /// Those that this kernel's Landlock knows.
    Partial,
    None,
}

impl From<RulesetStatus> for Landlock {
    fn from(status: RulesetStatus) -> Self {
        match status {
            RulesetStatus::FullyEnforced => Self::Full,
            RulesetStatus::PartiallyEnforced => Self::Partial,
            RulesetStatus::NotEnforced => Self::None,
        }
    }
}

/// What confines a process, besides what `/proc` tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// The process, by its pid and start time.
    pid: u32,
    started: u64,
    pub landlock: Landlock,
    /// Whether it has mounts of its own.
    pub mounts: bool,
}

/// A few words.
const LONGEST: u64 = 4096;

/// The file for the note, emptied.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

impl Confinement {
    pub fn of_this_process(landlock: Landlock, mounts: bool) -> Self {
        let pid = std::process::id();
        Self {
            pid,
            started: procfs::stat(pid).map_or(0, |stat| stat.started),
            landlock,
            mounts,
        }
    }

    pub fn write(&self, mut file: File) -> io::Result<()> {
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)
    }

    /// What was noted of this process; `None` if nothing was.
    pub fn noted(directory: &InstanceDirectory, pid: u32) -> Option<Self> {
        let text = directory.read("confinement", LONGEST).ok().flatten()?;
        let found: Self = serde_json::from_str(&text).ok()?;
        (found.pid == pid && procfs::is_alive(pid, found.started)).then_some(found)
    }
}
