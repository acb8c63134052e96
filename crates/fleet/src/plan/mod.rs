//! How many instances need how much, and what that costs: `creel plan capacity` and `creel plan cost`.
//!
//! Arithmetic alone, on figures that are handed in: those of the fleet at hand ([`crate::Fleet::figures`]), or where nothing runs
//! those that were measured elsewhere, with their source. Everything that was assumed is said with the answer.

mod capacity;
mod cost;
mod figures;

use serde::Serialize;

pub use capacity::{Capacity, CapacityRequest};
pub use cost::{Cost, CostRequest, Prices};
pub use figures::Figures;

use crate::{FleetError, procfs};

/// From, to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range<T> {
    pub low: T,
    pub high: T,
}

/// A machine that instances run on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Machine {
    pub cpus: u32,
    pub memory_bytes: u64,
    pub swap_bytes: u64,
}

impl Machine {
    /// The one that this runs on.
    #[must_use]
    pub fn this() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            memory_bytes: procfs::host_memory().map_or(0, |(_, total)| total),
            swap_bytes: procfs::swap().map_or(0, |(total, _)| total),
        }
    }
}

/// How the instances of a fleet are used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Use {
    /// Per cent of the instances that are asleep at a time.
    pub asleep: u32,
    /// Turns of one instance in an hour.
    pub turns: u32,
    /// Per cent of a machine that is kept free: for the host itself, and for peaks.
    pub spare: u32,
}

impl Default for Use {
    fn default() -> Self {
        Self {
            asleep: 0,
            turns: 20,
            spare: 25,
        }
    }
}

impl Use {
    fn check(self) -> Result<(), FleetError> {
        if self.asleep > 100 {
            return Err(FleetError::invalid("asleep", "must be 0 to 100 per cent"));
        }
        if self.spare > 90 {
            return Err(FleetError::invalid("spare", "must be 0 to 90 per cent"));
        }
        if self.turns > 100_000 {
            return Err(FleetError::invalid("turns", "must be at most 100000 an hour"));
        }
        Ok(())
    }

    fn assumptions(self) -> Vec<String> {
        vec![
            format!(
                "{} turns an hour in each instance, {} % of the instances asleep at a time",
                self.turns, self.asleep
            ),
            format!(
                "{} % of a machine is kept free for the host itself and for peaks",
                self.spare
            ),
        ]
    }
}

/// More is no plan.
pub const MOST: u32 = 1_000_000;

fn check_count(field: &'static str, count: u32) -> Result<(), FleetError> {
    match count {
        1..=MOST => Ok(()),
        _ => Err(FleetError::invalid(field, format!("must be 1 to {MOST}"))),
    }
}
