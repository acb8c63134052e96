//! Where the pages of a process are, from `/proc/<pid>/pagemap` (<https://docs.kernel.org/admin-guide/mm/pagemap.html>).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of an entry: there is one for each page.
const ENTRY: usize = 8;
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// Set where it is of a file, or shared: the kernel itself reads ahead there.
const SHARED: u64 = 1 << 61;
/// The swap device, and the place on it.
const SLOT: u64 = (1 << 55) - 1;
const DEVICE_BITS: u32 = 5;
/// Entries that are read at a time.
const BATCH: usize = 1 << 10;
/// Pages that are looked at: 64 GiB of addresses, where they are of 4 KiB. What else a process has reserved is left out.
pub const LOOKED_AT: u64 = 16 << 20;

/// Pages that follow each other, by their numbers: an address divided by the size of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub first: u64,
    pub pages: u64,
}

impl Run {
    /// The first page after it.
    pub fn end(self) -> u64 {
        self.first.saturating_add(self.pages)
    }
}

/// These pages, which come by address, as runs.
pub fn runs(pages: impl Iterator<Item = u64>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for page in pages {
        match runs.last_mut() {
            Some(last) if last.end() == page => last.pages += 1,
            _ => runs.push(Run { first: page, pages: 1 }),
        }
    }
    runs
}

/// Bytes of a page.
pub fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// The pages of a process's own that are in memory, by address.
///
/// # Errors
/// Where it is gone, or not this user's to look into.
pub fn present(pid: u32) -> io::Result<Vec<Run>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut found = Vec::new();
    each(pid, maps.lines().filter_map(mapping), |page, entry| {
        if entry & (PRESENT | SHARED) == PRESENT {
            found.push(page);
        }
    })?;
    Ok(runs(found.into_iter()))
}

/// Those of these pages that are in swap, in the order that they have there. The kernel tells only root what that is; everybody else
/// has them by address, from anywhere on.
///
/// # Errors
/// As [`present`].
pub fn swapped(pid: u32, runs: &[Run]) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    each(pid, runs.iter().copied(), |page, entry| {
        if entry & SWAPPED != 0 {
            found.push((place(entry), page));
        }
    })?;
    found.sort_unstable();
    if let Some((UNTOLD, _)) = found.last() {
        let anywhere = getrandom::u32().unwrap_or_default() as usize % found.len();
        found.rotate_left(anywhere);
    }
    Ok(found.into_iter().map(|(_, page)| page).collect())
}

/// The device, and the place on it.
type Place = (u64, u64);

/// No page has the first place of the first device.
const UNTOLD: Place = (0, 0);

fn place(entry: u64) -> Place {
    let slot = entry & SLOT;
    (slot % (1 << DEVICE_BITS), slot >> DEVICE_BITS)
}

fn each(pid: u32, runs: impl Iterator<Item = Run>, mut see: impl FnMut(u64, u64)) -> io::Result<()> {
    let pagemap = File::open(format!("/proc/{pid}/pagemap"))?;
    let mut buffer = [0; ENTRY * BATCH];
    let mut left = LOOKED_AT;
    for run in runs {
        left = left.saturating_sub(run.pages);
        if left == 0 {
            break;
        }
        let mut at = run.first;
        while at < run.end() {
            let wanted = usize::try_from(run.end() - at).map_or(BATCH, |pages| pages.min(BATCH));
            let got = pagemap.read_at(&mut buffer[..ENTRY * wanted], at.saturating_mul(ENTRY as u64))?;
            if got < ENTRY {
                // It is gone.
                break;
            }
            for entry in buffer[..got].chunks_exact(ENTRY) {
                see(at, entry.try_into().map(u64::from_ne_bytes).unwrap_or_default());
                at += 1;
            }
        }
    }
    Ok(())
}

/// The pages of a mapping; nothing of a reservation, which has none.
fn mapping(line: &str) -> Option<Run> {
    let (addresses, permissions) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let page = |address| Some(u64::from_str_radix(address, 16).ok()? / page_size());
    let (first, end) = (page(start)?, page(end)?);
    let pages = end.checked_sub(first)?;
    (!permissions.starts_with("---")).then_some(Run { first, pages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_to_is_in_memory_and_not_in_swap() {
        let held = vec![1_u8; 1 << 20];
        let page = held.as_ptr() as u64 / page_size() + 1;
        let own = std::process::id();
        let found = present(own).unwrap();
        assert!(found.iter().any(|run| (run.first..run.end()).contains(&page)));
        assert!(found.windows(2).all(|two| two[0].end() <= two[1].first), "by address");
        let nowhere = Run { first: 1, pages: 9 };
        let everywhere = Run {
            first: 0,
            pages: u64::MAX,
        };
        for runs in [&[nowhere][..], &[everywhere]] {
            assert_eq!(swapped(own, runs).unwrap(), Vec::<u64>::new());
        }
    }

    #[test]
    fn places_in_swap_are_ordered_by_device_and_then_by_place() {
        let entry = |device: u64, place: u64| SWAPPED | place << DEVICE_BITS | device;
        assert!(place(entry(0, 9)) < place(entry(1, 2)));
        assert!(place(entry(1, 2)) < place(entry(1, 3)));
    }

    #[test]
    fn reservations_are_left_out() {
        let one = |line| mapping(line).map(|run| run.pages * page_size());
        assert_eq!(one("10000-30000 rw-p 00000000 00:00 0 "), Some(0x20000));
        assert_eq!(one("10000-30000 ---p 00000000 00:00 0 "), None);
        assert_eq!(one("30000-10000 rw-p 00000000 00:00 0 "), None);
        assert_eq!(one("nonsense"), None);
    }

    #[test]
    fn nobody_has_no_pages() {
        assert!(present(u32::MAX).is_err() && swapped(u32::MAX, &[]).is_err());
    }
}
