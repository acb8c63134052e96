//! Places of the host in which other programs leave their sockets (a Docker engine, a message bus, an agent that holds keys), put
//! out of an instance's reach: an empty directory in memory in place of each, in a mount namespace of its own. A socket in the
//! file system is opened by `connect(2)`, which Landlock does not see.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use rustix::thread::UnshareFlags;

pub const TMP: &str = "/tmp";

/// What is emptied, and how much may be written there (only where Landlock lets the instance write at all).
const EMPTIED: [(&str, &std::ffi::CStr); 3] = [
    (TMP, c"size=64m,mode=0700"),
    ("/run", c"size=64k,mode=0755"),
    ("/var/run", c"size=64k,mode=0755"),
];

/// How the namespace was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// By root.
    Alone,
    /// Within a user namespace that allows it to anybody (user_namespaces(7)).
    WithUsers,
}

/// Moves this process, and so its children, into a mount namespace in which [`EMPTIED`] is empty but for the `needed` paths that
/// are below it. Empty, because a link left there by an earlier life of the instance would lead this process, which still has
/// all its powers, astray.
pub fn separate<'a>(needed: impl Iterator<Item = &'a PathBuf>) -> io::Result<Made> {
    let made = unshare_mounts()?;
    let mut needed: Vec<PathBuf> = needed.cloned().collect();
    // Where the host's resolver keeps it in /run. The file alone: its directory may hold sockets too.
    needed.extend(fs::canonicalize("/etc/resolv.conf"));
    empty_all(&needed)?;
    Ok(made)
}

fn unshare_mounts() -> io::Result<Made> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    match unshare(UnshareFlags::NEWNS) {
        Ok(()) => return Ok(Made::Alone),
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
        Err(_) => {}
    }
    unshare(UnshareFlags::NEWNS | UnshareFlags::NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
    fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
    Ok(Made::WithUsers)
}

fn empty_all(needed: &[PathBuf]) -> io::Result<()> {
    // What is mounted here stays here; what the host mounts later still arrives.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    for (place, options) in EMPTIED {
        // Mostly /var/run is a link to /run.
        if fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_dir()) {
            empty(Path::new(place), options, needed)?;
        }
    }
    Ok(())
}

fn empty(place: &Path, options: &std::ffi::CStr, needed: &[PathBuf]) -> io::Result<()> {
    // A home may itself be below /tmp: what the program needs of it is brought along. Opened in here: a mount of the
    // namespace outside cannot be bound.
    let below = needed.iter().filter(|path| path.starts_with(place));
    let kept: Vec<(&PathBuf, OwnedFd)> = below
        .map(|path| {
            let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            Ok((path, file))
        })
        .collect::<io::Result<_>>()?;
    mount("tmpfs", place, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options)?;
    for (path, original) in kept {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&original)?.st_mode);
        if kind == FileType::Directory {
            fs::create_dir_all(path)?;
        } else {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            fs::File::create(path)?;
        }
        mount_bind(format!("/proc/self/fd/{}", original.as_raw_fd()), path)?;
    }
    Ok(())
}

#[expect(
    deprecated,
    reason = "unsound only with UnshareFlags::FILES, which is not used here; its successor is `unsafe`"
)]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}
