//! What so many instances cost in a month, in US dollars.

use serde::Serialize;

use super::{CapacityRequest, Figures, Machine, Range, Use, check_count};
use crate::FleetError;

/// What is asked. Prices are dollars a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostRequest {
    pub instances: u32,
    pub usage: Use,
    /// Where they run, if they run on machines of one's own.
    pub machine: Machine,
    /// Of such a machine, if that is known.
    pub machine_price: Option<f64>,
    pub prices: Prices,
}

/// What Railway charges (<https://docs.railway.com/reference/pricing/plans>).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prices {
    /// A GB of memory.
    pub memory_gb: f64,
    /// A core.
    pub cpu: f64,
    /// The least that is paid, which the first usage is taken from.
    pub subscription: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            memory_gb: 10.0,
            cpu: 20.0,
            subscription: 5.0,
        }
    }
}

/// What they cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    pub instances: u32,
    pub currency: &'static str,
    /// What people usually pay on Railway: one for all, 5, 10, and as many as were asked for.
    pub usual: Vec<Usual>,
    /// By the figures and Railway's prices.
    pub railway: Total,
    pub prices: Prices,
    /// On machines of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnMachines>,
    pub figures: Figures,
    pub assumptions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usual {
    pub instances: u32,
    pub each: Range<f64>,
    pub total: Range<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Total {
    pub each: f64,
    pub total: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OwnMachines {
    pub machines: u64,
    pub each: f64,
    pub total: f64,
}

impl CostRequest {
    /// # Errors
    /// [`FleetError::Invalid`] names what cannot be.
    pub fn plan(&self, figures: Figures) -> Result<Cost, FleetError> {
        check_count("instances", self.instances)?;
        let Prices {
            memory_gb,
            cpu,
            subscription,
        } = self.prices;
        let given = [
            ("memory_price", memory_gb),
            ("cpu_price", cpu),
            ("subscription", subscription),
            ("machine_price", self.machine_price.unwrap_or_default()),
        ];
        for (field, price) in given {
            if !(0.0..=1e6).contains(&price) {
                return Err(FleetError::invalid(field, "must be dollars a month, 0 to 1000000"));
            }
        }
        let fleet = CapacityRequest {
            users: self.instances,
            usage: self.usage,
            machine: self.machine,
        };
        let needed = fleet.plan(figures)?;
        let number = f64::from(self.instances);
        // Nothing is moved to swap there: all of them are awake.
        let memory = needed.figures.memory(self.instances, 0);
        let usage = memory as f64 / 1e9 * memory_gb + needed.own.cpus * cpu;
        let total = usage.max(subscription);
        let own = self.machine_price.map(|price| OwnMachines {
            machines: needed.own.machines,
            each: price * needed.own.machines as f64 / number,
            total: price * needed.own.machines as f64,
        });
        let mut usual: Vec<u32> = vec![1, 5, 10, self.instances];
        usual.sort_unstable();
        usual.dedup();
        let mut assumptions = needed.figures.assumptions();
        assumptions.extend(self.usage.assumptions());
        assumptions.push(
            "what is usual: 5 to 10 dollars for one instance with all channels, 3 to 5 for each of several".to_owned(),
        );
        assumptions.push(format!(
            "Railway: {memory_gb} dollars a GB of memory, {cpu} a core, at least {subscription} in all; traffic and volumes are not in it"
        ));
        if self.usage.asleep > 0 {
            assumptions.push("on Railway all are awake: it has no swap for those asleep".to_owned());
        }
        if own.is_some() {
            let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
            let Machine {
                cpus,
                memory_bytes,
                swap_bytes,
            } = self.machine;
            assumptions.push(format!(
                "a machine of {cpus} cores, {:.0} GiB of memory and {:.0} GiB of swap",
                gib(memory_bytes),
                gib(swap_bytes)
            ));
        }
        assumptions.push("model calls are paid to the model's provider and not in it; see `creel usage`".to_owned());
        Ok(Cost {
            instances: self.instances,
            currency: "USD",
            usual: usual.into_iter().map(Usual::of).collect(),
            railway: Total {
                each: total / number,
                total,
            },
            prices: self.prices,
            own,
            figures: needed.figures,
            assumptions,
        })
    }
}

impl Usual {
    fn of(instances: u32) -> Self {
        let each = match instances {
            1 => Range { low: 5.0, high: 10.0 },
            _ => Range { low: 3.0, high: 5.0 },
        };
        let number = f64::from(instances);
        Self {
            instances,
            each,
            total: Range {
                low: each.low * number,
                high: each.high * number,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use creel_records::Runtime;

    use super::*;

    fn request(instances: u32) -> CostRequest {
        CostRequest {
            instances,
            usage: Use::default(),
            machine: Machine {
                cpus: 4,
                memory_bytes: 16 << 30,
                swap_bytes: 0,
            },
            machine_price: None,
            prices: Prices::default(),
        }
    }

    #[test]
    fn what_is_usual_is_the_table() {
        let cost = request(10).plan(Figures::from_bench(Runtime::Native)).unwrap();
        let totals: Vec<_> = cost
            .usual
            .iter()
            .map(|row| (row.instances, row.total.low, row.total.high))
            .collect();
        assert_eq!(totals, [(1, 5.0, 10.0), (5, 15.0, 25.0), (10, 30.0, 50.0)]);
        assert_eq!(cost.own, None);
    }

    #[test]
    fn usage_is_priced_by_the_figures_and_never_below_the_subscription() {
        let native = request(10).plan(Figures::from_bench(Runtime::Native)).unwrap().railway;
        assert_eq!((native.total, native.each), (5.0, 0.5));
        let openclaw = request(10)
            .plan(Figures::from_bench(Runtime::Openclaw))
            .unwrap()
            .railway;
        // 8.82 GB of memory, and 10 x 20 turns of 0.33 s an hour.
        let expected = 8.818_524_16 * 10.0 + 10.0 * 20.0 * 0.33 / 3_600.0 * 20.0;
        assert!(
            (openclaw.total - expected).abs() < 0.01,
            "{} is not {expected}",
            openclaw.total
        );
    }

    #[test]
    fn who_sleeps_saves_machines_of_ones_own_and_nothing_on_railway() {
        let mut awake = request(50);
        (awake.machine_price, awake.machine.swap_bytes) = (Some(40.0), 64 << 30);
        let mut asleep = awake;
        asleep.usage.asleep = 90;
        let cost = |asked: CostRequest| asked.plan(Figures::from_bench(Runtime::Openclaw)).unwrap();
        let (awake, asleep) = (cost(awake), cost(asleep));
        assert_eq!(awake.railway, asleep.railway);
        let machines = |cost: Cost| cost.own.unwrap().machines;
        // 12 GiB for 841 MiB each; or 76 GiB for as much.
        assert_eq!((machines(awake), machines(asleep)), (4, 1));
    }

    #[test]
    fn machines_of_ones_own_are_counted_whole() {
        let mut own = request(50);
        own.machine_price = Some(40.0);
        let cost = own.plan(Figures::from_bench(Runtime::Openclaw)).unwrap().own.unwrap();
        // 14 on each: 12 GiB for 841 MiB.
        assert_eq!((cost.machines, cost.total, cost.each), (4, 160.0, 3.2));
        own.prices.cpu = -1.0;
        assert!(own.plan(Figures::from_bench(Runtime::Native)).is_err());
    }
}
