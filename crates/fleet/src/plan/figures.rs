//! What one instance needs.

use creel_records::{Runtime, Status};
use serde::Serialize;

use crate::Fleet;

/// What one instance needs, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    pub runtime: Runtime,
    /// Of an instance that is awake.
    pub memory_bytes: u64,
    /// What is left in memory of one that is asleep; the rest is in swap.
    pub asleep_bytes: u64,
    /// Instances asleep that were measured.
    pub asleep_measured: usize,
    /// Cores that an instance uses on average, turns and all; absent where none was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// CPU time of a turn, in milliseconds.
    pub turn_cpu_ms: f64,
    /// Instances that were measured; 0: these are figures from elsewhere.
    pub measured: usize,
    pub source: String,
}

const MIB: f64 = 1_048_576.0;

impl Figures {
    /// What `make bench` measured (README.md, Measured; what is left asleep: docs/decisions/0017), for where nothing runs that could be
    /// measured.
    #[must_use]
    pub fn from_bench(runtime: Runtime) -> Self {
        let (memory, asleep, turn_cpu_ms) = match runtime {
            // Alone. Of many, each needs less: they share the program.
            Runtime::Native => (4.2, 4.2, 0.13),
            Runtime::Openclaw => (841.0, 33.0, 330.0),
        };
        Self {
            runtime,
            memory_bytes: (memory * MIB) as u64,
            asleep_bytes: (asleep * MIB) as u64,
            asleep_measured: 0,
            cpus: None,
            turn_cpu_ms,
            measured: 0,
            source: format!(
                "no {runtime} instance runs here to be measured: figures of one idle instance from `make bench` on 4 cores, upstream \
                 2026.9.6"
            ),
        }
    }

    /// Of instances that were measured: memory in bytes and cores of those awake, one pair each; memory of those asleep.
    #[must_use]
    pub fn measured(runtime: Runtime, awake: &[(u64, f64)], asleep: &[u64]) -> Option<Self> {
        let cpus = awake.iter().map(|(_, cpus)| cpus).sum::<f64>() / awake.len() as f64;
        let memory_bytes = median(awake.iter().map(|(bytes, _)| *bytes))?;
        let bench = Self::from_bench(runtime);
        let of_asleep = median(asleep.iter().copied());
        let instances = match awake.len() {
            1 => format!("1 {runtime} instance of this fleet, which runs: its memory, and its CPU of the last minutes"),
            many => format!(
                "{many} running {runtime} instances of this fleet: the median of their memory, the mean of their CPU of the last minutes"
            ),
        };
        Some(Self {
            memory_bytes,
            asleep_bytes: of_asleep.unwrap_or(bench.asleep_bytes).min(memory_bytes),
            asleep_measured: asleep.len(),
            cpus: Some(cpus),
            measured: awake.len(),
            source: instances,
            ..bench
        })
    }

    /// Cores of an instance that takes so many turns an hour: what was measured, or what the turns need, whichever is more.
    pub(super) fn cores(&self, turns: u32) -> f64 {
        let of_turns = f64::from(turns) * self.turn_cpu_ms / 1_000.0 / 3_600.0;
        self.cpus.unwrap_or_default().max(of_turns)
    }

    /// Memory of so many instances, where swap takes the rest of those asleep.
    pub(super) fn memory(&self, instances: u32, asleep_per_cent: u32) -> u64 {
        let asleep = asleep(instances, asleep_per_cent);
        let awake = u64::from(instances) - asleep;
        awake * self.memory_bytes + asleep * self.asleep_bytes
    }

    /// What those asleep have in swap.
    pub(super) fn swap(&self, instances: u32, asleep_per_cent: u32) -> u64 {
        asleep(instances, asleep_per_cent) * (self.memory_bytes - self.asleep_bytes)
    }

    pub(super) fn assumptions(&self) -> Vec<String> {
        let mut said = vec![format!("one instance: {}", self.source)];
        let kept = format!(
            "an {} instance asleep keeps {:.0} MiB in memory and has {:.0} MiB in swap",
            self.runtime,
            self.asleep_bytes as f64 / MIB,
            (self.memory_bytes - self.asleep_bytes) as f64 / MIB
        );
        said.push(match (self.runtime, self.asleep_measured) {
            (Runtime::Native, 0) => "a native instance asleep keeps what it has: it is small anyway".to_owned(),
            (Runtime::Openclaw, 0) => format!("{kept} (`make bench ARGS=\"--only asleep\"`, soon after its start)"),
            (_, 1) => format!("{kept}: measured of the one that is asleep"),
            (_, measured) => format!("{kept}: the median of the {measured} that are asleep"),
        });
        said.push(format!(
            "a turn takes {} ms of CPU (`make bench`); tools and the model's own time are not in it",
            self.turn_cpu_ms
        ));
        said
    }
}

fn median(bytes: impl Iterator<Item = u64>) -> Option<u64> {
    let mut sorted: Vec<u64> = bytes.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

fn asleep(instances: u32, per_cent: u32) -> u64 {
    u64::from(instances) * u64::from(per_cent) / 100
}

impl Fleet {
    /// What an instance of this runtime needs, by those that run.
    #[must_use]
    pub fn figures(&self, runtime: Runtime) -> Figures {
        let (mut awake, mut asleep) = (Vec::new(), Vec::new());
        for instance in self.list().into_iter().filter(|one| one.runtime == runtime) {
            let Some(memory) = instance.memory_used_bytes else {
                continue;
            };
            match instance.status {
                Status::Running => {
                    let samples = self.stats(&instance.id);
                    let percent: f64 = samples.iter().map(|sample| f64::from(sample.cpu_percent)).sum();
                    awake.push((memory, percent / samples.len() as f64 / 100.0));
                }
                // One whose memory stays where it was says why.
                Status::Sleeping if instance.message.is_none() => asleep.push(memory),
                _ => {}
            }
        }
        Figures::measured(runtime, &awake, &asleep).unwrap_or_else(|| Figures::from_bench(runtime))
    }
}
