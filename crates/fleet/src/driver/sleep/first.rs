//! What a process needs before it answers for the first time after a wake: what every wake needs, told from what one of them happened to.
//!
//! A wake that waits for a probe alone needs some 3,500 pages before it answers, one that is asked for a turn at once 7,000, and one that
//! collects its garbage 25,000. All of them need the same 2,500, and read ahead these make a wake shorter; others would have it wait
//! for what it has no use for. So a page that three wakes in a row had to wait for is read ahead from then on, and now and then is not, to see
//! whether it is still asked for.

use std::collections::BTreeSet;

use super::pagemap::{Run, runs};

/// Of what is read ahead, one page of so many is on trial at each wake.
const TRIALS: u64 = 16;
/// A wake that had to wait for more than this did something else first, such as to collect its garbage: nothing is learned from it.
const MOST: usize = 16 << 10;

/// By address, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct First {
    /// Read ahead.
    pub always: Vec<Run>,
    /// What the last two wakes had to wait for.
    pub twice: Vec<Run>,
    /// What only the last one had.
    pub once: Vec<Run>,
}

impl First {
    /// What is read ahead at the wake of this number.
    pub fn at(&self, wake: u64) -> Vec<Run> {
        runs(pages(&self.always).filter(|page| !on_trial(*page, wake)))
    }

    /// What is known after that wake, of which these pages were in memory when it answered.
    pub fn after(&self, wake: u64, present: &[Run]) -> Self {
        let read: BTreeSet<u64> = pages(&self.at(wake)).collect();
        let waited_for: BTreeSet<u64> = pages(present).filter(|page| !read.contains(page)).collect();
        if waited_for.len() > MOST {
            return self.clone();
        }
        let again =
            |before: &[Run]| -> BTreeSet<u64> { pages(before).filter(|page| waited_for.contains(page)).collect() };
        let (still, thrice, twice) = (again(&self.always), again(&self.twice), again(&self.once));
        let is_anew = |page: &u64| !(still.contains(page) || thrice.contains(page) || twice.contains(page));
        let always: BTreeSet<u64> = [&read, &still, &thrice].into_iter().flatten().copied().collect();
        Self {
            once: runs(waited_for.iter().copied().filter(is_anew)),
            twice: runs(twice.into_iter()),
            always: runs(always.into_iter()),
        }
    }
}

fn pages(runs: &[Run]) -> impl Iterator<Item = u64> {
    runs.iter().flat_map(|run| run.first..run.end())
}

/// Each page has its turn, those beside each other at different wakes.
fn on_trial(page: u64, wake: u64) -> bool {
    page % TRIALS == wake % TRIALS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pages: &[u64]) -> Vec<Run> {
        runs(pages.iter().copied())
    }

    fn known(always: &[u64], twice: &[u64], once: &[u64]) -> First {
        First {
            always: of(always),
            twice: of(twice),
            once: of(once),
        }
    }

    #[test]
    fn what_three_wakes_waited_for_is_read_ahead_of_the_next() {
        let mut first = First::default();
        let wakes: [(&[u64], First); 4] = [
            (&[18, 19, 40], known(&[], &[], &[18, 19, 40])),
            (&[18, 19, 77], known(&[], &[18, 19], &[77])),
            (&[19, 40, 77], known(&[19], &[77], &[40])),
            (&[18, 19, 40], known(&[19], &[40], &[18])),
        ];
        for (wake, (present, then)) in (5..).zip(wakes) {
            first = first.after(wake, &of(present));
            assert_eq!(first, then);
        }
        assert_eq!(first.at(9), of(&[19]));
    }

    #[test]
    fn a_page_on_trial_stays_if_it_is_waited_for() {
        // 18 has its turn at the second wake, and every sixteenth after it.
        let before = known(&[18, 19], &[], &[]);
        assert_eq!(before.at(2), of(&[19]));
        assert_eq!(before.after(2, &of(&[18, 19])), before);
        assert_eq!(before.after(2, &of(&[19])), known(&[19], &[], &[]));
        // What was read ahead is in memory, and proves nothing.
        assert_eq!(before.after(4, &of(&[18])), before);
        let trials = (0..TRIALS).filter(|wake| before.at(*wake) != before.always);
        assert_eq!(trials.count(), 2);
    }

    #[test]
    fn nothing_is_learned_from_a_wake_that_did_something_else() {
        let before = known(&[18], &[7], &[5]);
        let everything = [Run {
            first: 1 << 20,
            pages: MOST as u64 + 1,
        }];
        assert_eq!(before.after(1, &everything), before);
    }
}
