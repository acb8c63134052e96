//! Recent sessions in memory, so that a turn does not read its whole history from a file again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::format::Content;
use super::transcript_file::Stamp;
use crate::{Body, Entry, Part, SessionInfo, Transcript};

/// What a slot takes beside the entries, roughly.
const SLOT_BYTES: usize = 512;

/// Bounded by the bytes it may take; what was used longest ago goes first. What it holds is used only while the file's
/// stamp is the same.
pub(super) struct Cache {
    max_bytes: usize,
    bytes: usize,
    clock: u64,
    slots: HashMap<PathBuf, Slot>,
}

struct Slot {
    stamp: Stamp,
    used: u64,
    bytes: usize,
    content: Content,
}

impl Cache {
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            clock: 0,
            slots: HashMap::new(),
        }
    }

    pub fn transcript(&mut self, path: &Path, stamp: Stamp) -> Option<Transcript> {
        self.clock += 1;
        let slot = self.slots.get_mut(path).filter(|slot| slot.stamp == stamp)?;
        slot.used = self.clock;
        slot.content.transcript()
    }

    /// What a list shows of a transcript; being listed does not count as being used.
    pub fn info(&self, path: &Path, stamp: Stamp) -> Option<SessionInfo> {
        self.slots
            .get(path)
            .filter(|slot| slot.stamp == stamp)
            .map(|slot| slot.content.info.clone())
    }

    /// Takes a transcript out, to be changed and put back.
    pub fn take(&mut self, path: &Path, stamp: Stamp) -> Option<Content> {
        let slot = self.slots.remove(path)?;
        self.bytes -= slot.bytes;
        (slot.stamp == stamp).then_some(slot.content)
    }

    pub fn put(&mut self, path: PathBuf, stamp: Stamp, mut content: Content) {
        self.forget(&path);
        let entries = content.entries.iter().flat_map(|entries| entries.iter());
        let mut bytes = SLOT_BYTES + entries.map(|entry| weight(entry)).sum::<usize>();
        if bytes > self.max_bytes / 2 {
            content.entries = None;
            bytes = SLOT_BYTES;
        }
        self.clock += 1;
        self.bytes += bytes;
        self.slots.insert(
            path,
            Slot {
                stamp,
                used: self.clock,
                bytes,
                content,
            },
        );
        if self.bytes > self.max_bytes {
            self.evict();
        }
    }

    pub fn forget(&mut self, path: &Path) {
        if let Some(slot) = self.slots.remove(path) {
            self.bytes -= slot.bytes;
        }
    }

    /// Drops what was used longest ago, down to three quarters of the bound, so that it is not done at every insert.
    fn evict(&mut self) {
        let mut ages: Vec<(u64, PathBuf)> = self
            .slots
            .iter()
            .map(|(path, slot)| (slot.used, path.clone()))
            .collect();
        ages.sort_unstable();
        for (_, path) in ages {
            if self.bytes <= self.max_bytes / 4 * 3 {
                break;
            }
            self.forget(&path);
        }
    }
}

/// What an entry takes in memory, roughly.
fn weight(entry: &Entry) -> usize {
    let texts = match &entry.body {
        Body::User { parts } => parts
            .iter()
            .map(|part| match part {
                Part::Text { text } => 40 + text.len(),
                Part::Image { url } => 40 + url.len(),
            })
            .sum::<usize>(),
        Body::Assistant {
            text,
            tool_calls,
            model,
            ..
        } => {
            let calls = tool_calls
                .iter()
                .map(|call| 80 + call.id.len() + call.name.len() + call.arguments.len());
            text.len() + model.len() + calls.sum::<usize>()
        }
        Body::ToolResult {
            call_id, name, text, ..
        } => call_id.len() + name.len() + text.len(),
    };
    size_of::<Entry>() + 64 + entry.turn.len() + texts
}

#[cfg(test)]
#[cfg(feature = "conformance")]
mod tests {
    use super::*;
    use crate::conformance::said;
    use crate::file::format::Header;

    /// Of a file that nobody changes.
    fn stamp() -> Stamp {
        Stamp::of(&std::env::current_exe().unwrap()).unwrap()
    }

    fn content(entries: u64) -> Content {
        let header = Header {
            v: 1,
            id: crate::SessionId::new("s").unwrap(),
            created_at: 1,
        };
        let mut content = Content::new(&header);
        (0..entries).for_each(|at| content.push(said(at, "t", &"x".repeat(1000))));
        content
    }

    #[test]
    fn stays_within_its_bound_and_drops_what_is_unused() {
        let mut cache = Cache::new(100_000);
        cache.put("hot".into(), stamp(), content(5));
        for number in 0..200 {
            cache.put(format!("{number}").into(), stamp(), content(5));
            assert!(cache.bytes <= 100_000);
            assert!(cache.transcript(Path::new("hot"), stamp()).is_some());
        }
        assert!(cache.transcript(Path::new("0"), stamp()).is_none());
        for path in cache.slots.keys().cloned().collect::<Vec<_>>() {
            cache.forget(&path);
        }
        assert_eq!(cache.bytes, 0);
    }

    #[test]
    fn of_a_large_transcript_keeps_what_appending_needs() {
        let mut cache = Cache::new(100_000);
        cache.put("s".into(), stamp(), content(90));
        assert!(cache.bytes < 1000);
        assert!(cache.transcript(Path::new("s"), stamp()).is_none());
        let mut kept = cache.take(Path::new("s"), stamp()).unwrap();
        kept.push(said(1, "t", "more"));
        assert_eq!(kept.info.messages, 91);
    }

    #[test]
    fn a_changed_file_is_not_served() {
        let mut cache = Cache::new(100_000);
        cache.put("s".into(), stamp(), content(1));
        let changed = Stamp::of(Path::new("/proc/self")).unwrap();
        assert!(cache.transcript(Path::new("s"), changed).is_none());
        assert!(cache.info(Path::new("s"), changed).is_none());
        assert!(cache.take(Path::new("s"), changed).is_none());
        assert_eq!(cache.bytes, 0);
    }
}
