//! What a wake needed, noted beside the instance for its next one: the pages of its own that it had in memory when it answered, and those
//! that it had when it fell asleep again.
//!
//! Wakes are much alike. What the last one read back page by page, each when it was missed, the next one has read back ahead of that, many
//! at once: record and prefetch, as "Benchmarking, Analysis, and Optimization of Serverless Function Snapshots" (Ustiugov and others,
//! ASPLOS 2021) does for snapshots.

use std::fmt::Write as _;

use super::first::First;
use super::pagemap::{self, Run};
use crate::directory::{InstanceDirectory, NEEDED};
use crate::procfs;

/// Its first line: another is another Creel's.
const FORMAT: &str = "creel-needed 2";
/// Its last: without it the note was cut off.
const END: &str = "end";
/// Bytes of a note: 10,000 runs are 70 KB. What does not fit is not noted.
const LARGEST: usize = 4 << 20;

/// What a process needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    pub pid: u32,
    /// See [`procfs::Stat::started`].
    pub started: u64,
    /// Before it answered.
    pub first: First,
    /// Before it fell asleep again.
    pub by_then: Vec<Run>,
}

/// Notes what these have in memory as they fall asleep, if that is what a wake `needed`. One that may not be looked into is left out.
pub fn note_asleep(members: &[u32], needed: bool, directory: &InstanceDirectory) {
    let mut before = noted(directory);
    let asleep = |pid: &u32| {
        let started = procfs::stat(*pid)?.started;
        let known = before.iter_mut().find(|one| (one.pid, one.started) == (*pid, started));
        let (first, by_then) = known.map_or_else(Default::default, |known| {
            (std::mem::take(&mut known.first), std::mem::take(&mut known.by_then))
        });
        Some(Needed {
            pid: *pid,
            started,
            first,
            by_then: if needed { pagemap::present(*pid).ok()? } else { by_then },
        })
    };
    let asleep: Vec<Needed> = members.iter().filter_map(asleep).collect();
    note(&asleep, directory);
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

/// A process a line; its lists of runs are told apart by a bar. Runs are written as what lies between them, and how long they are.
fn text(needed: &[Needed]) -> String {
    let mut text = format!("{FORMAT}\n");
    for process in needed {
        let _ = write!(text, "{} {}", process.pid, process.started);
        let First { always, twice, once } = &process.first;
        for runs in [always, twice, once, &process.by_then] {
            text.push('|');
            let mut end = 0;
            for run in runs {
                let _ = write!(text, " {:x}+{:x}", run.first - end, run.pages);
                end = run.end();
            }
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
    let mut lists = line.split('|');
    let (pid, started) = lists.next()?.split_once(' ')?;
    let mut next = || runs(lists.next()?);
    let needed = Needed {
        pid: pid.parse().ok()?,
        started: started.parse().ok()?,
        first: First {
            always: next()?,
            twice: next()?,
            once: next()?,
        },
        by_then: next()?,
    };
    lists.next().is_none().then_some(needed)
}

fn runs(words: &str) -> Option<Vec<Run>> {
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
    let runs: Vec<Run> = words.split_whitespace().map(run).collect::<Option<_>>()?;
    // They follow each other: there are no more of them than there are numbers.
    let pages: u64 = runs.iter().map(|run| run.pages).sum();
    (pages <= pagemap::LOOKED_AT).then_some(runs)
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
        let run = |first, pages| Run { first, pages };
        Needed {
            pid,
            started,
            first: First {
                always: vec![run(0x7f00, 2)],
                twice: Vec::new(),
                once: vec![run(0x7f09, 1), run(0x7f0b, 2)],
            },
            by_then: vec![run(0x7f00, 3), run(0x7f10, 1), run(0xffff_ffff_f000, 64)],
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
            "creel-needed 1\nend",
            "creel-needed 2\n41\nend",
            "creel-needed 2\n41 5\nend",
            "creel-needed 2\n41 5|||\nend",
            "creel-needed 2\n41 5|||||\nend",
            "creel-needed 2\n41 5|||| x\nend",
            "creel-needed 2\n41 5|||| 1+ffffffffffffffff\nend",
            "creel-needed 2\n41 5|||| 1+1000001\nend",
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
            by_then: (1..2 << 20).map(run).collect(),
            ..some(1, 1)
        };
        note(&[many], &directory);
        assert!(!directory.root().join(NEEDED).exists());
    }

    #[test]
    fn what_one_has_as_it_falls_asleep_is_noted_after_a_wake() {
        let own = procfs::stat(std::process::id()).unwrap();
        let (_home, directory) = fresh();
        note_asleep(&[own.pid, u32::MAX], false, &directory);
        let first = noted(&directory);
        assert_eq!((first.len(), first[0].pid), (1, own.pid));
        assert!(first[0].by_then.is_empty(), "nobody woke it");

        let known = some(own.pid, own.started);
        note(std::slice::from_ref(&known), &directory);
        note_asleep(&[own.pid], true, &directory);
        let second = noted(&directory);
        assert_eq!(second[0].first, known.first);
        assert!(!second[0].by_then.is_empty() && second[0].by_then != known.by_then);
    }
}
