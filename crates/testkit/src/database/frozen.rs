//! A server that stands still.

use rustix::process::{Pid, Signal, kill_process};

/// Goes on when this is dropped.
pub struct Frozen(Vec<Pid>);

impl Frozen {
    /// Stops every process below this one, parents first, so that none is started meanwhile.
    pub(super) fn below(pid: u32) -> Self {
        let mut frozen = Self(Vec::new());
        let mut parents = vec![pid];
        while let Some(parent) = parents.pop() {
            for child in children(parent) {
                let pid = i32::try_from(child).ok().and_then(Pid::from_raw).expect("a process id");
                // One that ended meanwhile stands still too.
                let _ = kill_process(pid, Signal::STOP);
                frozen.0.push(pid);
                parents.push(child);
            }
        }
        assert!(!frozen.0.is_empty(), "there is nothing to freeze");
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(*pid, Signal::CONT);
        }
    }
}

fn children(parent: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let text = text.expect("the kernel tells of children");
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
