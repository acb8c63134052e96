//! How much of the host each instance uses: the last minutes as they were measured, the last day in fewer samples. Drivers do the
//! measuring. It is kept in memory, and begins anew with the control plane.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::driver::Usage;
use crate::{HostSample, InstanceId, Sample, procfs};

/// Samples kept of each instance and of the host: ten minutes and more.
const KEPT: usize = 300;
/// What one sample of the day stands for, in milliseconds: 7 KiB an instance.
const SLOT_MS: i64 = 5 * 60_000;
const SLOTS: usize = 24 * 60 / 5;

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
    /// Of the last day; the slot that has not ended comes last.
    day: VecDeque<Slot>,
    /// The last measurement: life, processor time, when.
    last: Option<(u64, Duration, Instant)>,
}

/// Some minutes: the mean of the processor time, the most memory.
struct Slot {
    began_ms: i64,
    measured: u32,
    cpu_percent: f32,
    memory_bytes: u64,
}

impl Slot {
    fn of(sample: &Sample) -> Self {
        Self {
            began_ms: sample.at_ms - sample.at_ms.rem_euclid(SLOT_MS),
            measured: 1,
            cpu_percent: sample.cpu_percent,
            memory_bytes: sample.memory_bytes,
        }
    }

    fn add(&mut self, sample: &Sample) {
        self.measured += 1;
        self.cpu_percent += (sample.cpu_percent - self.cpu_percent) / self.measured as f32;
        self.memory_bytes = self.memory_bytes.max(sample.memory_bytes);
    }
}

impl History {
    fn push(&mut self, sample: Sample) {
        push(&mut self.samples, sample, KEPT);
        let slot = Slot::of(&sample);
        match self.day.back_mut() {
            // A clock that was set back goes on in the same slot.
            Some(last) if slot.began_ms <= last.began_ms => last.add(&sample),
            _ => push(&mut self.day, slot, SLOTS),
        }
    }
}

fn push<T>(ring: &mut VecDeque<T>, sample: T, kept: usize) {
    if ring.len() == kept {
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

    /// Of the last day, a sample for every five minutes in which it ran.
    pub fn day(&self, id: &InstanceId) -> Vec<Sample> {
        let sample = |slot: &Slot| Sample {
            at_ms: slot.began_ms,
            cpu_percent: slot.cpu_percent,
            memory_bytes: slot.memory_bytes,
        };
        let kept = self.kept();
        let history = kept.instances.get(id);
        history
            .map(|history| history.day.iter().map(sample).collect())
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
            history.push(Sample {
                at_ms,
                cpu_percent,
                memory_bytes: usage.memory_bytes,
            });
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
                KEPT,
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

    #[test]
    fn a_day_is_kept_in_fewer_samples() {
        let mut history = History::default();
        let minute = |number: i64| Sample {
            at_ms: number * 60_000,
            cpu_percent: (number % 5) as f32,
            memory_bytes: (number % 5) as u64,
        };
        for number in 0..2 * 24 * 60 + 3 {
            history.push(minute(number));
        }
        assert_eq!(history.day.len(), SLOTS);
        let (first, last) = (&history.day[0], history.day.back().expect("a slot"));
        assert_eq!(first.began_ms, 24 * 60 * 60_000 + SLOT_MS);
        // 0 to 4 of a slot that is over, 0 to 2 of the one that goes on.
        assert_eq!((first.measured, first.cpu_percent, first.memory_bytes), (5, 2.0, 4));
        assert_eq!((last.measured, last.cpu_percent, last.memory_bytes), (3, 1.0, 2));
        history.push(minute(0));
        assert_eq!(
            history.day.back().expect("a slot").measured,
            4,
            "the clock was set back"
        );
    }
}
