//! Leases as files: one small file a name, changed under `flock(2)`.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::{FlockOperation, flock};

use crate::process::Process;
use crate::record::{Held, Now, Record, VERSION, millis};
use crate::{Holder, Lease, LeaseError, LeaseStore, clock};

/// The longest name and the longest holder, in bytes.
const MAX_NAME: usize = 200;
/// Larger than any record: two texts of 200 bytes that JSON may make six times as long, and a few numbers.
const MAX_RECORD: usize = 4096;
/// How long to wait for a file lock that others hold for microseconds.
const PATIENCE: Duration = Duration::from_millis(500);

/// The store for the processes of one machine.
///
/// A lease ends when it is released, when its deadline passes, or when the process that took it is gone, whichever is
/// first. Deadlines run on the since-boot clock; across a reboot, or between machines that share the directory, on the
/// wall clock.
pub struct FileLeases {
    dir: PathBuf,
    me: Process,
}

impl FileLeases {
    /// Opens the store in `dir`, which is made (0700) if it is missing.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, LeaseError> {
        let dir = dir.into();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(|error| LeaseError::io("create", &dir, error))?;
        Ok(Self {
            dir,
            me: Process::current(),
        })
    }

    /// Removes the files of leases that nobody has held for `unused`, and says how many. Epochs keep growing.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub async fn prune(&self, unused: Duration) -> Result<usize, LeaseError> {
        let entries = fs::read_dir(&self.dir).map_err(|error| LeaseError::io("read", &self.dir, error))?;
        let mut removed = 0;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "lease") {
                continue;
            }
            let Some(locked) = self.lock(path, false).await? else {
                continue;
            };
            let changed = locked.file.metadata().and_then(|meta| meta.modified());
            let idle = changed.is_ok_and(|at| at.elapsed().is_ok_and(|idle| idle >= unused));
            let held = locked
                .read()?
                .is_some_and(|record| record.remaining(now(), &self.me).is_some());
            if idle && !held && fs::remove_file(&locked.path).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, name: &str) -> Result<PathBuf, LeaseError> {
        checked(name, "the name")?;
        let mut file = String::with_capacity(name.len() + 6);
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || (byte == b'.' && !file.is_empty()) {
                file.push(char::from(byte));
            } else {
                file.push_str(&format!("%{byte:02X}"));
            }
        }
        file.push_str(".lease");
        if file.len() > 255 {
            let problem = "holds too many characters that a file name cannot";
            return Err(LeaseError::Invalid {
                name: name.to_owned(),
                problem,
            });
        }
        Ok(self.dir.join(file))
    }

    /// Opens a lease's file and locks it against everybody else. `None`: there is none, and none shall be made.
    async fn lock(&self, path: PathBuf, create: bool) -> Result<Option<Locked>, LeaseError> {
        let started = clock::since_boot();
        loop {
            let mut options = OpenOptions::new();
            options
                .read(true)
                .write(true)
                .create(create)
                .truncate(false)
                .mode(0o600);
            let file = match options.open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound && !create => return Ok(None),
                Err(error) => return Err(LeaseError::io("open", &path, error)),
            };
            // Never a lock that waits: one process stopped in the middle of a change would stop all of them.
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if clock::since_boot().saturating_sub(started) > PATIENCE {
                        return Err(LeaseError::Busy { path });
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                }
                Err(error) => return Err(LeaseError::io("lock", &path, error)),
            }
            let meta = file.metadata().map_err(|error| LeaseError::io("read", &path, error))?;
            // Pruned between the open and the lock: the lock is on a file that nobody else will find.
            if meta.nlink() > 0 {
                let bytes = usize::try_from(meta.len()).unwrap_or(usize::MAX);
                return Ok(Some(Locked { file, path, bytes }));
            }
        }
    }
}

