//! `creel sandbox-exec`: the wrapper that turns into an instance's program, confined.
//!
//! The supervisor starts this same binary as a wrapper and writes a [`Spec`] to its standard input. Until the whole spec
//! has arrived nothing happens; so the supervisor can record the wrapper's pid first, and if it dies before, the wrapper
//! ends with it. The wrapper then leaves the supervisor's session, takes the directory's lock (and lets the program
//! inherit it: the lock lives exactly as long as the processes do), joins its control groups, gives up what it does not
//! need, and becomes the program. The pid stays the same throughout.

use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    Scope, path_beneath_rules,
};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::{Errno, FdFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use serde::{Deserialize, Serialize};

use crate::procfs;

/// Exit code when another process has the directory (`EX_TEMPFAIL` of `sysexits.h`).
pub(crate) const EXIT_LOCKED: u8 = 75;
/// Exit code when the program cannot be started (`EX_OSERR`).
const EXIT_FAILED: u8 = 71;

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
    /// The `cgroup.procs` files to join.
    pub cgroups: Vec<PathBuf>,
    /// Directories the program may change; next to the system's, it sees nothing else of the host.
    pub writable: Vec<PathBuf>,
    /// Files and directories it may read and execute.
    pub readable: Vec<PathBuf>,
    /// It gets a small `/tmp` of its own: for a program that insists on that path.
    pub private_tmp: bool,
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

/// Reads a spec from standard input and becomes its program; returns only if it cannot.
///
/// # Errors
/// See [`SandboxError`]; the caller prints it and exits with [`SandboxError::exit_code`].
pub fn sandbox_exec() -> Result<Infallible, SandboxError> {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text).map_err(|_| SandboxError::NoSpec)?;
    let spec: Spec = serde_json::from_slice(&text).map_err(|_| SandboxError::NoSpec)?;

    // A session of its own: no terminal, no signal meant for the supervisor's group. Fails only for a group leader.
    rustix::process::setsid().map_err(|error| failed("start a session")(error.into()))?;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let null = OpenOptions::new()
        .read(true)
        .open("/dev/null")
        .map_err(failed("open /dev/null"))?;
    rustix::stdio::dup2_stdin(&null).map_err(|error| failed("detach the standard input")(error.into()))?;

    let lock = take_lock(&spec.lock)?;
    write_pid_file(&spec.pid_file).map_err(failed(format!("write {}", spec.pid_file.display())))?;
    for procs in &spec.cgroups {
        // A limit that was promised is kept, or the instance does not run.
        fs::write(procs, rustix::process::getpid().as_raw_nonzero().to_string())
            .map_err(failed(format!("join {}", procs.display())))?;
    }
    if spec.private_tmp {
        private_tmp(&spec).map_err(failed("make a /tmp of its own"))?;
    }
    give_up_privileges(&spec)?;

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

/// Puts an empty directory in memory in the place of `/tmp`, for this process and its children alone: a mount namespace, and
/// where Creel is not root a user namespace that allows it (user_namespaces(7)). Empty, because a link left in it by an
/// earlier life of the instance would lead this process, which still has all its powers, astray.
fn private_tmp(spec: &Spec) -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if user.is_root() {
        unshare(UnshareFlags::NEWNS)?;
    } else {
        unshare(UnshareFlags::NEWNS | UnshareFlags::NEWUSER)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
    }
    // What is mounted here stays here; what the host mounts later still arrives.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    // A home may itself be below /tmp: what the program needs of it is brought along. Opened in here: a mount of the
    // namespace outside cannot be bound.
    let needed = spec
        .writable
        .iter()
        .chain(&spec.readable)
        .filter(|path| path.starts_with(TMP));
    let needed: Vec<(&PathBuf, OwnedFd)> = needed
        .map(|path| {
            Ok((
                path,
                rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?,
            ))
        })
        .collect::<io::Result<_>>()?;
    mount(
        "tmpfs",
        TMP,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"size=64m,mode=0700",
    )?;
    for (path, original) in needed {
        if File::open(format!("/proc/self/fd/{}", original.as_raw_fd())).is_ok_and(|file| is_directory(&file)) {
            fs::create_dir_all(path)?;
        } else {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            File::create(path)?;
        }
        mount_bind(format!("/proc/self/fd/{}", original.as_raw_fd()), path)?;
    }
    Ok(())
}

fn is_directory(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_dir())
}

const TMP: &str = "/tmp";

#[expect(
    deprecated,
    reason = "unsound only with UnshareFlags::FILES, which is not used here; its successor is `unsafe`"
)]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}

fn give_up_privileges(spec: &Spec) -> Result<(), SandboxError> {
    // When memory runs out, an instance goes before the control plane does. Raising is always allowed.
    let _ = fs::write("/proc/self/oom_score_adj", "300");
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none).map_err(|error| failed("forbid core dumps")(error.into()))?;
    drop_capabilities().map_err(|error| failed("give up capabilities")(error.into()))?;
    rustix::thread::set_no_new_privs(true).map_err(|error| failed("set no_new_privs")(error.into()))?;
    confine(spec).map_err(|error| failed("confine the file system")(io::Error::other(error.to_string())))
}

/// Where Creel runs as root: the instance is root without a root's powers. One of these powers (`CAP_PERFMON`) would let it
/// read the memory and environment of other processes past Landlock (`may_access_mm` of Linux 6.13 and later).
fn drop_capabilities() -> rustix::io::Result<()> {
    let capabilities = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number));
    for capability in capabilities {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // Not root: there is nothing to give up.
            Err(Errno::PERM) => return Ok(()),
            // Past the last one that this kernel knows.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}

/// What every program needs to see: programs, libraries, certificates, name resolution, the kernel's own files.
const SYSTEM: [&str; 45] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix",
    // Of /etc what programs look up, and nothing that holds a secret.
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/openssl",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/profile",
    "/etc/protocols",
    "/etc/python3",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/terminfo",
    "/etc/timezone",
    // Where /etc/resolv.conf leads to on hosts with a resolver service.
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/dev/fd",
];
const KERNEL: [&str; 2] = ["/proc", "/sys"];
const DEVICES: [&str; 7] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/ptmx",
    "/dev/pts",
];

/// Landlock, as much of it as the kernel has (<https://docs.kernel.org/userspace-api/landlock.html>): files outside the
/// lists are out of reach, and so are signals and abstract sockets to processes outside the sandbox. Tracing such a
/// process, which includes reading its `/proc/<pid>/environ`, is denied by being in a sandbox at all.
fn confine(spec: &Spec) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V6;
    let read_execute = AccessFs::from_read(abi);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::ReadDir | AccessFs::IoctlDev;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read_execute))?
        .add_rules(path_beneath_rules(&spec.readable, read_execute))?
        .add_rules(path_beneath_rules(KERNEL, read))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules(&spec.writable, AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(
            spec.private_tmp.then_some(TMP),
            AccessFs::from_all(abi),
        ))?
        .restrict_self()?;
    Ok(())
}
