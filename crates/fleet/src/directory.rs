//! An instance's directory, reached so that nothing the instance puts into it leads out of it.
//!
//! The instance may write `data/`, `home/` and `tmp/`; a symbolic link planted there must not make the control plane read
//! or write elsewhere. Every access below therefore goes through `openat2(2)` with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS`.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use creel_config::json5;
use creel_records::Runtime;
use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

const CONFINED: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
const DIRECTORY: Mode = Mode::RWXU;
const FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// `instances/<id>/`.
#[derive(Debug, Clone)]
pub struct InstanceDirectory {
    root: PathBuf,
}

/// The configuration, relative to the directory.
pub const CONFIG: &str = "data/openclaw.json";
/// Variables for the instance's environment, relative to the directory.
pub const ENV_FILE: &str = "instance.env";
/// What an instance whose data was kept ran as, relative to the directory. Out of reach of the instance itself.
const KEPT: &str = "kept";
/// The log, relative to the directory.
pub const LOG: &str = "logs/gateway.log";

/// What its processes were started with, relative to the directory. Out of reach of the instance itself.
pub const LIMITS: &str = "limits";

/// What its processes needed when they were woken last, relative to the directory. Out of reach of the instance itself.
pub const NEEDED: &str = "needed";

/// Held by whoever lives in the directory, relative to it.
const LOCK: &str = "lock";

/// What an instance may write, relative to the directory.
const WRITABLE: [&str; 3] = ["data", "home", "tmp"];

/// What is made in a directory belongs to whom the directory belongs to.
fn own_as(parent: impl AsFd, made: impl AsFd) -> io::Result<()> {
    let (parent, own) = (rustix::fs::fstat(parent)?, rustix::fs::fstat(&made)?);
    if (parent.st_uid, parent.st_gid) != (own.st_uid, own.st_gid) && rustix::process::geteuid().is_root() {
        let owner = (Uid::from_raw(parent.st_uid), Gid::from_raw(parent.st_gid));
        rustix::fs::fchown(made, Some(owner.0), Some(owner.1))?;
    }
    Ok(())
}

