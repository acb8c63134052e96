//! The home directory (`$CREEL_HOME`): its layout, its lock, its master key.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::directory::InstanceDirectory;
use crate::token::Sealer;
use crate::{FleetError, InstanceId, procfs};

/// How the directory of an instance that is not recorded yet begins.
pub(crate) const UNBORN: &str = ".new-";

/// An opened home directory. While one of its clones lives, no other `creel up` can open it.
#[derive(Debug, Clone)]
pub struct Home(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    /// Holds the lock; never inherited by an instance.
    _lock: File,
}

/// How a home is called on its host, where others are: in the names of control groups, containers and projects. `path` is absolute,
/// without links.
pub fn home_name(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    format!("creel-{}", hex::encode(&digest[..4]))
}

impl Home {
    /// Opens the directory, making what is missing (directories 0700), and takes its lock.
    ///
    /// # Errors
    /// [`FleetError::HomeInUse`] if another process has it; [`FleetError::File`] if it is not writable.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FleetError> {
        let given = path.into();
        if let Some(parent) = given.parent() {
            fs::create_dir_all(parent).map_err(FleetError::file("create the directory", parent))?;
        }
        refuse_foreign(&given)?;
        private_directory(&given)?;
        // Absolute, because instances are started in directories of their own.
        let path = given
            .canonicalize()
            .map_err(FleetError::file("open the directory", &given))?;
        let lock = lock(&path)?;
        for name in ["secrets", "templates", "backups", "instances", "runtimes", USAGE] {
            private_directory(&path.join(name))?;
        }
        let home = Self(Arc::new(Opened { path, _lock: lock }));
        // Somebody's editor made it, and there may be a password in it.
        private_file(&home.config_path())?;
        Ok(home)
    }

    /// Whether the directory is a home: one that was opened before.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        path.join(LOCK).exists()
    }

    /// Whether a control plane has the directory now.
    #[must_use]
    pub fn is_in_use(path: &Path) -> bool {
        let Ok(file) = File::open(path.join(LOCK)) else {
            return false;
        };
        matches!(
            rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared),
            Err(Errno::WOULDBLOCK)
        )
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// `creel.toml`
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.path().join(SETTINGS)
    }

    /// `creel.db`
    #[must_use]
    pub fn records_path(&self) -> PathBuf {
        self.path().join("creel.db")
    }

    #[must_use]
    pub fn secrets_dir(&self) -> PathBuf {
        self.path().join("secrets")
    }

    #[must_use]
    pub fn templates_dir(&self) -> PathBuf {
        self.path().join("templates")
    }

    #[must_use]
    pub fn runtimes_dir(&self) -> PathBuf {
        self.path().join("runtimes")
    }

    /// What instances used in the last day.
    pub(crate) fn usage_dir(&self) -> PathBuf {
        self.path().join(USAGE)
    }

    pub(crate) fn instances_dir(&self) -> PathBuf {
        self.path().join("instances")
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> InstanceDirectory {
        InstanceDirectory::new(self.instances_dir().join(id.as_str()))
    }

    /// Where a new instance's files are made before it is recorded; no id begins with a dot.
    pub(crate) fn unborn(&self, id: &InstanceId) -> InstanceDirectory {
        InstanceDirectory::new(self.instances_dir().join(format!("{UNBORN}{id}")))
    }

    /// What seals secrets of this home.
    ///
    /// # Errors
    /// [`FleetError::File`] if the master key cannot be read or made.
    pub fn sealer(&self) -> Result<Sealer, FleetError> {
        Sealer::of(&self.secrets_dir())
    }
}

/// In the home's `secrets`.
pub(crate) const MASTER_KEY: &str = "master.key";

/// `master.key` in the home's `secrets`, 32 bytes, 0600; made at the first call.
pub(crate) fn master_key(secrets: &Path) -> Result<[u8; 32], FleetError> {
    let path = secrets.join(MASTER_KEY);
    let mut key = [0_u8; 32];
    match File::open(&path).and_then(|mut file| file.read_exact(&mut key)) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            getrandom::fill(&mut key)
                .map_err(|error| io::Error::other(error.to_string()))
                .and_then(|()| write_private(&path, &key))
                .map_err(FleetError::file("write the master key", &path))?;
            Ok(key)
        }
        Err(error) => Err(FleetError::file("read the master key", &path)(error)),
    }
}

/// Writes a file of secrets (0600) that is there whole or not at all, and durable.
///
/// # Errors
/// Why it could not be written; what was there is still there.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

/// See [`Home::usage_dir`].
const USAGE: &str = "usage";

/// Held by the one control plane of a home.
const LOCK: &str = "creel.lock";

/// The settings of a home.
const SETTINGS: &str = "creel.toml";

