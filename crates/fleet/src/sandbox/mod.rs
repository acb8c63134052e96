//! `creel sandbox-exec`: the wrapper that turns into an instance's program, confined.
//!
//! The supervisor starts this same binary as a wrapper and writes a [`Spec`] to its standard input. Until the whole spec
//! has arrived nothing happens; so the supervisor can record the wrapper's pid first, and if it dies before, the wrapper
//! ends with it. The wrapper then leaves the supervisor's session, takes the directory's lock (and lets the program
//! inherit it: the lock lives exactly as long as the processes do), joins its control groups, gives up what it does not
//! need, and becomes the program. The pid stays the same throughout.

mod confine;
mod confinement;
mod mounts;
mod privileges;

use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, Mode};
use rustix::io::{Errno, FdFlags};
use serde::{Deserialize, Serialize};

pub(crate) use self::confinement::{Confinement, Landlock};
use self::mounts::Made;
use crate::procfs;

/// Exit code when another process has the directory (`EX_TEMPFAIL` of `sysexits.h`).
pub(crate) const EXIT_LOCKED: u8 = 75;
/// Exit code when the program cannot be started (`EX_OSERR`).
const EXIT_FAILED: u8 = 71;

/// The first file descriptor after the three standard ones.
const FIRST_INHERITED: i32 = 3;

/// What to become. Goes through a pipe, never through arguments or a file: it holds secrets.
#[derive(Serialize, Deserialize)]
pub(crate) struct Spec {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_directory: PathBuf,
    /// Locked for the life of the program and its children.
    pub lock: PathBuf,
    /// Gets `pid start-time`.
    pub pid_file: PathBuf,
    /// Gets what confines it.
    pub confinement_file: PathBuf,
    /// The `cgroup.procs` files to join.
    pub cgroups: Vec<PathBuf>,
    /// Directories the program may change; next to the system's, it sees nothing else of the host.
    pub writable: Vec<PathBuf>,
    /// Files and directories it may read and execute.
    pub readable: Vec<PathBuf>,
    /// It gets mounts of its own, without other programs' sockets. Whether the host allows that was tried before.
    pub own_mounts: bool,
    /// It may write to its own small `/tmp`: for a program that insists on that path. Needs `own_mounts`.
    pub private_tmp: bool,
    /// TCP ports it may listen on.
    pub ports: Vec<u16>,
    /// The most processes it may have, where no control group keeps that limit.
    pub processes: Option<u64>,
}

/// What to become inside a container. Its environment is that of the container, and this.
#[derive(Serialize, Deserialize)]
pub(crate) struct Contained {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// For a container that Creel does not start: locked for the life of the program and its children.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<PathBuf>,
    /// Where what it says goes, in place of the container's own log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

/// What the wrapper is told.
#[derive(Serialize, Deserialize)]
pub(crate) enum Order {
    Become(Box<Spec>),
    /// As the first program of a container, which confines it already.
    Contained(Contained),
    /// Find out whether this host lets an instance have mounts of its own.
    TryMounts,
}

/// Why the wrapper did not become the program.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Not started by a supervisor, or the supervisor died: nothing was done.
    #[error("sandbox-exec is started by creel itself, with what to run on its standard input")]
    NoSpec,
    #[error("another process runs in this directory: {} is locked", .0.display())]
    Locked(PathBuf),
    #[error("cannot {0}: {1}")]
    Failed(String, #[source] io::Error),
}

impl SandboxError {
    /// The code for the wrapper to exit with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Locked(_) => EXIT_LOCKED,
            Self::NoSpec | Self::Failed(..) => EXIT_FAILED,
        }
    }
}

fn failed(action: impl Into<String>) -> impl FnOnce(io::Error) -> SandboxError {
    let action = action.into();
    move |error| SandboxError::Failed(action, error)
}

/// Reads an order from standard input, or from a file, and becomes the program it names; returns only after a trial, or if it cannot.
///
/// # Errors
/// See [`SandboxError`]; the caller prints it and exits with [`SandboxError::exit_code`].
pub fn sandbox_exec(order: Option<&Path>) -> Result<(), SandboxError> {
    let text = match order {
        Some(file) => fs::read(file).map_err(failed(format!("read {}", file.display())))?,
        None => {
            let mut text = Vec::new();
            io::stdin().read_to_end(&mut text).map_err(|_| SandboxError::NoSpec)?;
            text
        }
    };
    match serde_json::from_slice(&text).map_err(|_| SandboxError::NoSpec)? {
        Order::Become(spec) => become_program(*spec).map(|never| match never {}),
        Order::Contained(contained) => become_contained(contained).map(|never| match never {}),
        Order::TryMounts => match mounts::separate(std::iter::empty()) {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("have mounts of its own")(error)),
        },
    }
}

