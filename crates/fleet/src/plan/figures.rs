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
    pub asleep_bytes: u64,
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
            cpus: None,
            turn_cpu_ms,
            measured: 0,
            source: format!(
                "no {runtime} instance runs here to be measured: figures of one idle instance from `make bench` on 4 cores, upstream \
                 2026.9.6"
            ),
        }
    }

    /// Of instances that were measured: memory in bytes and cores, one pair each.
    #[must_use]
    pub fn measured(runtime: Runtime, each: &[(u64, f64)]) -> Option<Self> {
        let mut memory: Vec<u64> = each.iter().map(|(bytes, _)| *bytes).collect();
        memory.sort_unstable();
        let cpus = each.iter().map(|(_, cpus)| cpus).sum::<f64>() / each.len() as f64;
        let median = *memory.get(memory.len() / 2)?;
        let bench = Self::from_bench(runtime);
        Some(Self {
            memory_bytes: median,
            asleep_bytes: bench.asleep_bytes.min(median),
            cpus: Some(cpus),
            measured: each.len(),
            source: format!(
                "{} running {runtime} instances of this fleet: the median of their memory, the mean of their CPU of the last minutes",
                each.len()
            ),
            ..bench
        })
    }

    /// Cores of an instance that takes so many turns an hour: what was measured, or what the turns need, whichever is more.
    pub(super) fn cores(&self, turns: u32) -> f64 {
        let of_turns = f64::from(turns) * self.turn_cpu_ms / 1_000.0 / 3_600.0;
        self.cpus.unwrap_or_default().max(of_turns)
    }

    /// Memory of so many instances.
    pub(super) fn memory(&self, instances: u32, asleep_per_cent: u32) -> u64 {
        let asleep = u64::from(instances) * u64::from(asleep_per_cent) / 100;
        let awake = u64::from(instances) - asleep;
        awake * self.memory_bytes + asleep * self.asleep_bytes
    }

    pub(super) fn assumptions(&self) -> Vec<String> {
        let mut said = vec![format!("one instance: {}", self.source)];
        let asleep = match self.runtime {
            Runtime::Native => "a native instance asleep keeps what it has: it is small anyway".to_owned(),
            Runtime::Openclaw => format!(
                "an openclaw instance asleep keeps {:.0} MiB, where the host has swap (`make bench ARGS=\"--only asleep\"`, soon after its \
                 start)",
                self.asleep_bytes as f64 / MIB
            ),
        };
        said.push(asleep);
        said.push(format!(
            "a turn takes {} ms of CPU (`make bench`); tools and the model's own time are not in it",
            self.turn_cpu_ms
        ));
        said
    }
}

impl Fleet {
    /// What an instance of this runtime needs, by those that run.
    #[must_use]
    pub fn figures(&self, runtime: Runtime) -> Figures {
        let running = self
            .list()
            .into_iter()
            .filter(|one| one.runtime == runtime && one.status == Status::Running);
        let each: Vec<(u64, f64)> = running
            .filter_map(|instance| {
                let samples = self.stats(&instance.id);
                let percent: f64 = samples.iter().map(|sample| f64::from(sample.cpu_percent)).sum();
                Some((instance.memory_used_bytes?, percent / samples.len() as f64 / 100.0))
            })
            .collect();
        Figures::measured(runtime, &each).unwrap_or_else(|| Figures::from_bench(runtime))
    }
}
