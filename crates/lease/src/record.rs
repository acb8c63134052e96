//! What a lease's file says, and what follows from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::process::Process;

/// The one line of a lease's file. It stays when the lease is released, so that the epoch only grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub v: u32,
    pub name: String,
    pub epoch: u64,
    /// `None`: released.
    pub held: Option<Held>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub holder: String,
    /// On the since-boot clock: what counts among processes that share it.
    pub deadline_boot_ms: u64,
    /// On the wall clock: what counts after a reboot, or on another machine.
    pub deadline_unix_ms: u64,
    pub process: Process,
}

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub boot: Duration,
    pub wall: Duration,
}

pub(crate) const VERSION: u32 = 1;

impl Record {
    /// The epoch for the next owner: one more than before and than the `floor`, but at least the milliseconds since 1970. An
    /// epoch is thus not used again if the file is lost, restored from a backup, or set back by a power cut, which would
    /// lock everybody out of what has seen a newer one; the floor says it where the clock was set back too.
    pub fn next_epoch(previous: Option<&Self>, floor: u64, now: Now) -> u64 {
        previous
            .map_or(0, |record| record.epoch)
            .max(floor)
            .saturating_add(1)
            .max(millis(now.wall))
    }

    /// How much longer the holder has; `None` if nobody holds the lease any more.
    pub fn remaining(&self, now: Now, viewer: &Process) -> Option<(&Held, Duration)> {
        let held = self.held.as_ref()?;
        let (deadline, clock) = if viewer.shares_clock(&held.process) {
            (held.deadline_boot_ms, now.boot)
        } else {
            (held.deadline_unix_ms, now.wall)
        };
        let left = Duration::from_millis(deadline)
            .checked_sub(clock)
            .filter(|left| !left.is_zero())?;
        (!viewer.sees_gone(&held.process)).then_some((held, left))
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now {
        boot: Duration::from_secs(100),
        wall: Duration::from_secs(1_000_000),
    };

    fn record(boot_s: u64, unix_s: u64, process: Process) -> Record {
        let held = Held {
            holder: "a".into(),
            deadline_boot_ms: boot_s * 1000,
            deadline_unix_ms: unix_s * 1000,
            process,
        };
        Record {
            v: VERSION,
            name: "n".into(),
            epoch: 7,
            held: Some(held),
        }
    }

    #[test]
    fn one_boot_goes_by_the_clock_that_nobody_can_set() {
        let me = Process::current();
        let far = record(110, 0, me.clone());
        assert_eq!(far.remaining(NOW, &me).unwrap().1, Duration::from_secs(10));
        let past = record(100, u64::MAX / 1000, me.clone());
        assert!(past.remaining(NOW, &me).is_none());
    }

    #[test]
    fn another_boot_goes_by_the_wall_clock() {
        let me = Process::current();
        let other = Process {
            boot: "another".into(),
            ..me.clone()
        };
        assert_eq!(
            record(0, 1_000_010, other.clone()).remaining(NOW, &me).unwrap().1,
            Duration::from_secs(10)
        );
        assert!(record(9_999, 1_000_000, other).remaining(NOW, &me).is_none());
    }

    #[test]
    fn a_dead_holder_holds_nothing() {
        let me = Process::current();
        let dead = Process {
            started: me.started + 1,
            ..me.clone()
        };
        assert!(record(110, 1_000_010, dead).remaining(NOW, &me).is_none());
    }

    #[test]
    fn epochs_grow_past_the_file_and_past_its_loss() {
        let me = Process::current();
        assert_eq!(Record::next_epoch(None, 7, NOW), 1_000_000_000);
        assert_eq!(Record::next_epoch(None, 3_000_000_000, NOW), 3_000_000_001);
        assert_eq!(
            Record::next_epoch(Some(&record(0, 0, me.clone())), 0, NOW),
            1_000_000_000
        );
        let ahead = Record {
            epoch: 2_000_000_000,
            ..record(0, 0, me)
        };
        assert_eq!(Record::next_epoch(Some(&ahead), 0, NOW), 2_000_000_001);
        assert_eq!(Record::next_epoch(Some(&ahead), 3_000_000_000, NOW), 3_000_000_001);
    }
}
