//! How much of the host each instance uses, as a short history. Drivers do the measuring.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::driver::Usage;
use crate::{HostSample, InstanceId, Sample, procfs};

/// Samples kept of each instance and of the host: ten minutes and more.
const KEPT: usize = 300;

/// The time between two measurements: two seconds, and longer where there is more to measure.
pub fn interval(instances: usize) -> Duration {
    Duration::from_secs(2) + Duration::from_millis(4) * u32::try_from(instances).unwrap_or(u32::MAX).min(10_000)
}

#[derive(Default)]
pub struct Stats(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    instances: BTreeMap<InstanceId, History>,
    host: VecDeque<HostSample>,
    host_ticks: Option<(u64, u64)>,
}

#[derive(Default)]
struct History {
    samples: VecDeque<Sample>,
    /// The last measurement: life, processor time, when.
    last: Option<(u64, Duration, Instant)>,
}

fn push<T>(ring: &mut VecDeque<T>, sample: T) {
    if ring.len() == KEPT {
        ring.pop_front();
    }
    ring.push_back(sample);
}

impl Stats {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn instance(&self, id: &InstanceId) -> Vec<Sample> {
        self.kept()
            .instances
            .get(id)
            .map(|history| history.samples.iter().copied().collect())
            .unwrap_or_default()
    }

    pub fn latest(&self, id: &InstanceId) -> Option<Sample> {
        self.kept().instances.get(id)?.samples.back().copied()
    }

    pub fn host(&self) -> Vec<HostSample> {
        self.kept().host.iter().copied().collect()
    }

    pub fn forget(&self, id: &InstanceId) {
        self.kept().instances.remove(id);
    }

    /// Takes in what was measured just now, and measures the host.
    pub fn take(&self, measured: &[(InstanceId, Usage)], at_ms: i64) {
        let now = Instant::now();
        let host = procfs::host_ticks().zip(procfs::host_memory());
        let (mut instances_cpu_percent, mut instances_memory_bytes) = (0.0, 0);
        let mut kept = self.kept();
        for (id, usage) in measured {
            let history = kept.instances.entry(id.clone()).or_default();
            let cpu_percent = match history.last {
                Some((life, before, when)) if life == usage.life => {
                    percent(usage.cpu.saturating_sub(before), now - when)
                }
                _ => 0.0,
            };
            instances_cpu_percent += cpu_percent;
            instances_memory_bytes += usage.memory_bytes;
            history.last = Some((usage.life, usage.cpu, now));
            push(
                &mut history.samples,
                Sample {
                    at_ms,
                    cpu_percent,
                    memory_bytes: usage.memory_bytes,
                },
            );
        }
        if let Some(((busy, all), (memory_used_bytes, memory_total_bytes))) = host {
            // CPU use is known from the second look on.
            let Some((busy_before, all_before)) = kept.host_ticks.replace((busy, all)) else {
                return;
            };
            let cpu_percent = match all.saturating_sub(all_before) {
                0 => 0.0,
                passed => busy.saturating_sub(busy_before) as f32 / passed as f32 * 100.0,
            };
            push(
                &mut kept.host,
                HostSample {
                    at_ms,
                    cpu_percent,
                    memory_used_bytes,
                    memory_total_bytes,
                    instances_cpu_percent,
                    instances_memory_bytes,
                },
            );
        }
    }
}

/// Per cent of one core.
fn percent(spent: Duration, within: Duration) -> f32 {
    if within.is_zero() {
        return 0.0;
    }
    (spent.as_secs_f64() / within.as_secs_f64() * 100.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_bounded_and_knows_one_life_from_the_next() {
        let stats = Stats::default();
        let id = InstanceId::new("alice").expect("an id");
        let usage = |life, seconds| {
            let usage = Usage {
                life,
                cpu: Duration::from_secs(seconds),
                memory_bytes: 1 << 20,
            };
            [(id.clone(), usage)]
        };
        for at_ms in 0..(KEPT as i64 + 5) {
            stats.take(&usage(1, at_ms as u64), at_ms);
        }
        let samples = stats.instance(&id);
        assert_eq!((samples.len(), samples[0].at_ms), (KEPT, 5));
        assert!(
            samples
                .iter()
                .all(|sample| sample.memory_bytes == 1 << 20 && sample.cpu_percent > 0.0)
        );
        assert_eq!(stats.host().len(), KEPT);
        assert_eq!(stats.latest(&id), samples.last().copied());
        stats.take(&usage(2, 1), 1000);
        assert_eq!(
            stats.latest(&id).expect("a sample").cpu_percent,
            0.0,
            "it has begun anew"
        );
        stats.forget(&id);
        assert!(stats.instance(&id).is_empty());
    }
}
