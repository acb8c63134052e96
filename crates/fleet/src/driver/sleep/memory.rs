//! The memory of stopped processes: moved to swap by the kernel's own reclaim of their control group.
//!
//! Reclaim is `memory.reclaim` in version 2 and `memory.force_empty` in version 1 (<https://docs.kernel.org/admin-guide/cgroup-v2.html>,
//! <https://docs.kernel.org/admin-guide/cgroup-v1/memory.html>). What was used last goes last, so that it lies together in swap. Where
//! the kernel gives up on pages that were used lately, the marks of use are cleared (`clear_refs`, proc(5)): of stopped processes
//! nothing is being used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::slumber::Spell;
use super::{needed, swap};

/// Asked for at a time, where an amount can be said: between two it can be told to leave off.
const CHUNK: u64 = 64 << 20;
/// Whoever gets less than this is done: the kernel's own bookkeeping of a group shrinks a little each time.
const LITTLE: u64 = 1 << 20;
/// What is worth a word: less than this may stay.
const NEGLIGIBLE: u64 = 32 << 20;
/// Why memory stayed where it was. Sizes are in MiB.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    #[error("this host has no swap")]
    NoSwap,
    #[error("{needed} MiB are to be moved to swap, which has {free} MiB left")]
    LittleSwap { needed: u64, free: u64 },
    #[error("creel has no control group for memory here")]
    NoGroup,
    #[error("only root may have the memory of {} moved", .0.display())]
    NotAllowed(PathBuf),
    #[error("the kernel refused: {0}")]
    Refused(#[from] io::Error),
    #[error("{left} of {before} MiB could not be moved to swap")]
    Left { left: u64, before: u64 },
}

/// Moves what these stopped processes have in memory to swap; `group` is a control group of theirs alone. Leaves off when their sleep
/// is over. Blocks, for seconds where there is much.
pub fn page_out(members: &[u32], group: Option<&Path>, asleep: &Spell) -> Result<(), Obstacle> {
    let mib = |bytes: u64| bytes >> 20;
    let before = anonymous(members);
    let (total, free) = swap::of_host();
    if total == 0 {
        return Err(Obstacle::NoSwap);
    }
    if free < before {
        return Err(Obstacle::LittleSwap {
            needed: mib(before),
            free: mib(free),
        });
    }
    let group = group.ok_or(Obstacle::NoGroup)?;
    needed::note_asleep(members, asleep.follows_another(), &asleep.directory);
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Obstacle::NotAllowed(group.to_owned()),
        _ => error.into(),
    };
    let most = NEGLIGIBLE.max(before / 4);
    reclaim(group, asleep).map_err(refused)?;
    if anonymous(members) > most && !asleep.is_over() {
        clear_marks(members);
        reclaim(group, asleep).map_err(refused)?;
    }
    let left = anonymous(members);
    if left > most && !asleep.is_over() {
        return Err(Obstacle::Left {
            left: mib(left),
            before: mib(before),
        });
    }
    Ok(())
}

fn clear_marks(members: &[u32]) {
    for pid in members {
        const REFERENCED: &str = "1";
        match fs::write(format!("/proc/{pid}/clear_refs"), REFERENCED) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(pid, %error, "cannot clear its marks")
            }
            _ => {}
        }
    }
}

/// Bytes that swap would have to take.
fn anonymous(members: &[u32]) -> u64 {
    members.iter().map(|pid| swap::anonymous(*pid)).sum()
}

fn reclaim(group: &Path, asleep: &Spell) -> io::Result<()> {
    if asleep.is_over() {
        return Ok(());
    }
    let version_2 = group.join("memory.reclaim");
    let (file, amount, current) = match version_2.exists() {
        true => (version_2, CHUNK, "memory.current"),
        false => (group.join("memory.force_empty"), 0, "memory.usage_in_bytes"),
    };
    let current = || -> io::Result<u64> {
        let text = fs::read_to_string(group.join(current))?;
        text.trim().parse().map_err(io::Error::other)
    };
    let mut before = current()?;
    while !asleep.is_over() {
        // By counts that may be two seconds old the kernel tells whether to look among what was used lately. For whoever reads
        // them they are brought up to date.
        let _ = fs::read(group.join("memory.stat"));
        match fs::write(&file, amount.to_string()) {
            // Less than was asked for, perhaps nothing.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => done?,
        }
        let after = current()?;
        if before.saturating_sub(after) < LITTLE {
            break;
        }
        before = after;
    }
    Ok(())
}