fn become_program(spec: Spec) -> Result<Infallible, SandboxError> {
    // A session of its own: no terminal, no signal meant for the supervisor's group. Fails only for a group leader.
    rustix::process::setsid().map_err(|error| failed("start a session")(error.into()))?;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let null = OpenOptions::new()
        .read(true)
        .open("/dev/null")
        .map_err(failed("open /dev/null"))?;
    rustix::stdio::dup2_stdin(&null).map_err(|error| failed("detach the standard input")(error.into()))?;

    // What Creel was itself given by whoever started it is not the instance's: an open file is a way past every lock.
    close_fds::set_fds_cloexec(FIRST_INHERITED, &[]);
    let lock = take_lock(&spec.lock)?;
    write_pid_file(&spec.pid_file).map_err(failed(format!("write {}", spec.pid_file.display())))?;
    // Opened while the path leads there, and while that is allowed.
    let say = || format!("write {}", spec.confinement_file.display());
    let note = confinement::open(&spec.confinement_file).map_err(failed(say()))?;
    for procs in &spec.cgroups {
        // A limit that was promised is kept, or the instance does not run.
        fs::write(procs, rustix::process::getpid().as_raw_nonzero().to_string())
            .map_err(failed(format!("join {}", procs.display())))?;
    }
    if spec.own_mounts {
        let made = mounts::separate(spec.writable.iter().chain(&spec.readable));
        let made = made.map_err(failed("have mounts of its own"))?;
        if let Some(most) = spec.processes.filter(|_| made == Made::WithUsers) {
            privileges::limit_processes(most).map_err(failed("limit its processes"))?;
        }
    }
    privileges::give_up()?;
    let confined = confine::confine(&spec);
    let landlock = confined.map_err(|error| failed("confine it")(io::Error::other(error.to_string())))?;
    let found = Confinement::of_this_process(landlock.into(), spec.own_mounts);
    found.write(note).map_err(failed(say()))?;

    // Kept open on purpose, across exec: whoever has it open holds the lock.
    std::mem::forget(lock);
    let error = Command::new(&spec.program)
        .args(&spec.args)
        .env_clear()
        .envs(spec.env)
        .current_dir(&spec.working_directory)
        .exec();
    Err(failed(format!("start {}", spec.program.display()))(error))
}

fn become_contained(contained: Contained) -> Result<Infallible, SandboxError> {
    rustix::process::umask(Mode::from_raw_mode(0o077));
    if let Some(path) = &contained.lock {
        // As above: it lasts as long as the processes do.
        std::mem::forget(take_lock(path)?);
    }
    if let Some(path) = &contained.log {
        let say = || format!("write to {}", path.display());
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let log = log.map_err(failed(say()))?;
        rustix::stdio::dup2_stdout(&log).map_err(|error| failed(say())(error.into()))?;
        rustix::stdio::dup2_stderr(&log).map_err(|error| failed(say())(error.into()))?;
    }
    let error = Command::new(&contained.program)
        .args(&contained.args)
        .envs(contained.env)
        .stdin(Stdio::null())
        .exec();
    Err(failed(format!("start {}", contained.program.display()))(error))
}

fn take_lock(path: &Path) -> Result<File, SandboxError> {
    let say = || format!("lock {}", path.display());
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed(say()))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(SandboxError::Locked(path.to_owned())),
        Err(error) => return Err(failed(say())(error.into())),
    }
    rustix::io::fcntl_setfd(&file, FdFlags::empty()).map_err(|error| failed(say())(error.into()))?;
    Ok(file)
}

fn write_pid_file(path: &Path) -> io::Result<()> {
    let pid = std::process::id();
    let started = procfs::stat(pid).ok_or(io::ErrorKind::NotFound)?.started;
    let aside = path.with_extension("new");
    fs::write(&aside, format!("{pid} {started}\n"))?;
    fs::rename(&aside, path)
}
