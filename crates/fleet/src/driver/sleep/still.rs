//! Stopping processes and letting them go on, by signals: those work without control groups, and what is stopped is seen in `/proc`
//! by whoever comes after this control plane.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::procfs;

/// A signal is seen to within microseconds, but by a process that waits for a disk.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Stops every process that `members` names, and asks again until it names none that runs: one that is not stopped yet can
/// start others. One that waits in the kernel for a child that was stopped before it became its own program is not stopped until the
/// child goes on; the signal has it before it does anything of its own.
///
/// # Errors
/// Where one goes on running: then all of them do.
pub async fn stop(members: impl Fn() -> Vec<u32>) -> io::Result<()> {
    let began = Instant::now();
    let mut asked = HashSet::new();
    loop {
        let running: Vec<u32> = members().into_iter().filter(|pid| runs(*pid)).collect();
        if running.iter().all(|pid| asked.contains(pid) && waits(*pid)) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            go_on(&members());
            let reason = format!("process {} does not stop", running[0]);
            return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
        }
        signal(&running, Signal::STOP);
        asked.extend(running);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Lets them go on. Does nothing to those that run.
pub fn go_on(members: &[u32]) {
    signal(members, Signal::CONT);
}

/// Whether there are any that are stopped, and none of them runs.
pub fn is_still(members: &[u32]) -> bool {
    let (running, still): (Vec<u32>, Vec<u32>) = members.iter().partition(|pid| runs(**pid));
    !still.is_empty() && running.iter().all(|pid| waits(*pid))
}

fn runs(pid: u32) -> bool {
    procfs::stat(pid).is_some_and(|stat| !stat.is_stopped && !stat.is_zombie)
}

fn waits(pid: u32) -> bool {
    procfs::stat(pid).is_some_and(|stat| stat.is_waiting)
}

fn signal(pids: &[u32], signal: Signal) {
    let pids = pids.iter().filter_map(|pid| i32::try_from(*pid).ok());
    for pid in pids.filter_map(Pid::from_raw) {
        // An error means that it is gone.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    struct Running(Child);

    impl Running {
        fn start(script: &str) -> Self {
            let mut command = Command::new("sh");
            Self(command.args(["-c", script]).stdout(Stdio::null()).spawn().unwrap())
        }

        /// It and the children of its shell.
        fn members(&self) -> Vec<u32> {
            let pid = self.0.id();
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            let children = children.split_whitespace().map(|child| child.parse().unwrap());
            std::iter::once(pid).chain(children).collect()
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            for pid in self.members() {
                signal(&[pid], Signal::KILL);
            }
            let _ = self.0.wait();
        }
    }

    #[tokio::test]
    async fn all_of_a_tree_stop_however_it_grows_and_go_on() {
        let tree = Running::start("while :; do sleep 0.01 & sleep 0.01; done");
        stop(|| tree.members()).await.unwrap();
        let members = tree.members();
        let until = async |what: &dyn Fn() -> bool, why: &str| {
            let began = Instant::now();
            while !what() {
                assert!(began.elapsed() < Duration::from_secs(60), "{why}");
                tokio::time::sleep(PAUSE).await;
            }
        };
        // One that waited for a disk comes to its signal after that.
        until(&|| is_still(&members), "all of them are stopped").await;
        assert_eq!(tree.members(), members, "what is stopped starts nobody");
        stop(|| tree.members()).await.unwrap();
        go_on(&members);
        until(&|| tree.members() != members, "it goes on").await;
        assert!(!is_still(&tree.members()));
    }

    #[tokio::test]
    async fn nobody_is_not_still() {
        assert!(!is_still(&[]));
        stop(Vec::new).await.unwrap();
    }
}
