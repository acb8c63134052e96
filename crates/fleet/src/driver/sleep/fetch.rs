//! Pages of a process that was just woken, read back from swap many at a time before it asks for them.
//!
//! Whoever reads a page of another process has the kernel bring it into that process's memory (`process_vm_readv(2)`; while it waits for the
//! disk it gives back the lock of the address space, which a read of `/proc/<pid>/mem` does not: a process that runs meanwhile is not held
//! up). A thread waits for one page, so several read at once.

use std::io::IoSliceMut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use super::pagemap::page_size;

/// A disk answers as many at once without any of them waiting longer; more than that gained nothing.
const READERS: usize = 16;
/// What a reader needs of its own.
const STACK: usize = 64 << 10;
/// Pages that a reader takes at a time: after each it looks whether it is to leave off.
const BATCH: usize = 64;

/// Has these pages of a process in memory, and says how many.
pub fn fetch(pid: u32, pages: &[u64], is_over: &(dyn Fn() -> bool + Sync)) -> usize {
    let Ok(pid) = i32::try_from(pid).map(Pid::from_raw) else {
        return 0;
    };
    let batches: Vec<&[u64]> = pages.chunks(BATCH).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let reader = || {
        while !is_over() {
            let batch = batches.get(next.fetch_add(1, Ordering::Relaxed));
            let Some(read) = batch.and_then(|batch| touch(pid, batch)) else {
                break;
            };
            done.fetch_add(read, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..READERS.min(batches.len()) {
            let named = thread::Builder::new().name("read-ahead".to_owned());
            if named.stack_size(STACK).spawn_scoped(scope, reader).is_err() {
                break;
            }
        }
    });
    done.into_inner()
}

/// A byte of each of these pages, a batch at most. `None` if nothing can be read of that process: it is gone, or not this user's to look into.
fn touch(pid: Pid, pages: &[u64]) -> Option<usize> {
    let mut remote = [RemoteIoVec { base: 0, len: 1 }; BATCH];
    for (remote, page) in remote.iter_mut().zip(pages) {
        remote.base = usize::try_from(page.saturating_mul(page_size())).unwrap_or(usize::MAX);
    }
    let (mut at, mut done) = (0, 0);
    while at < pages.len() {
        let mut bytes = [0; BATCH];
        let mut local = [IoSliceMut::new(&mut bytes[at..pages.len()])];
        let read = match process_vm_readv(pid, &mut local, &remote[at..pages.len()]) {
            Ok(read) => read,
            Err(Errno::EFAULT) => 0,
            Err(_) => return None,
        };
        done += read;
        // The one that it ended at is no more.
        at += read + 1;
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Child, Command, Stdio};

    use super::super::pagemap;
    use super::*;

    /// Somebody who does nothing.
    struct Somebody(Child);

    impl Somebody {
        fn start() -> Self {
            let mut command = Command::new("cat");
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            // Once it answers, it has all that it will ever have.
            child.stdin.as_mut().unwrap().write_all(b"?").unwrap();
            child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            Self(child)
        }

        fn pages(&self) -> Vec<u64> {
            let runs = pagemap::present(self.0.id()).unwrap();
            runs.iter().flat_map(|run| run.first..run.end()).collect()
        }
    }

    impl Drop for Somebody {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn what_is_no_more_stops_nobody() {
        let somebody = Somebody::start();
        let pages = somebody.pages();
        let read = fetch(somebody.0.id(), &pages, &|| false);
        assert!(read > 0);
        // The first hundred are nobody's.
        let with_gaps: Vec<u64> = (1..=100).chain(pages).collect();
        assert_eq!(fetch(somebody.0.id(), &with_gaps, &|| false), read);
    }

    #[test]
    fn it_leaves_off_when_it_is_over_and_when_the_process_has_ended() {
        let somebody = Somebody::start();
        let pages = somebody.pages();
        assert_eq!(fetch(somebody.0.id(), &pages, &|| true), 0);
        // More than any process has.
        assert_eq!(fetch(i32::MAX as u32, &pages, &|| false), 0);
        assert_eq!(fetch(u32::MAX, &pages, &|| false), 0);
    }
}
