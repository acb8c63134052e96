//! What a wake needed: the pages of its own that an instance has in memory when it falls asleep again, noted beside it for its next wake.
//!
//! Wakes are much alike. What the last one read back page by page, each when it was missed, the next one has read back ahead of that, many
//! at once: record and prefetch, as "Benchmarking, Analysis, and Optimization of Serverless Function Snapshots" (Ustiugov and others,
//! ASPLOS 2021) does for snapshots.

use std::fmt::Write as _;

use super::pagemap::{self, Run};
use crate::directory::{InstanceDirectory, NEEDED};
use crate::procfs;

/// Its first line: another is another Creel's.
const FORMAT: &str = "creel-needed 1";
/// Its last: without it the note was cut off.
const END: &str = "end";
/// Bytes of a note: 10,000 runs are 70 KB. What does not fit is not noted.
const LARGEST: usize = 4 << 20;

/// What a process had in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    pub pid: u32,
    /// See [`procfs::Stat::started`].
    pub started: u64,
    pub pages: Vec<Run>,
}

/// What each of these has in memory. One that may not be looked into is left out.
pub fn by(members: &[u32]) -> Vec<Needed> {
    let needed = |pid: &u32| {
        Some(Needed {
            pid: *pid,
            started: procfs::stat(*pid)?.started,
            pages: pagemap::present(*pid).ok()?,
        })
    };
    members.iter().filter_map(needed).collect()
}

pub fn note(needed: &[Needed], directory: &InstanceDirectory) {
    let text = text(needed);
    if text.len() > LARGEST {
        return;
    }
    if let Err(error) = directory.replace(NEEDED, &text) {
        tracing::debug!(path = %directory.root().display(), %error, "cannot note what its wake needed");
    }
}

/// What was noted of processes that still live; nothing where that cannot be read.
pub fn noted(directory: &InstanceDirectory) -> Vec<Needed> {
    let text = directory.read(NEEDED, LARGEST as u64).ok().flatten();
    let mut noted = text.and_then(|text| parse(&text)).unwrap_or_default();
    noted.retain(|process| procfs::is_alive(process.pid, process.started));
    noted
}

/// Runs are written as what lies between them, and how long they are.
fn text(needed: &[Needed]) -> String {
    let mut text = format!("{FORMAT}\n");
    for process in needed {
        let _ = write!(text, "{} {}", process.pid, process.started);
        let mut end = 0;
        for run in &process.pages {
            let _ = write!(text, " {:x}+{:x}", run.first - end, run.pages);
            end = run.end();
        }
        text.push('\n');
    }
    text + END
}

fn parse(text: &str) -> Option<Vec<Needed>> {
    let text = text.strip_prefix(FORMAT)?.strip_suffix(END)?.strip_prefix('\n')?;
    text.lines().map(process).collect()
}

fn process(line: &str) -> Option<Needed> {
    let mut words = line.split(' ');
    let (pid, started) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let mut end: u64 = 0;
    let run = |word: &str| {
        let (gap, pages) = word.split_once('+')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let run = Run {
            first: end.checked_add(number(gap)?)?,
            pages: number(pages)?,
        };
        end = run.first.checked_add(run.pages)?;
        Some(run)
    };
    let pages = words.map(run).collect::<Option<_>>()?;
    Some(Needed { pid, started, pages })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn fresh() -> (tempfile::TempDir, InstanceDirectory) {
        let home = tempfile::tempdir().unwrap();
        let directory = InstanceDirectory::new(home.path().to_owned());
        (home, directory)
    }

    fn some(pid: u32, started: u64) -> Needed {
        let pages = [(0x7f00, 3), (0x7f10, 1), (0xffff_ffff_f000, 64)];
        Needed {
            pid,
            started,
            pages: pages.map(|(first, pages)| Run { first, pages }).to_vec(),
        }
    }

    #[test]
    fn it_is_read_as_it_was_noted_of_who_still_lives() {
        let own = procfs::stat(std::process::id()).unwrap();
        let (living, gone) = (some(own.pid, own.started), some(own.pid, own.started + 1));
        let (home, directory) = fresh();
        assert_eq!(noted(&directory), []);
        note(&[living.clone(), gone], &directory);
        assert_eq!(noted(&directory), [living]);
        let mode = home.path().join(NEEDED).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_is_not_a_whole_note_is_none() {
        let whole = text(&[some(41, 5), some(42, 6)]);
        assert_eq!(parse(&whole), Some(vec![some(41, 5), some(42, 6)]));
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length} bytes of it");
        }
        for wrong in [
            "creel-needed 2\nend",
            "creel-needed 1\n41\nend",
            "creel-needed 1\n41 5 x\nend",
            "creel-needed 1\n41 5 1+ffffffffffffffff\nend",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn one_that_is_too_large_is_left_out() {
        let (_home, directory) = fresh();
        let run = |number: u64| Run {
            first: number * 2,
            pages: 1,
        };
        let many = Needed {
            pages: (1..2 << 20).map(run).collect(),
            ..some(1, 1)
        };
        note(&[many], &directory);
        assert!(!directory.root().join(NEEDED).exists());
    }

    #[test]
    fn what_a_process_has_is_found() {
        let own = std::process::id();
        let found = by(&[own, u32::MAX]);
        assert_eq!((found.len(), found[0].pid), (1, own));
        assert!(!found[0].pages.is_empty());
    }
}
