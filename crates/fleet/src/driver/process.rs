//! Driver `process`: an instance as processes of this host.
//!
//! A process is known by its pid and its start time, and watched through a pidfd, which works the same for a child of this
//! control plane and for one that an earlier control plane started.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde_json::{Value, json};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::cgroup::Group;
use crate::directory::InstanceDirectory;
use crate::procfs;
use crate::sandbox::{Order, Spec};

/// How often the removal of a control group is tried, and how long apart.
const REMOVALS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// A process that was started but waits to be told what to become. Dropped before [`Waiting::release`], it ends.
pub struct Waiting {
    child: Child,
    started: u64,
}

impl Waiting {
    /// Starts the wrapper (`creel sandbox-exec`) with its output going to the instance's log.
    pub fn spawn(creel: &Path, directory: &InstanceDirectory) -> io::Result<Self> {
        let log = directory.open_log()?;
        let mut child = Command::new(creel)
            .arg("sandbox-exec")
            .env_clear()
            .current_dir(directory.root())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        match procfs::stat(child.id()) {
            Some(stat) => Ok(Self {
                child,
                started: stat.started,
            }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(io::Error::other("the process ended at once"))
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ticks since boot; see [`procfs::Stat::started`].
    pub fn started(&self) -> u64 {
        self.started
    }

    /// Lets it become the instance. Record its pid first.
    pub fn release(mut self, spec: Spec, group: Group) -> io::Result<Process> {
        let text = serde_json::to_vec(&Order::Become(Box::new(spec))).map_err(io::Error::other)?;
        let mut pipe = self.child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let pidfd = pidfd(self.child.id())?;
        let mut process = Process {
            pid: self.child.id(),
            started: self.started,
            pidfd,
            child: Some(self.child),
            group,
            ended: None,
        };
        // The pipe holds 64 KiB; a spec is a few. The wrapper reads until the pipe is closed.
        match pipe.write_all(&text) {
            Ok(()) => Ok(process),
            Err(error) => {
                process.kill();
                Err(error)
            }
        }
    }

    /// Ends it before it became anything.
    pub fn cancel(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A living (or just ended) instance.
pub struct Process {
    pid: u32,
    started: u64,
    pidfd: AsyncFd<OwnedFd>,
    /// Absent for one that an earlier control plane started.
    child: Option<Child>,
    group: Group,
    /// Once it has ended, and what it left running was ended.
    ended: Option<Exit>,
}

/// How a process ended; unknown for one that is not our child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(Option<ExitStatus>);

impl Exit {
    pub fn code(self) -> Option<i32> {
        self.0.and_then(|status| status.code())
    }

    /// As an event carries it: `{"code": 1}`, `{"signal": 9}`, or `{}` where it is not known.
    pub fn data(&self) -> Value {
        match self.0.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => json!({"code": code}),
            Some((None, Some(signal))) => json!({"signal": signal}),
            _ => json!({}),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => write!(f, "exited with code {code}"),
            Some((None, Some(9))) => write!(f, "was killed (signal 9; out of memory?)"),
            Some((None, Some(signal))) => write!(f, "was ended by signal {signal}"),
            _ => write!(f, "ended"),
        }
    }
}

#[expect(
    deprecated,
    reason = "unsound only for types whose descriptor can change or close, which an OwnedFd's cannot; its successor is `unsafe`"
)]
fn pidfd(pid: u32) -> io::Result<AsyncFd<OwnedFd>> {
    let pid = pid_of(pid).ok_or(io::ErrorKind::InvalidInput)?;
    let fd = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK)?;
    AsyncFd::with_interest(fd, Interest::READABLE)
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn started(&self) -> u64 {
        self.started
    }

    /// Takes over a process that an earlier control plane started; `None` if it is gone.
    pub fn adopt(pid: u32, started: u64, group: Group) -> Option<Self> {
        let pidfd = pidfd(pid).ok()?;
        // Looked at after the pidfd is open: from here on it cannot become another process unnoticed.
        procfs::is_alive(pid, started).then_some(Self {
            pid,
            started,
            pidfd,
            child: None,
            group,
            ended: None,
        })
    }

    /// Waits for the end, then ends whatever the instance left running. May be dropped and called again.
    pub async fn exited(&mut self) -> Exit {
        // A pidfd is readable once its process has ended (pidfd_open(2)). It stays so: nothing to clear.
        if self.pidfd.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
        if self.ended.is_none() {
            // Before the child is waited for: until then its pid, and with it its group's, belongs to nobody else.
            self.kill_leftovers();
            self.ended = Some(Exit(self.child.as_mut().and_then(|child| child.wait().ok())));
        }
        // What was killed needs a moment to be gone. What cannot be (stuck in the kernel) is left, and taken up at the next start.
        for _ in 0..REMOVALS {
            if self.group.remove() {
                break;
            }
            self.kill_group();
            tokio::time::sleep(PAUSE).await;
        }
        self.ended.unwrap_or(Exit(None))
    }

    /// Asks it to drain and end.
    pub fn terminate(&self) {
        let _ = rustix::process::pidfd_send_signal(self.pidfd.get_ref(), Signal::TERM);
    }

    /// Ends it, and everything it started.
    pub fn kill(&mut self) {
        let _ = rustix::process::pidfd_send_signal(self.pidfd.get_ref(), Signal::KILL);
        self.kill_leftovers();
    }

    fn kill_leftovers(&self) {
        if let Some(pid) = pid_of(self.pid) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        // Those that left the session as well.
        self.kill_group();
    }

    fn kill_group(&self) {
        for pid in self.group.pids().into_iter().filter_map(pid_of) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// What lives in an instance's directory.
#[derive(Debug, PartialEq, Eq)]
pub enum Inhabitant {
    Nobody,
    /// Pid and start time.
    Process(u32, u64),
    /// Somebody holds the lock, but it cannot be learned who.
    Unknown,
}

/// Finds out who lives in a directory: `recorded` if it does, else whoever holds the directory's lock (a control plane that
/// died between starting a process and recording it).
pub fn inhabitant(directory: &InstanceDirectory, recorded: Option<(u32, u64)>) -> Inhabitant {
    if let Some((pid, started)) = recorded
        && procfs::is_alive(pid, started)
    {
        return Inhabitant::Process(pid, started);
    }
    if !is_locked(&directory.lock()) {
        return Inhabitant::Nobody;
    }
    let noted = std::fs::read_to_string(directory.pid_file()).ok().and_then(|text| {
        let (pid, started) = text.trim().split_once(' ')?;
        Some((pid.parse().ok()?, started.parse().ok()?))
    });
    if let Some((pid, started)) = noted
        && procfs::is_alive(pid, started)
    {
        return Inhabitant::Process(pid, started);
    }
    match procfs::holders(&directory.lock()).first() {
        Some(holder) => Inhabitant::Process(holder.pid, holder.started),
        None => Inhabitant::Unknown,
    }
}

fn is_locked(path: &Path) -> bool {
    let Ok(file) = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    matches!(
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared),
        Err(Errno::WOULDBLOCK)
    )
}