/// A directory that holds something and was never a home is somebody else's: making it private could break what uses it. Settings
/// alone are of somebody who says before the first start where the records are to be.
fn refuse_foreign(path: &Path) -> Result<(), FleetError> {
    let is_of_another = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != SETTINGS);
    let foreign = fs::read_dir(path).is_ok_and(|mut entries| entries.any(is_of_another));
    if !foreign || Home::is_one(path) {
        return Ok(());
    }
    let reason = format!(
        "{} holds other things; name an empty directory, or one that does not exist yet",
        path.display()
    );
    Err(FleetError::invalid("home", reason))
}

fn private_directory(path: &Path) -> Result<(), FleetError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
                .map_err(FleetError::file("make private (0700) the directory", path))
        }
        Err(error) => Err(FleetError::file("create the directory", path)(error)),
    }
}

/// Takes a file that is there from everybody but its owner.
fn private_file(path: &Path) -> Result<(), FleetError> {
    const OTHERS: u32 = 0o077;
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    // What a link leads to is the business of whoever made it.
    if !found.is_file() || found.mode() & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(found.mode() & !OTHERS))
        .map_err(FleetError::file("make private (0600) the file", path))
}

/// How long a lock may outlive its holder: a child that was being started when the holder was killed has it until it becomes
/// its program.
const AFTERLIFE: Duration = Duration::from_secs(2);

#[expect(
    clippy::disallowed_methods,
    reason = "a home is opened before anything is served on this thread"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// The pid in the lock file, if its holder has come to write it.
fn noted_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn lock(home: &Path) -> Result<File, FleetError> {
    let path = home.join("creel.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(FleetError::file("write to the home directory: cannot open", &path))?;
    let began = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) => {
                let holder = noted_pid(&mut file);
                // Ours: what had the home in this process is gone, or about to be.
                let another = holder.filter(|pid| *pid != std::process::id());
                let is_alive = another.is_some_and(|pid| procfs::stat(pid).is_some_and(|stat| !stat.is_zombie));
                if is_alive || began.elapsed() > AFTERLIFE {
                    let pid = holder.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
                    return Err(FleetError::HomeInUse {
                        path: home.to_owned(),
                        pid,
                    });
                }
                pause();
            }
            Err(error) => return Err(FleetError::file("lock", &path)(error.into())),
        }
    }
    file.rewind().map_err(FleetError::file("write to", &path))?;
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(FleetError::file("write to", &path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn everything_in_it_is_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/home");
        let home = Home::open(&path).unwrap();
        let key = master_key(&home.secrets_dir()).unwrap();
        assert_eq!(key, master_key(&home.secrets_dir()).unwrap());
        assert_ne!(key, [0; 32]);
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("secrets")), 0o700);
        assert_eq!(mode(&path.join("secrets/master.key")), 0o600);
        assert_eq!(mode(&path.join("creel.lock")), 0o600);
    }

    #[test]
    fn what_others_could_read_of_it_is_taken_from_them() {
        let dir = tempfile::tempdir().unwrap();
        drop(Home::open(dir.path()).unwrap());
        let settings = dir.path().join("creel.toml");
        fs::write(&settings, "database = \"postgres://ann:s3cret@host/db\"").unwrap();
        fs::set_permissions(&settings, fs::Permissions::from_mode(0o644)).unwrap();
        drop(Home::open(dir.path()).unwrap());
        assert_eq!(mode(&settings), 0o600);
    }

    #[test]
    fn settings_may_be_there_before_the_first_start_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(SETTINGS), "").unwrap();
        let other = dir.path().join("thesis.txt");
        fs::write(&other, "").unwrap();
        let error = Home::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("holds other things"), "{error}");
        fs::remove_file(&other).unwrap();
        Home::open(dir.path()).unwrap();
    }

    #[test]
    fn one_home_has_one_creel() {
        let dir = tempfile::tempdir().unwrap();
        let first = Home::open(dir.path()).unwrap();
        assert!(Home::is_in_use(dir.path()));
        let second = Home::open(dir.path()).unwrap_err().to_string();
        assert!(second.contains(&format!("process {}", std::process::id())), "{second}");
        drop(first);
        // What another test forks just now has it until it becomes its program.
        let began = Instant::now();
        while Home::is_in_use(dir.path()) {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
        }
        Home::open(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_that_outlives_its_holder_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("creel.lock");
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        fs::write(&path, format!("{}\n", gone.id())).unwrap();
        gone.wait().unwrap();
        let left = File::open(&path).unwrap();
        rustix::fs::flock(&left, FlockOperation::LockExclusive).unwrap();
        std::thread::scope(|scope| {
            let opened = scope.spawn(|| Home::open(dir.path()));
            drop(left);
            opened.join().unwrap().unwrap();
        });
        let own = format!("{}\n", std::process::id());
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
    }

    #[test]
    fn a_home_that_cannot_be_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let error = Home::open(dir.path().join("file/home")).unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }
}
