//! Five minutes of an instance as one sample: in memory, and as a line of a file.

use crate::{InstanceId, Sample};

/// What one slot stands for, in milliseconds.
pub const SLOT_MS: i64 = 5 * 60_000;
/// Slots of a day: 7 KiB an instance.
pub const SLOTS: usize = 24 * 60 / 5;
pub const DAY_MS: i64 = SLOT_MS * SLOTS as i64;

/// Some minutes: the mean of the processor time, the most memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// Milliseconds since the Unix epoch, of which it is a multiple.
    pub began_ms: i64,
    pub measured: u32,
    pub cpu_percent: f32,
    pub memory_bytes: u64,
}

impl Slot {
    pub fn of(sample: &Sample) -> Self {
        Self {
            began_ms: sample.at_ms - sample.at_ms.rem_euclid(SLOT_MS),
            measured: 1,
            cpu_percent: sample.cpu_percent,
            memory_bytes: sample.memory_bytes,
        }
    }

    pub fn add(&mut self, sample: &Sample) {
        self.measured += 1;
        self.cpu_percent += (sample.cpu_percent - self.cpu_percent) / self.measured as f32;
        self.memory_bytes = self.memory_bytes.max(sample.memory_bytes);
    }

    pub fn sample(&self) -> Sample {
        Sample {
            at_ms: self.began_ms,
            cpu_percent: self.cpu_percent,
            memory_bytes: self.memory_bytes,
        }
    }

    /// `alice 150 2.5 4194304`: how often it was measured, its CPU, its memory. The file knows when.
    pub fn line(&self, id: &InstanceId) -> String {
        format!("{id} {} {} {}\n", self.measured, self.cpu_percent, self.memory_bytes)
    }

    /// Nothing where this is no such line.
    pub fn parse(began_ms: i64, line: &str) -> Option<(&str, Self)> {
        let mut words = line.split(' ');
        let id = words.next()?;
        let slot = Self {
            began_ms,
            measured: words.next()?.parse().ok().filter(|measured| *measured > 0)?,
            cpu_percent: words.next()?.parse().ok().filter(|cpu: &f32| cpu.is_finite())?,
            memory_bytes: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some((id, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_a_slot_is_and_anything_else_is_none() {
        let id = InstanceId::new("alice").expect("an id");
        let slot = Slot {
            began_ms: SLOT_MS,
            measured: 3,
            cpu_percent: 0.1 + 0.2,
            memory_bytes: u64::MAX,
        };
        let line = slot.line(&id);
        assert_eq!(Slot::parse(SLOT_MS, line.trim_end()), Some(("alice", slot)));
        for broken in [
            "",
            "alice",
            "alice 1 2",
            "alice 1 2 3 4",
            "alice 0 2 3",
            "alice 1 NaN 3",
            "alice 1 2 -3",
        ] {
            assert_eq!(Slot::parse(0, broken), None, "{broken:?}");
        }
    }
}
