//! Processes that a measurement started: one with its descendants, stopped when it is dropped.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal};

/// How long a program may take to stop before it is killed.
const GRACE: Duration = Duration::from_secs(5);

pub struct Process {
    child: Child,
    pub started: Instant,
}

impl Process {
    /// Starts a program with its output in a file.
    pub fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child, started })
    }

    pub fn has_exited(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The process and all its descendants.
    pub fn tree(&self) -> Vec<u32> {
        tree_of(self.child.id())
    }

    /// The process without descendants: for programs that start none.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time that the tree has used so far, in user and kernel mode.
    pub fn cpu_time(&self) -> Duration {
        let ticks = self.tree().into_iter().filter_map(|pid| {
            // proc_pid_stat(5): utime, stime, and those of children that have ended, counted from the state.
            let fields = stat(pid)?;
            fields
                .get(11..15)?
                .iter()
                .map(|ticks| ticks.parse::<u64>().ok())
                .sum::<Option<u64>>()
        });
        Duration::from_secs(1).mul_f64(ticks.sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut tree = self.tree();
        signal(self.child.id(), Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while !self.has_exited() && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        // It did not stop, or left children behind; it may have started others meanwhile.
        if !self.has_exited() {
            tree = self.tree();
        }
        for pid in tree.into_iter().skip(usize::from(self.has_exited())) {
            signal(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// A process and all its descendants.
pub fn tree_of(pid: u32) -> Vec<u32> {
    let mut tree = vec![pid];
    let mut next = 0;
    while let Some(pid) = tree.get(next) {
        tree.extend(children(*pid));
        next += 1;
    }
    tree
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The processes that any thread of this one started.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The fields of `/proc/PID/stat` after the name, which may hold blanks: state, parent, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
