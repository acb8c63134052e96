//! How much of the host each instance uses: the last minutes as they were measured, the last day in fewer samples. Drivers do the
//! measuring. The minutes are kept in memory, and begin anew with the control plane; the day is on disk as well ([`files`]).

mod files;
mod slot;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use self::files::Files;
use self::slot::{DAY_MS, SLOT_MS, SLOTS, Slot};
use crate::driver::Usage;
use crate::{HostSample, InstanceId, Sample, procfs};

/// Samples kept of each instance and of the host: ten minutes and more.
const KEPT: usize = 300;
/// How old what is on disk may be, in milliseconds.
const WRITTEN_EVERY_MS: i64 = 60_000;

/// The time between two measurements: two seconds, and longer where there is more to measure.
pub fn interval(instances: usize) -> Duration {
    Duration::from_secs(2) + Duration::from_millis(4) * u32::try_from(instances).unwrap_or(u32::MAX).min(10_000)
}

pub struct Stats {
    kept: Mutex<Kept>,
    /// Held by whoever reads or writes them; taken first.
    files: Mutex<Files>,
}

#[derive(Default)]
struct Kept {
    instances: BTreeMap<InstanceId, History>,
    host: VecDeque<HostSample>,
    host_ticks: Option<(u64, u64)>,
    /// Something was measured that is not on disk.
    is_news: bool,
    /// When the day was last put on disk, in milliseconds since the Unix epoch.
    written_at: Option<i64>,
    /// The last slot that is there; it may have gone on since. Those before are there as they are.
    written_slot: Option<i64>,
}

