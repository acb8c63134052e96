//! How many gateways so many users need, and whether a machine holds them.

use serde::Serialize;

use super::{Figures, Machine, Range, Use, check_count};
use crate::FleetError;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CapacityRequest {
    /// Who are there at the same time.
    pub users: u32,
    pub usage: Use,
    pub machine: Machine,
}

/// What they need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    pub users: u32,
    /// Where they share gateways.
    pub shared: Shared,
    /// Where each has an instance of their own.
    pub own: Own,
    pub machine: Machine,
    pub figures: Figures,
    pub assumptions: Vec<String>,
}

/// Gateways for many, behind one door: a common rule of thumb, and no measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shared {
    pub gateways: Range<u32>,
    pub redis: &'static str,
    /// Of each gateway.
    pub cpus: u32,
    pub memory_bytes: u64,
}

/// An instance for everybody, by the figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Own {
    pub instances: u32,
    pub memory_bytes: u64,
    /// What those asleep have in swap.
    pub swap_bytes: u64,
    pub cpus: f64,
    /// How many instances one such machine holds.
    pub on_one_machine: u64,
    /// What ends first.
    pub bound_by: &'static str,
    /// How many such machines hold them all.
    pub machines: u64,
}

impl CapacityRequest {
    /// # Errors
    /// [`FleetError::Invalid`] names what cannot be.
    pub fn plan(&self, figures: Figures) -> Result<Capacity, FleetError> {
        check_count("users", self.users)?;
        self.usage.check()?;
        if self.machine.cpus == 0 || self.machine.memory_bytes < 1 << 26 {
            return Err(FleetError::invalid("machine", "must have a core and 64 MiB at least"));
        }
        let mut assumptions = figures.assumptions();
        assumptions.extend(self.usage.assumptions());
        if self.usage.asleep > 0 {
            assumptions.push(format!(
                "a machine has {:.1} GiB of swap; what of those asleep does not fit in there stays in memory",
                self.machine.swap_bytes as f64 / GIB as f64
            ));
        }
        assumptions.push("gateways for many: the usual rule by concurrent users, not measured here".to_owned());
        assumptions.push("models answer as fast as they are asked: mostly they are what ends first".to_owned());
        Ok(Capacity {
            users: self.users,
            shared: Shared::of(self.users),
            own: self.own(&figures),
            machine: self.machine,
            figures,
            assumptions,
        })
    }

    fn own(&self, figures: &Figures) -> Own {
        let Use { asleep, turns, spare } = self.usage;
        let part = f64::from(100 - spare) / 100.0;
        let room = (self.machine.memory_bytes as f64 * part) as u64;
        // Of a hundred: whole shares of those asleep.
        let memory_of_100 = figures.memory(100, asleep).max(1);
        let by_memory = u128::from(room) * 100 / u128::from(memory_of_100);
        let cores = figures.cores(turns);
        let by_cpus = f64::from(self.machine.cpus) * part / cores.max(f64::MIN_POSITIVE);
        let by_memory = u64::try_from(by_memory).unwrap_or(u64::MAX);
        let by_cpus = by_cpus as u64;
        // What is not in swap is in memory: together they hold all of every instance, awake or asleep.
        let by_swap = (room + self.machine.swap_bytes) / figures.memory_bytes.max(1);
        let bounds = [(by_memory, "memory"), (by_swap, "swap"), (by_cpus, "cpus")];
        // Where nobody sleeps there is nothing for swap to hold.
        let counted = bounds.into_iter().filter(|(_, what)| *what != "swap" || asleep > 0);
        let (on_one_machine, bound_by) = counted.min_by_key(|(number, _)| *number).unwrap_or_default();
        Own {
            instances: self.users,
            memory_bytes: figures.memory(self.users, asleep),
            swap_bytes: figures.swap(self.users, asleep),
            cpus: cores * f64::from(self.users),
            on_one_machine,
            bound_by,
            // One that holds none holds none however many there are; it is said by the number of one machine.
            machines: u64::from(self.users).div_ceil(on_one_machine.max(1)),
        }
    }
}

const GIB: u64 = 1 << 30;