/// The directory last: one that was cut off is done again.
fn give(directory: &OwnedFd, user: u32, group: u32) -> io::Result<()> {
    let (user_id, group_id) = (Uid::from_raw(user), Gid::from_raw(group));
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(directory, name, flags, Mode::empty()) {
            Ok(below) => give(&below, user, group)?,
            // No directory, or a link.
            Err(Errno::NOTDIR | Errno::LOOP) => {
                rustix::fs::chownat(
                    directory,
                    name,
                    Some(user_id),
                    Some(group_id),
                    AtFlags::SYMLINK_NOFOLLOW,
                )?;
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(rustix::fs::fchown(directory, Some(user_id), Some(group_id))?)
}

impl InstanceDirectory {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Configuration and state.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn workspace(&self) -> PathBuf {
        self.root.join("data/workspace")
    }

    pub fn config(&self) -> PathBuf {
        self.root.join(CONFIG)
    }

    pub fn env_file(&self) -> PathBuf {
        self.root.join(ENV_FILE)
    }

    pub fn log(&self) -> PathBuf {
        self.root.join(LOG)
    }

    /// `HOME` of the instance's processes.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// `TMPDIR` of the instance's processes.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Locked by the instance's processes for as long as one of them lives.
    pub fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    /// Pid and start time, written by the wrapper before it becomes the instance.
    pub fn pid_file(&self) -> PathBuf {
        self.root.join("pid")
    }

    /// What confines its processes, noted by the wrapper before it becomes the instance.
    pub fn confinement_file(&self) -> PathBuf {
        self.root.join("confinement")
    }

    /// What the instance's processes may write (and nothing else of the home directory may they see).
    pub fn writable(&self) -> Vec<PathBuf> {
        WRITABLE.iter().map(|path| self.root.join(path)).collect()
    }

    fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.root, flags, Mode::empty())?)
    }

    fn open_beneath(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat2(
            self.open()?,
            path,
            flags | OFlags::CLOEXEC,
            mode,
            CONFINED,
        )?)
    }

    /// The directory that holds `path`, and the last part of `path`.
    fn parent<'path>(&self, path: &'path str) -> io::Result<(OwnedFd, &'path str)> {
        match path.rsplit_once('/') {
            None => Ok((self.open()?, path)),
            Some((parent, name)) => Ok((
                self.open_beneath(parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?,
                name,
            )),
        }
    }

    /// Makes `path` and every directory above it, 0700.
    pub fn make_directory(&self, path: &str) -> io::Result<()> {
        match rustix::fs::mkdir(&self.root, DIRECTORY) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        for end in ends.filter(|end| *end > 0) {
            let (parent, name) = self.parent(&path[..end])?;
            match rustix::fs::mkdirat(&parent, name, DIRECTORY) {
                Ok(()) => own_as(&parent, self.open_beneath(&path[..end], OFlags::RDONLY, Mode::empty())?)?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The text of a file of at most `limit` bytes; `None` if there is none.
    pub fn read(&self, path: &str, limit: u64) -> io::Result<Option<String>> {
        // Not blocking: a named pipe in place of the file must not hold the control plane.
        let file = match self.open_beneath(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("larger than {limit} bytes"),
            ));
        }
        let text = json5::utf8(bytes);
        text.map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Makes the file (0600) with this text, unless there is one. Says whether it was made.
    pub fn write_missing(&self, path: &str, text: &str) -> io::Result<bool> {
        let (parent, name) = self.parent(path)?;
        match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(false),
            Err(Errno::NOENT) => self.replace(path, text).map(|()| true),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a file (0600) with this text in the place of `path`, whole or not at all.
    pub fn replace(&self, path: &str, text: &str) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        let aside = format!(".{name}.creel-new");
        match rustix::fs::unlinkat(&parent, &*aside, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&parent, &*aside, flags, FILE)?);
        let owned = own_as(&parent, &file);
        let written = owned
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.sync_all());
        let placed = written.and_then(|()| Ok(rustix::fs::renameat(&parent, &*aside, &parent, name)?));
        if placed.is_err() {
            let _ = rustix::fs::unlinkat(&parent, &*aside, AtFlags::empty());
        }
        placed
    }

    /// Makes what the instance may write theirs. For a Creel that is root, and whose instances are not.
    pub fn give_to(&self, user: u32, group: u32) -> io::Result<()> {
        for path in WRITABLE {
            let top = self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
            if rustix::fs::fstat(&top)?.st_uid != user {
                give(&top, user, group)?;
            }
        }
        Ok(())
    }

    /// As [`Self::give_to`], for a container that Creel does not start: with the log that it writes itself, and the lock that keeps
    /// everybody else away while it runs.
    pub fn lend_to(&self, user: u32, group: u32) -> io::Result<()> {
        for path in ["data/workspace", "home", "tmp", "logs"] {
            self.make_directory(path)?;
        }
        self.give_to(user, group)?;
        give(
            &self.open_beneath("logs", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?,
            user,
            group,
        )?;
        let lock = self.open_beneath(LOCK, OFlags::WRONLY | OFlags::CREATE, FILE)?;
        Ok(rustix::fs::fchown(
            lock,
            Some(Uid::from_raw(user)),
            Some(Gid::from_raw(group)),
        )?)
    }

    /// Whether somebody holds the lock.
    pub fn is_locked(&self) -> bool {
        // Not blocking: a pipe in its place must hold nobody.
        let Ok(file) = self.open_beneath(LOCK, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) else {
            return false;
        };
        matches!(
            rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared),
            Err(Errno::WOULDBLOCK)
        )
    }

    /// Whether a start would find room for what it writes.
    pub fn has_room(&self) -> io::Result<()> {
        const PROBE: &str = "room";
        let blanks = " ".repeat(16 << 10);
        self.replace(PROBE, &blanks)?;
        fs::remove_file(self.root.join(PROBE))
    }

    /// Opens the log for appending, making it (0600) where there is none.
    pub fn open_log(&self) -> io::Result<File> {
        self.make_directory("logs")?;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        Ok(File::from(self.open_beneath(LOG, flags, FILE)?))
    }

    /// Deletes the directory and all that is in it (symbolic links themselves, not what they lead to).
    pub fn purge(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Notes what ran here, for whoever takes the data up.
    pub fn note_kept(&self, runtime: Runtime) {
        if let Err(error) = self.replace(KEPT, runtime.as_str()) {
            tracing::warn!(path = %self.root.display(), %error, "cannot note what the kept data is of");
        }
    }

    /// What ran here, if that was noted.
    pub fn kept_runtime(&self) -> Option<Runtime> {
        const LONGEST: u64 = 64;
        self.read(KEPT, LONGEST).ok().flatten()?.parse().ok()
    }

    /// Deletes what only a running instance needs.
    pub fn forget_process(&self) {
        // Who holds the lock still lives here.
        let lock = Some(self.lock()).filter(|_| !self.is_locked());
        let notes = [LIMITS, NEEDED].map(|note| self.root.join(note));
        let notes = [self.pid_file(), self.confinement_file()].into_iter().chain(notes);
        for path in notes.chain(lock) {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "cannot delete");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn fresh() -> (tempfile::TempDir, InstanceDirectory) {
        let dir = tempfile::tempdir().unwrap();
        let instance = InstanceDirectory::new(dir.path().join("alice"));
        instance.make_directory("data/workspace").unwrap();
        (dir, instance)
    }

    #[test]
    fn files_and_directories_are_private() {
        let (_dir, instance) = fresh();
        assert!(instance.write_missing(CONFIG, "{}").unwrap());
        assert!(!instance.write_missing(CONFIG, "{other: 1}").unwrap());
        assert_eq!(instance.read(CONFIG, 10).unwrap().as_deref(), Some("{}"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (
                mode(instance.root()),
                mode(&instance.workspace()),
                mode(&instance.config())
            ),
            (0o700, 0o700, 0o600)
        );
        instance.replace(CONFIG, "{a: 1}").unwrap();
        assert_eq!(instance.read(CONFIG, 10).unwrap().as_deref(), Some("{a: 1}"));
        assert_eq!(
            instance.read(CONFIG, 3).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        assert_eq!(instance.read("data/none", 3).unwrap(), None);
    }

    #[test]
    fn no_link_leads_out() {
        let (dir, instance) = fresh();
        let other = dir.path().join("bob.json");
        fs::write(&other, "bob's").unwrap();
        symlink(&other, instance.config()).unwrap();
        assert!(instance.read(CONFIG, 100).is_err());
        assert!(!instance.write_missing(CONFIG, "{}").unwrap());
        instance.replace(CONFIG, "{}").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "bob's");
        assert_eq!(instance.read(CONFIG, 100).unwrap().as_deref(), Some("{}"));

        fs::remove_dir_all(instance.data()).unwrap();
        symlink(dir.path(), instance.data()).unwrap();
        assert!(instance.read("data/bob.json", 100).is_err());
        assert!(instance.replace(CONFIG, "{}").is_err());
        assert!(instance.make_directory("data/workspace").is_err());
        instance.purge().unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "bob's");
    }

    #[test]
    fn a_pipe_in_place_of_a_file_holds_nobody() {
        let (_dir, instance) = fresh();
        rustix::fs::mkfifoat(rustix::fs::CWD, instance.config(), FILE).unwrap();
        assert!(instance.read(CONFIG, 100).is_err());
    }
}