#[derive(Default)]
struct History {
    samples: VecDeque<Sample>,
    /// Of the last day; the slot that has not ended comes last.
    day: VecDeque<Slot>,
    /// The last measurement: life, processor time, when.
    last: Option<(u64, Duration, Instant)>,
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

impl Kept {
    /// What is not on disk as it is, by slot.
    fn unwritten(&self) -> BTreeMap<i64, String> {
        let since = self.written_slot.unwrap_or(i64::MIN);
        let mut texts: BTreeMap<i64, String> = BTreeMap::new();
        for (id, history) in &self.instances {
            for slot in history.day.iter().rev().take_while(|slot| slot.began_ms >= since) {
                texts.entry(slot.began_ms).or_default().push_str(&slot.line(id));
            }
        }
        texts
    }
}

impl Stats {
    /// With the day in the files of this directory.
    pub fn of(directory: PathBuf) -> Self {
        Self {
            kept: Mutex::default(),
            files: Mutex::new(Files::of(directory)),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> std::sync::MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up the day of these instances from disk, each since it was made (milliseconds since the Unix epoch): what is older was another's
    /// of that id. Before anything is measured.
    pub fn read(&self, made: &BTreeMap<InstanceId, i64>, now_ms: i64) {
        let files = self.files();
        let mut kept = self.kept();
        files.read(now_ms, |id, slot| {
            kept.written_slot = kept.written_slot.max(Some(slot.began_ms));
            let known = InstanceId::new(id)
                .ok()
                .filter(|id| made.get(id).is_some_and(|made| *made < slot.began_ms + SLOT_MS));
            if let Some(id) = known {
                push(&mut kept.instances.entry(id).or_default().day, slot, SLOTS);
            }
        });
    }

    /// Puts on disk what was measured, if it is a minute since it last was, or none of it is there.
    ///
    /// # Errors
    /// Why it could not be; the next minute tries again.
    pub fn write_now_and_then(&self, at_ms: i64) -> io::Result<()> {
        // Also where the clock was set back.
        let is_fresh = |written: i64| (written..written + WRITTEN_EVERY_MS).contains(&at_ms);
        if self.kept().written_at.is_some_and(is_fresh) {
            return Ok(());
        }
        self.write(at_ms)
    }

    /// Puts on disk what was measured.
    ///
    /// # Errors
    /// Why it could not be.
    pub fn write(&self, at_ms: i64) -> io::Result<()> {
        let files = self.files();
        let texts = {
            let mut kept = self.kept();
            if !std::mem::take(&mut kept.is_news) {
                return Ok(());
            }
            kept.written_at = Some(at_ms);
            kept.unwritten()
        };
        let written = files.write(&texts, at_ms);
        let mut kept = self.kept();
        match &written {
            Ok(()) => kept.written_slot = kept.written_slot.max(texts.keys().next_back().copied()),
            Err(_) => kept.is_news = true,
        }
        written
    }

    pub fn instance(&self, id: &InstanceId) -> Vec<Sample> {
        self.kept()
            .instances
            .get(id)
            .map(|history| history.samples.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Of the last day, a sample for every five minutes in which it ran.
    pub fn day(&self, id: &InstanceId, now_ms: i64) -> Vec<Sample> {
        let kept = self.kept();
        let history = kept.instances.get(id);
        let day = history.into_iter().flat_map(|history| &history.day);
        day.filter(|slot| slot.began_ms > now_ms - DAY_MS)
            .map(Slot::sample)
            .collect()
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
        kept.is_news |= !measured.is_empty();
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

    fn alice() -> InstanceId {
        InstanceId::new("alice").expect("an id")
    }

    fn used(id: &InstanceId, life: u64, seconds: u64, memory_bytes: u64) -> [(InstanceId, Usage); 1] {
        let usage = Usage {
            life,
            cpu: Duration::from_secs(seconds),
            memory_bytes,
        };
        [(id.clone(), usage)]
    }

    #[test]
    fn a_history_is_bounded_and_knows_one_life_from_the_next() {
        let stats = Stats::of(PathBuf::new());
        let id = alice();
        let usage = |life, seconds| used(&id, life, seconds, 1 << 20);
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

    const NOON: i64 = 1_000_000 * SLOT_MS;

    /// As the next control plane knows it.
    fn again(directory: &std::path::Path, made_ms: i64, now_ms: i64) -> Stats {
        let stats = Stats::of(directory.to_owned());
        stats.read(&BTreeMap::from([(alice(), made_ms)]), now_ms);
        stats
    }

    #[test]
    fn the_next_control_plane_knows_the_day_up_to_the_last_minute() {
        let dir = tempfile::tempdir().expect("a directory");
        let stats = again(dir.path(), 0, NOON);
        let measure = |stats: &Stats, at_ms, memory| {
            stats.take(&used(&alice(), 1, 0, memory), at_ms);
            stats.write_now_and_then(at_ms).expect("written");
        };
        measure(&stats, NOON, 5);
        measure(&stats, NOON + 59_000, 6);
        let read = |now_ms| again(dir.path(), 0, now_ms).day(&alice(), now_ms);
        let memory = |day: Vec<Sample>| day.iter().map(|sample| sample.memory_bytes).collect::<Vec<_>>();
        assert_eq!(memory(read(NOON + 59_000)), [5], "the last minute is not there yet");
        measure(&stats, NOON + 60_000, 6);
        assert_eq!(memory(read(NOON + 60_000)), [6]);
        // The slot that is over is written once more.
        measure(&stats, NOON + SLOT_MS - 1000, 7);
        measure(&stats, NOON + SLOT_MS - 500, 8);
        measure(&stats, NOON + SLOT_MS + 60_000, 9);
        assert_eq!(memory(read(NOON + SLOT_MS + 60_000)), [8, 9]);
        // A slot goes on where it was left.
        let next = again(dir.path(), 0, NOON + SLOT_MS + 61_000);
        measure(&next, NOON + SLOT_MS + 62_000, 1);
        let day = next.day(&alice(), NOON + SLOT_MS + 62_000);
        assert_eq!((day.len(), day[1].memory_bytes), (2, 9));
        assert_eq!(day, read(NOON + SLOT_MS + 62_000));
    }

    #[test]
    fn nothing_is_written_where_nothing_was_measured() {
        let dir = tempfile::tempdir().expect("a directory");
        let stats = again(dir.path(), 0, NOON);
        stats.take(&used(&alice(), 1, 0, 5), NOON);
        stats.write(NOON).expect("written");
        let file = dir.path().join((NOON / 1000).to_string());
        std::fs::remove_file(&file).expect("it was there");
        stats.take(&[], NOON + 70_000);
        stats.write(NOON + 70_000).expect("nothing to do");
        assert!(!file.exists());
        assert_eq!(stats.day(&alice(), NOON + DAY_MS - 1).len(), 1);
        assert!(stats.day(&alice(), NOON + DAY_MS).is_empty(), "that was another day");
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let dir = tempfile::tempdir().expect("a directory");
        let missing = dir.path().join("usage");
        let stats = again(&missing, 0, NOON);
        for slot in 0..3 {
            let at_ms = NOON + slot * SLOT_MS;
            stats.take(&used(&alice(), 1, 0, 5), at_ms);
            stats.write(at_ms).expect_err("there is no such directory");
        }
        std::fs::create_dir(&missing).expect("a directory");
        stats.write(NOON + 3 * SLOT_MS).expect("written");
        assert_eq!(
            again(&missing, 0, NOON + 3 * SLOT_MS)
                .day(&alice(), NOON + 3 * SLOT_MS)
                .len(),
            3
        );
    }

    #[test]
    fn what_one_used_who_had_the_id_before_is_nobodys() {
        let dir = tempfile::tempdir().expect("a directory");
        let stats = again(dir.path(), 0, NOON);
        for slot in 0..3 {
            stats.take(&used(&alice(), 1, 0, 5), NOON + slot * SLOT_MS);
        }
        let now_ms = NOON + 3 * SLOT_MS;
        stats.write(now_ms).expect("written");
        assert_eq!(again(dir.path(), NOON + SLOT_MS, now_ms).day(&alice(), now_ms).len(), 2);
        let nobody = Stats::of(dir.path().to_owned());
        nobody.read(&BTreeMap::new(), now_ms);
        assert!(nobody.day(&alice(), now_ms).is_empty());
    }
}
