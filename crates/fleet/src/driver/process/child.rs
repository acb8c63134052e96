//! An instance's first process, from its start as a wrapper that waits to its end.
//!
//! A process is known by its pid and its start time, and watched through a pidfd, which works the same for a child of this
//! control plane and for one that an earlier control plane started.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use creel_records::now_ms;
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::directory::InstanceDirectory;
use crate::driver::cgroup::Group;
use crate::driver::sleep::{self, Slumber};
use crate::driver::{Exit, Identity, Later, Limits, Living};
use crate::sandbox::{Order, Spec};
use crate::{probe, procfs};

/// How often the removal of a control group is tried, and how long apart.
const REMOVALS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// A process that was started but waits to be told what to become. Dropped before [`Waiting::release`], it ends.
pub struct Waiting {
    child: Child,
    started: u64,
    directory: InstanceDirectory,
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
                directory: directory.clone(),
            }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(io::Error::other("the process ended at once"))
            }
        }
    }

    pub fn identity(&self) -> Identity {
        identity(self.child.id(), self.started)
    }

    /// Lets it become the instance. Record its pid first.
    pub fn release(mut self, spec: Spec, group: Group, limits: Limits) -> io::Result<Process> {
        let text = serde_json::to_vec(&Order::Become(Box::new(spec))).map_err(io::Error::other)?;
        let mut pipe = self.child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let pidfd = pidfd(self.child.id())?;
        let process = Process {
            pid: self.child.id(),
            started: self.started,
            pidfd,
            child: Some(self.child),
            group,
            limits: Some(limits),
            slumber: Slumber::new(self.directory),
            ended: None,
        };
        // The pipe holds 64 KiB; a spec is a few. The wrapper reads until the pipe is closed.
        match pipe.write_all(&text) {
            Ok(()) => Ok(process),
            Err(error) => {
                process.end_all();
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

fn identity(pid: u32, started: u64) -> Identity {
    Identity {
        pid: Some(pid),
        pid_started: Some(started),
        external_id: None,
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
    /// Those it was started with, where that is known.
    limits: Option<Limits>,
    slumber: Slumber,
    /// Once it has ended, and what it left running was ended.
    ended: Option<Exit>,
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
    /// Takes over a process that an earlier control plane started; `None` if it is gone.
    pub fn adopt(
        pid: u32,
        started: u64,
        directory: &InstanceDirectory,
        group: Group,
        limits: Option<Limits>,
    ) -> Option<Self> {
        let pidfd = pidfd(pid).ok()?;
        // Looked at after the pidfd is open: from here on it cannot become another process unnoticed.
        procfs::is_alive(pid, started).then_some(Self {
            pid,
            started,
            pidfd,
            child: None,
            group,
            limits,
            slumber: Slumber::new(directory.clone()),
            ended: None,
        })
    }

    fn members(&self) -> Members {
        Members {
            first: self.pid,
            group: self.group.clone(),
        }
    }

    fn end_all(&self) {
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

#[async_trait]
impl Living for Process {
    fn identity(&self) -> Identity {
        identity(self.pid, self.started)
    }

    fn started_at(&self) -> Option<i64> {
        let age = procfs::age(self.started)?;
        Some(now_ms() - i64::try_from(age.as_millis()).unwrap_or(0))
    }

    fn name(&self) -> String {
        format!("process {}", self.pid)
    }

    fn limits(&self) -> Option<Limits> {
        self.limits
    }

    fn ready(&self, port: u16) -> Later<()> {
        Box::pin(probe::until_ready(Some(self.pid), port))
    }

    async fn exited(&mut self) -> Exit {
        // A pidfd is readable once its process has ended (pidfd_open(2)). It stays so: nothing to clear.
        if self.pidfd.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
        if self.ended.is_none() {
            // Before the child is waited for: until then its pid, and with it its group's, belongs to nobody else.
            self.kill_leftovers();
            self.ended = Some(Exit::from(self.child.as_mut().and_then(|child| child.wait().ok())));
        }
        // What was killed needs a moment to be gone. What cannot be (stuck in the kernel) is left, and taken up at the next start.
        for _ in 0..REMOVALS {
            if self.group.remove() {
                break;
            }
            self.kill_group();
            tokio::time::sleep(PAUSE).await;
        }
        self.ended.unwrap_or(Exit::Unknown)
    }

    async fn fall_asleep(&self) -> Result<(), String> {
        self.slumber.begins();
        let who = self.members();
        sleep::stop(|| who.pids()).await.map_err(|error| error.to_string())
    }

    fn page_out(&self) -> Later<Result<(), String>> {
        let (who, asleep) = (self.members(), self.slumber.begins());
        let moved = tokio::task::spawn_blocking(move || sleep::page_out(&who.pids(), who.group.memory(), &asleep));
        Box::pin(async move {
            match moved.await {
                Ok(moved) => moved.map_err(|obstacle| obstacle.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    async fn wake(&self, port: u16) {
        self.slumber.ends(|| Box::pin(probe::until_alive(port)));
        sleep::go_on(&self.members().pids());
    }

    async fn is_asleep(&self) -> bool {
        sleep::is_still(&self.members().pids())
    }

    async fn terminate(&self) {
        self.slumber.leave_off();
        let _ = rustix::process::pidfd_send_signal(self.pidfd.get_ref(), Signal::TERM);
    }

    async fn kill(&mut self) {
        self.end_all();
    }
}

/// The processes of an instance.
struct Members {
    first: u32,
    group: Group,
}

impl Members {
    /// Those of its group, which includes who left its session; where there is none, those of its session.
    fn pids(&self) -> Vec<u32> {
        let pids = self.group.pids();
        if !pids.is_empty() {
            return pids;
        }
        let session = procfs::all().into_iter().filter(|stat| stat.session == self.first);
        session.map(|stat| stat.pid).collect()
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}
