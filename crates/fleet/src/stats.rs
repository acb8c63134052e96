//! How much of the host each instance uses, as a short history.
//!
//! One pass over `/proc` measures all instances (each has a session of its own, so a process tells whose it is): a thousand
//! of them cost some ten milliseconds every few seconds, on a thread that serves nobody.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{HostSample, InstanceId, Sample, procfs};

/// Samples kept of each instance and of the host: ten minutes and more.
const KEPT: usize = 300;

/// The time between two measurements: two seconds, and longer where there is more to measure.
pub fn interval(instances: usize) -> Duration {
    Duration::from_secs(2) + Duration::from_millis(4) * u32::try_from(instances).unwrap_or(u32::MAX).min(10_000)
}

/// A process to measure.
pub struct Subject {
    pub id: InstanceId,
    /// Its pid, which is its session too.
    pub session: u32,
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
    /// The last measurement: session, ticks, when.
    last: Option<(u32, u64, Instant)>,
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

    /// Measures now. Blocks for as long as it reads `/proc`.
    pub fn measure(&self, subjects: &[Subject], at_ms: i64) {
        let sessions: HashMap<u32, ()> = subjects.iter().map(|subject| (subject.session, ())).collect();
        let found = if sessions.is_empty() {
            HashMap::new()
        } else {
            procfs::sessions(&sessions)
        };
        let now = Instant::now();
        let host = procfs::host_ticks().zip(procfs::host_memory());
        let (mut instances_cpu_percent, mut instances_memory_bytes) = (0.0, 0);
        let mut kept = self.kept();
        for subject in subjects {
            let Some((ticks, memory_bytes)) = found.get(&subject.session).copied() else {
                continue;
            };
            let history = kept.instances.entry(subject.id.clone()).or_default();
            let cpu_percent = match history.last {
                Some((session, before, when)) if session == subject.session => {
                    procfs::cpu_percent(ticks.saturating_sub(before), now - when)
                }
                _ => 0.0,
            };
            instances_cpu_percent += cpu_percent;
            instances_memory_bytes += memory_bytes;
            history.last = Some((subject.session, ticks, now));
            push(
                &mut history.samples,
                Sample {
                    at_ms,
                    cpu_percent,
                    memory_bytes,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_bounded_and_knows_this_session() {
        let stats = Stats::default();
        let session = procfs::stat(std::process::id()).expect("this process").session;
        let id = InstanceId::new("alice").expect("an id");
        for at_ms in 0..(KEPT as i64 + 5) {
            stats.measure(
                &[Subject {
                    id: id.clone(),
                    session,
                }],
                at_ms,
            );
        }
        let samples = stats.instance(&id);
        assert_eq!((samples.len(), samples[0].at_ms), (KEPT, 5));
        assert!(
            samples
                .iter()
                .all(|sample| sample.memory_bytes > 100_000 && sample.cpu_percent >= 0.0)
        );
        assert_eq!(stats.host().len(), KEPT);
        assert_eq!(stats.latest(&id), samples.last().copied());
        stats.forget(&id);
        assert!(stats.instance(&id).is_empty());
    }
}
