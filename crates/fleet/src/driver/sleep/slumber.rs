//! The slumber of one instance, from sleep to wake and again: what is done for one of them leaves off when the next begins.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::read_ahead::read_ahead;
use crate::directory::InstanceDirectory;
use crate::driver::Later;

/// Falls asleep and wakes again and again.
pub struct Slumber {
    directory: InstanceDirectory,
    /// How often it fell asleep and was woken, in all: odd while it sleeps.
    turns: Arc<AtomicU64>,
}

/// One time asleep, or awake.
pub struct Spell {
    pub(super) directory: InstanceDirectory,
    turns: Arc<AtomicU64>,
    turn: u64,
}

impl Spell {
    pub fn is_over(&self) -> bool {
        self.turns.load(Ordering::Acquire) != self.turn
    }

    /// Which wake of this control plane's this is, from 1 on.
    pub fn wake(&self) -> u64 {
        self.turn / 2
    }

    /// Whether this control plane woke it before: what it has in memory is what it needed since then.
    pub fn follows_another(&self) -> bool {
        self.turn > 1
    }
}

impl Slumber {
    /// Of one that is awake, or whose sleep began under an earlier control plane.
    pub fn new(directory: InstanceDirectory) -> Self {
        Self {
            directory,
            turns: Arc::default(),
        }
    }

    /// It falls asleep, if it does not sleep already.
    pub fn begins(&self) -> Spell {
        self.spell(self.turns.fetch_or(1, Ordering::AcqRel) | 1)
    }

    /// It is about to go on. What its last wake needed is read ahead, if it did sleep; nobody waits for that. `answered` comes true
    /// once it answers.
    pub fn ends(&self, answered: impl FnOnce() -> Later<()>) {
        let next = |turn: u64| (turn % 2 == 1).then_some(turn + 1);
        if let Ok(asleep) = self.turns.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            read_ahead(self.spell(asleep + 1), answered());
        }
    }

    /// It is to end, or to go on without more ado: whatever is being done for it leaves off.
    pub fn leave_off(&self) {
        let next = |turn: u64| Some((turn | 1) + 1);
        let _ = self.turns.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    fn spell(&self, turn: u64) -> Spell {
        Spell {
            directory: self.directory.clone(),
            turns: self.turns.clone(),
            turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Later<()> {
        Box::pin(std::future::ready(()))
    }

    #[tokio::test]
    async fn what_is_done_for_a_sleep_is_over_when_it_wakes_or_ends() {
        let home = tempfile::tempdir().unwrap();
        let slumber = Slumber::new(InstanceDirectory::new(home.path().to_owned()));
        slumber.ends(soon);
        let first = slumber.begins();
        let same = slumber.begins();
        assert!(!first.is_over() && !same.is_over(), "it is the same sleep");
        assert!(!first.follows_another(), "nobody saw it wake");
        slumber.ends(soon);
        assert!(first.is_over() && same.is_over());
        let second = slumber.begins();
        assert!(second.follows_another() && !second.is_over() && first.is_over());
        slumber.leave_off();
        assert!(second.is_over());
        let third = slumber.begins();
        slumber.leave_off();
        slumber.leave_off();
        assert!(third.is_over() && !slumber.begins().is_over());
    }
}