impl Shared {
    /// By concurrent users: below 50, to 200, to 1,000, and beyond.
    fn of(users: u32) -> Self {
        let (low, high, redis, size) = match users {
            0..50 => (1, 1, "none", 1),
            50..=200 => (2, 3, "one node", 2),
            201..=1_000 => (3, 5, "with Sentinel", 4),
            // As many for each user as at the end of the row before.
            _ => (5.max(users.div_ceil(400)), 5.max(users.div_ceil(200)), "Cluster", 8),
        };
        Self {
            gateways: Range { low, high },
            redis,
            cpus: size,
            memory_bytes: u64::from(size) * GIB,
        }
    }
}

#[cfg(test)]
mod tests {
    use creel_records::Runtime;

    use super::*;

    fn request(users: u32) -> CapacityRequest {
        CapacityRequest {
            users,
            usage: Use::default(),
            machine: Machine {
                cpus: 4,
                memory_bytes: 8 * GIB,
                swap_bytes: 64 * GIB,
            },
        }
    }

    fn shared(users: u32) -> (u32, u32, &'static str, u32) {
        let shared = Shared::of(users);
        (shared.gateways.low, shared.gateways.high, shared.redis, shared.cpus)
    }

    #[test]
    fn gateways_for_many_by_the_rule() {
        assert_eq!(shared(49), (1, 1, "none", 1));
        assert_eq!(shared(50), (2, 3, "one node", 2));
        assert_eq!(shared(200), (2, 3, "one node", 2));
        assert_eq!(shared(1_000), (3, 5, "with Sentinel", 4));
        assert_eq!(shared(1_001), (5, 6, "Cluster", 8));
        assert_eq!(shared(10_000), (25, 50, "Cluster", 8));
    }

    #[test]
    fn what_ends_first_bounds_a_machine() {
        let openclaw = request(50).plan(Figures::from_bench(Runtime::Openclaw)).unwrap().own;
        // 6 GiB for 841 MiB each.
        assert_eq!(
            (openclaw.on_one_machine, openclaw.bound_by, openclaw.machines),
            (7, "memory", 8)
        );
        let mut asleep = request(50);
        asleep.usage.asleep = 90;
        let asleep = asleep.plan(Figures::from_bench(Runtime::Openclaw)).unwrap().own;
        // A tenth of 841 MiB each, and nine tenths of 33; the rest of those 45 in swap.
        assert_eq!((asleep.on_one_machine, asleep.machines), (53, 1));
        assert_eq!(
            (asleep.bound_by, asleep.swap_bytes),
            ("memory", 45 * ((841 - 33) << 20))
        );
        for (swap, held) in [(0, 7), (16 * GIB, 26)] {
            let mut little = request(50);
            (little.usage.asleep, little.machine.swap_bytes) = (90, swap);
            let own = little.plan(Figures::from_bench(Runtime::Openclaw)).unwrap().own;
            // 6 GiB and the swap for 841 MiB each.
            assert_eq!((own.on_one_machine, own.bound_by), (held, "swap"));
        }
        let mut busy = request(50);
        busy.usage.turns = 3_600;
        let busy = busy.plan(Figures::from_bench(Runtime::Native)).unwrap().own;
        assert_eq!((busy.bound_by, busy.machines), ("memory", 1));
        let used = Figures::measured(Runtime::Native, &[(4 << 20, 0.5), (5 << 20, 1.0), (90 << 20, 1.5)], &[]).unwrap();
        assert_eq!((used.memory_bytes, used.cpus), (5 << 20, Some(1.0)));
        let own = request(50).plan(used).unwrap().own;
        assert_eq!((own.on_one_machine, own.bound_by, own.machines), (3, "cpus", 17));
    }

    #[test]
    fn what_cannot_be_is_refused_by_field() {
        let refused = |request: CapacityRequest| match request.plan(Figures::from_bench(Runtime::Native)) {
            Err(FleetError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(request(0)), "users");
        assert_eq!(refused(request(u32::MAX)), "users");
        let mut asleep = request(1);
        asleep.usage.asleep = 101;
        assert_eq!(refused(asleep), "asleep");
        let mut none = request(1);
        none.machine.cpus = 0;
        assert_eq!(refused(none), "machine");
    }
}
