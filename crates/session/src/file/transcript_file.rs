//! One transcript's file, open and locked.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, ResolveFlags, flock};
use tokio::time::{Instant, sleep};

use super::format::{Content, Header, VERSION};
use super::snapshot::{Ending, Snapshot};
use crate::{Entry, SessionError, SessionId};

/// How long to wait for a file lock that others hold for microseconds.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(1);

/// What tells one version of a file from another: which file, and how long it is. Lines are only ever added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Stamp {
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|meta| Self::from(&meta))
    }

    /// Of the file.
    pub fn bytes(self) -> u64 {
        self.len
    }

    fn from(meta: &fs::Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            len: meta.len(),
            modified_s: meta.mtime(),
            modified_ns: meta.mtime_nsec(),
        }
    }
}

/// Locked against every other handle, in this process and in others, for as long as it lives.
pub(super) struct TranscriptFile {
    file: File,
    path: PathBuf,
    /// As it stands: nobody else changes it meanwhile.
    stamp: Stamp,
}

impl TranscriptFile {
    /// Opens the file, or makes it, with its directory.
    pub async fn create(path: PathBuf, links: Links) -> Result<Self, SessionError> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
        loop {
            match lock(flags, links, &path).await? {
                Some((file, stamp)) => return Ok(Self { file, path, stamp }),
                None => {
                    let dir = path.parent().unwrap_or(Path::new("."));
                    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
                    made.map_err(|error| failed("create", dir, error))?;
                }
            }
        }
    }

    /// Opens the file, if it is there, to add to it.
    pub async fn open_to_append(path: PathBuf, links: Links) -> Result<Option<Self>, SessionError> {
        Ok(lock(OFlags::RDWR | OFlags::APPEND, links, &path)
            .await?
            .map(|(file, stamp)| Self { file, path, stamp }))
    }

    /// Opens the file, if it is there, to read it.
    pub async fn open(path: PathBuf, links: Links) -> Result<Option<Self>, SessionError> {
        Ok(lock(OFlags::RDONLY, links, &path)
            .await?
            .map(|(file, stamp)| Self { file, path, stamp }))
    }

    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    pub fn is_empty(&self) -> bool {
        self.stamp.len == 0
    }

    /// Whether its last byte ends a line; an empty file has none to end.
    pub fn ends_with_a_line(&self) -> Result<bool, SessionError> {
        let Some(last) = self.stamp.len.checked_sub(1) else {
            return Ok(true);
        };
        let mut byte = [0];
        let read = self.file.read_exact_at(&mut byte, last);
        read.map_err(|error| failed("read", &self.path, error))?;
        Ok(byte == *b"\n")
    }

    /// What the file holds now.
    pub fn snapshot(&mut self) -> Result<Snapshot, SessionError> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(|error| failed("read", &self.path, error))?;
        Ok(Snapshot {
            path: self.path.clone(),
            stamp: self.stamp,
            bytes,
        })
    }

    /// Makes the file end in a whole line, so that it can be appended to.
    pub fn mend(&mut self, ending: Ending) -> Result<(), SessionError> {
        match ending {
            Ending::Clean => Ok(()),
            Ending::Unterminated => self.write_lines(b"\n"),
            Ending::Torn { good_len } => {
                let bytes = self.stamp.len - good_len;
                tracing::warn!(path = %self.path.display(), bytes, "transcript ended in an unfinished line; removed");
                self.truncate(good_len)?;
                self.look()
            }
        }
    }

    /// Adds entries to a transcript that holds `content` now, and yields what it holds then.
    pub fn append(
        &mut self,
        id: &SessionId,
        epoch: u64,
        entries: &[Entry],
        content: Option<Content>,
    ) -> Result<Content, SessionError> {
        let mut lines = Vec::with_capacity(256 * entries.len() + 64);
        let mut content = match content {
            Some(content) => content,
            None => {
                let created_at = entries.first().map_or(0, |entry| entry.at);
                let header = Header {
                    v: VERSION,
                    id: id.clone(),
                    created_at,
                };
                push_line(&mut lines, &header).map_err(|error| failed("write", &self.path, error))?;
                Content::new(&header)
            }
        };
        for entry in entries {
            let mut entry = entry.clone();
            // The epoch that was checked is the one that is kept: the next check reads it from here.
            entry.epoch = epoch;
            push_line(&mut lines, &entry).map_err(|error| failed("write", &self.path, error))?;
            content.push(entry);
        }
        self.write_lines(&lines)?;
        Ok(content)
    }

    /// Writes at the end: all, or nothing.
    fn write_lines(&mut self, lines: &[u8]) -> Result<(), SessionError> {
        // `write_all` goes on after a short write, which is how a full disk announces itself, and then reports it.
        let Err(error) = self.file.write_all(lines) else {
            return self.look();
        };
        if let Err(error) = self.truncate(self.stamp.len) {
            // The unfinished line is cut off when the file is opened next: it was never acknowledged.
            tracing::warn!(%error, "unfinished line not removed yet");
        }
        Err(failed("write", &self.path, error))
    }

    /// It was changed here.
    fn look(&mut self) -> Result<(), SessionError> {
        let meta = self.file.metadata();
        self.stamp = Stamp::from(&meta.map_err(|error| failed("read", &self.path, error))?);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<(), SessionError> {
        self.file
            .set_len(len)
            .map_err(|error| failed("truncate", &self.path, error))
    }
}

/// Whether directories on the way to a file may be symbolic links. The file itself never may: by it a tool with access to a workspace
/// could lead to another user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    Followed,
    Refused,
}

fn open(flags: OFlags, links: Links, path: &Path) -> std::io::Result<File> {
    let resolve = match links {
        Links::Followed => ResolveFlags::empty(),
        Links::Refused => ResolveFlags::NO_SYMLINKS,
    };
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = if flags.contains(OFlags::CREATE) {
        Mode::RUSR | Mode::WUSR
    } else {
        Mode::empty()
    };
    Ok(rustix::fs::openat2(rustix::fs::CWD, path, flags, mode, resolve)?.into())
}

/// Opens and locks a file; `None` if it, or its directory, is not there.
async fn lock(flags: OFlags, links: Links, path: &Path) -> Result<Option<(File, Stamp)>, SessionError> {
    let started = Instant::now();
    loop {
        let file = match open(flags, links, path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", path, error)),
        };
        // Never a lock that waits: a process stopped in the middle of a write would stop this whole gateway.
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) if started.elapsed() > PATIENCE => {
                return Err(SessionError::Busy { path: path.to_owned() });
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                sleep(POLL).await;
                continue;
            }
            Err(error) => return Err(failed("lock", path, error.into())),
        }
        let meta = file.metadata().map_err(|error| failed("read", path, error))?;
        if !meta.is_file() {
            return Err(SessionError::Unreadable {
                path: path.to_owned(),
                problem: "is no regular file".to_owned(),
            });
        }
        // Deleted between the open and the lock: a line written now would be lost.
        if meta.nlink() > 0 {
            return Ok(Some((file, Stamp::from(&meta))));
        }
    }
}

fn push_line(lines: &mut Vec<u8>, value: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *lines, value)?;
    lines.push(b'\n');
    Ok(())
}

fn failed(action: &'static str, path: &Path, error: std::io::Error) -> SessionError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            SessionError::Full { path: path.to_owned() }
        }
        _ => SessionError::io(action, path, error),
    }
}
