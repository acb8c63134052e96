//! The last day on disk: a file for every five minutes, `<home>/usage/<when they began, in Unix seconds>`, with a line for each instance that
//! was measured. It is written anew each minute while it goes on, whole or not at all, and deleted when it is a day old.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

use super::slot::{DAY_MS, Slot};
use crate::home::write_private;

pub struct Files(PathBuf);

impl Files {
    pub fn of(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Writes these, each as what it holds; deletes those whose day is over.
    ///
    /// # Errors
    /// Why one of them could not be written.
    pub fn write(&self, texts: &BTreeMap<i64, String>, now_ms: i64) -> io::Result<()> {
        for (began_ms, text) in texts {
            let path = self.0.join((began_ms / 1000).to_string());
            let is_another = !path.exists();
            write_private(&path, text.as_bytes())?;
            if is_another {
                self.delete_old(now_ms)?;
            }
        }
        Ok(())
    }

    /// Hands over every line of the last day, the oldest first. What cannot be read is not there.
    pub fn read(&self, now_ms: i64, mut take: impl FnMut(&str, Slot)) {
        for (began_ms, path) in self.there().unwrap_or_default() {
            // A clock that was ahead may have left some of days to come.
            if began_ms > now_ms || began_ms <= now_ms - DAY_MS {
                continue;
            }
            let bytes = fs::read(&path).unwrap_or_default();
            for (id, slot) in String::from_utf8_lossy(&bytes)
                .lines()
                .filter_map(|line| Slot::parse(began_ms, line))
            {
                take(id, slot);
            }
        }
    }

    fn delete_old(&self, now_ms: i64) -> io::Result<()> {
        for (began_ms, path) in self.there()? {
            if began_ms <= now_ms - DAY_MS {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// By when they began. Only names that were given here count.
    fn there(&self) -> io::Result<BTreeMap<i64, PathBuf>> {
        let mut there = BTreeMap::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let seconds = name.and_then(|name| name.parse::<i64>().ok());
            if let Some(began_ms) = seconds.and_then(|seconds| seconds.checked_mul(1000)) {
                there.insert(began_ms, path);
            }
        }
        Ok(there)
    }
}

#[cfg(test)]
mod tests {
    use super::super::slot::{SLOT_MS, SLOTS};
    use super::*;

    fn names(directory: &std::path::Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_day_of_files_is_there_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        let files = Files::of(dir.path().to_owned());
        for slot in 0..SLOTS as i64 + 9 {
            let texts = BTreeMap::from([(slot * SLOT_MS, format!("alice 1 0 {slot}\n"))]);
            files.write(&texts, slot * SLOT_MS + 1).unwrap();
        }
        let there = names(dir.path());
        assert_eq!(there.len(), SLOTS + 1, "{there:?}");
        assert!(there.contains(&"notes.txt".to_owned()), "that is somebody else's");
        let mut read = Vec::new();
        files.read((SLOTS as i64 + 8) * SLOT_MS + 1, |_, slot| read.push(slot.memory_bytes));
        assert_eq!(read, (9..SLOTS as u64 + 9).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_broken_or_of_another_day_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let write = |slot: i64, text: &[u8]| fs::write(dir.path().join((slot * 300).to_string()), text).unwrap();
        write(1000 - SLOTS as i64, b"alice 1 0 1\n");
        write(998, b"alice 1 0 2\nhalf a li");
        write(999, b"\xff\0\nbob 1 0 3\n");
        fs::create_dir(dir.path().join("300000")).unwrap();
        write(1001, b"alice 1 0 4\n");
        let files = Files::of(dir.path().to_owned());
        let mut read = Vec::new();
        files.read(1000 * SLOT_MS, |id, slot| read.push((id.to_owned(), slot.memory_bytes)));
        assert_eq!(read, [("alice".to_owned(), 2), ("bob".to_owned(), 3)]);
        let missing = Files::of(dir.path().join("missing"));
        missing.read(0, |_, _| panic!("nothing is there"));
        assert!(missing.write(&BTreeMap::from([(0, String::new())]), 0).is_err());
    }
}