#[async_trait]
impl LeaseStore for FileLeases {
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration, floor: u64) -> Result<Option<Lease>, LeaseError> {
        checked(holder, "the holder")?;
        let Some(locked) = self.lock(self.path(name)?, true).await? else {
            return Ok(None);
        };
        let previous = locked.read()?;
        let now = now();
        if previous
            .as_ref()
            .is_some_and(|record| record.remaining(now, &self.me).is_some())
        {
            return Ok(None);
        }
        let epoch = Record::next_epoch(previous.as_ref(), floor, now);
        let held = Held {
            holder: holder.to_owned(),
            deadline_boot_ms: millis(now.boot + ttl),
            deadline_unix_ms: millis(now.wall + ttl),
            process: self.me.clone(),
        };
        locked.write(&Record {
            v: VERSION,
            name: name.to_owned(),
            epoch,
            held: Some(held),
        })?;
        Ok(Some(Lease::granted(name, holder, epoch, ttl, now.boot)))
    }

    async fn renew(&self, lease: &mut Lease) -> Result<bool, LeaseError> {
        let Some(locked) = self.lock(self.path(lease.name())?, false).await? else {
            return Ok(false);
        };
        let now = now();
        let Some(mut record) = locked.read()? else {
            return Ok(false);
        };
        if !owns(&record, lease, now, &self.me) {
            return Ok(false);
        }
        if let Some(held) = &mut record.held {
            held.deadline_boot_ms = millis(now.boot + lease.ttl());
            held.deadline_unix_ms = millis(now.wall + lease.ttl());
        }
        locked.write(&record)?;
        lease.renewed(now.boot);
        Ok(true)
    }

    async fn release(&self, lease: Lease) -> Result<(), LeaseError> {
        let Some(locked) = self.lock(self.path(lease.name())?, false).await? else {
            return Ok(());
        };
        match locked.read()? {
            Some(record) if record.epoch == lease.epoch() && record.held.is_some() => {
                locked.write(&Record { held: None, ..record })
            }
            _ => Ok(()),
        }
    }

    async fn inspect(&self, name: &str) -> Result<Option<Holder>, LeaseError> {
        let Some(locked) = self.lock(self.path(name)?, false).await? else {
            return Ok(None);
        };
        let Some(record) = locked.read()? else { return Ok(None) };
        Ok(record.remaining(now(), &self.me).map(|(held, remaining)| Holder {
            holder: held.holder.clone(),
            epoch: record.epoch,
            remaining,
        }))
    }

    async fn force_release(&self, name: &str) -> Result<bool, LeaseError> {
        let Some(locked) = self.lock(self.path(name)?, false).await? else {
            return Ok(false);
        };
        let Some(record) = locked.read()? else { return Ok(false) };
        let was_held = record.remaining(now(), &self.me).is_some();
        locked.write(&Record { held: None, ..record })?;
        Ok(was_held)
    }
}

/// A lease's file, locked for as long as this lives.
struct Locked {
    file: File,
    path: PathBuf,
    /// Its length when it was locked.
    bytes: usize,
}

impl Locked {
    /// The record, or `None` for a file that is new, or that a power cut left empty or full of zeros: then nobody who
    /// held it is alive.
    ///
    /// Any other damage is an error, and thus "not the owner": somebody may still hold it.
    fn read(&self) -> Result<Option<Record>, LeaseError> {
        let mut buffer = [0; MAX_RECORD];
        let end = self.bytes.min(MAX_RECORD);
        let mut len = 0;
        while len < end {
            match self.file.read_at(&mut buffer[len..end], len as u64) {
                Ok(0) => break,
                Ok(count) => len += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(LeaseError::io("read", &self.path, error)),
            }
        }
        if buffer[..len].iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // A shorter record leaves the end of a longer one behind it: the first line is what counts.
        let line = buffer[..len].split(|byte| *byte == b'\n').next().unwrap_or_default();
        let Ok(record) = serde_json::from_slice::<Record>(line) else {
            let problem = format!(
                "{} is damaged; remove it once no gateway is running",
                self.path.display()
            );
            return Err(LeaseError::Unavailable(problem));
        };
        if record.v != VERSION {
            let problem = format!(
                "{} was written by another version (format {})",
                self.path.display(),
                record.v
            );
            return Err(LeaseError::Unavailable(problem));
        }
        Ok(Some(record))
    }

    fn write(&self, record: &Record) -> Result<(), LeaseError> {
        let mut line = serde_json::to_vec(record).map_err(|error| LeaseError::io("write", &self.path, error))?;
        line.push(b'\n');
        // One small write into one page: a kill leaves the old record or the new one.
        self.file
            .write_all_at(&line, 0)
            .map_err(|error| LeaseError::io("write", &self.path, error))
    }
}

fn owns(record: &Record, lease: &Lease, now: Now, me: &Process) -> bool {
    record.epoch == lease.epoch() && record.remaining(now, me).is_some()
}

fn now() -> Now {
    Now {
        boot: clock::since_boot(),
        wall: clock::wall(),
    }
}

fn checked(text: &str, what: &'static str) -> Result<(), LeaseError> {
    let problem = if text.is_empty() {
        "a name and a holder are needed"
    } else if text.len() > MAX_NAME {
        "name and holder may be 200 bytes long each"
    } else if text.chars().any(char::is_control) {
        "name and holder may hold no control characters"
    } else {
        return Ok(());
    };
    let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    Err(LeaseError::Invalid {
        name: format!("{what} {shown:?}"),
        problem,
    })
}
