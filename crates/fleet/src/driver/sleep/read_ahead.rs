//! What an instance that was just woken will need, read ahead of it, in the order that the pages have in swap, where the kernel takes some
//! neighbours along: first what it needs before it answers, and once it has answered the rest of what its last wake needed. Both at once
//! would only have the first wait for the same disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::fetch::fetch;
use super::needed::{self, Needed};
use super::pagemap::{self, Run, page_size};
use super::slumber::Spell;
use crate::driver::Later;
use crate::procfs;

/// What was not read by then the instance has asked for itself.
const PATIENCE: Duration = Duration::from_secs(5);
/// The rest waits no longer for an answer than this: one that does not answer by then is busy with more than that.
const HEAD_START: Duration = Duration::from_secs(1);
/// Pages that are read for one instance: 512 MiB, where they are of 4 KiB.
const MOST: usize = 128 << 10;
/// Of the memory that is free on this host, this part may be used.
const SHARE: u64 = 4;
/// Of the pages that an instance needed in all, this part is left for it to ask for: those that have been in memory longest, since the kernel
/// moves them to swap first. Whatever of that it does not ask for is forgotten; so is everything, in time, that it does not need.
const LEFT_OUT: usize = 8;
/// That many are read for at a time, of all instances: more would only wait for the same disk.
static INSTANCES: Semaphore = Semaphore::const_new(4);

/// Reads what is noted for an instance, until that is done, or it sleeps again. `answered` comes true once it answers.
pub fn read_ahead(awake: Spell, answered: Later<()>) {
    let Ok(turn) = INSTANCES.try_acquire() else {
        return;
    };
    let wake = Arc::new(Wake {
        awake,
        began: Instant::now(),
    });
    tokio::spawn(async move {
        wake.read(answered).await;
        drop(turn);
    });
}

struct Wake {
    awake: Spell,
    began: Instant,
}

impl Wake {
    async fn read(self: Arc<Self>, answered: Later<()>) -> Option<()> {
        let this = self.clone();
        let noted = spawn_blocking(move || needed::noted(&this.awake.directory))
            .await
            .ok()?;
        let this = self.clone();
        let first = spawn_blocking(move || (this.read_first(&noted), noted));
        let (first, answered) = tokio::join!(first, timeout(HEAD_START, answered));
        let (first, mut noted) = first.ok()?;
        spawn_blocking(move || {
            let answered = answered.is_ok().then(|| self.began.elapsed());
            if answered.is_some() {
                self.learn(&mut noted);
            }
            let rest = self.read_rest(&noted);
            let path = self.awake.directory.root().display();
            tracing::debug!(%path, first, ?answered, rest, took = ?self.began.elapsed(), "read ahead");
        })
        .await
        .ok()
    }

    fn read_first(&self, noted: &[Needed]) -> usize {
        let mut read = 0;
        for process in noted {
            read += self.fetch(process.pid, &process.first.at(self.awake.wake()), 0);
        }
        read
    }

    fn read_rest(&self, noted: &[Needed]) -> usize {
        let mut read = 0;
        for process in noted {
            read += self.fetch(process.pid, &process.by_then, LEFT_OUT);
        }
        read
    }

    /// It has just answered.
    fn learn(&self, noted: &mut [Needed]) {
        for process in noted.iter_mut() {
            if let Ok(present) = pagemap::present(process.pid) {
                process.first = process.first.after(self.awake.wake(), &present);
            }
        }
        if !self.is_over() {
            needed::note(noted, &self.awake.directory);
        }
    }

    fn fetch(&self, pid: u32, runs: &[Run], left_out: usize) -> usize {
        let Ok(pages) = pagemap::swapped(pid, runs) else {
            return 0;
        };
        fetch(pid, chosen(&pages, left_out, affordable()), &|| self.is_over())
    }

    fn is_over(&self) -> bool {
        self.awake.is_over() || self.began.elapsed() > PATIENCE
    }
}

/// Pages that may be read without taking memory from others.
fn affordable() -> usize {
    let free = procfs::host_memory().map_or(0, |(used, total)| total - used);
    let pages = usize::try_from(free / SHARE / page_size()).unwrap_or(MOST);
    pages.min(MOST)
}

/// Which of these are read: all but the part that is left out (none: 0), and of too many those that were needed last.
fn chosen(pages: &[u64], left_out: usize, most: usize) -> &[u64] {
    let left_out = pages.len().checked_div(left_out).unwrap_or(0);
    &pages[left_out.max(pages.len().saturating_sub(most))..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_first_are_read_and_no_more_than_may_be() {
        let pages: Vec<u64> = (0..80).collect();
        assert_eq!(chosen(&pages, LEFT_OUT, MOST), &pages[10..]);
        assert_eq!(chosen(&pages, 0, MOST), pages);
        assert_eq!(chosen(&pages, LEFT_OUT, 7), &pages[73..]);
        assert!(chosen(&pages, LEFT_OUT, 0).is_empty());
        assert!(chosen(&[], LEFT_OUT, 7).is_empty());
        assert!(affordable() > 0 && affordable() <= MOST);
    }
}
