//! Sessions as files: one directory a user, one `<id>.jsonl` a session.
//!
//! The first line is a header, every other line an entry. Lines are only ever added, each append with one `write(2)` of
//! whole lines under `flock(2)`, so what was acknowledged is in the page cache and survives any death of the process.
//! A tail that a death in the middle of a write left behind is not read, and is cut off by [`SessionStore::repair`], which a gateway
//! calls when it starts, or before the next line is added.

mod cache;
mod format;
mod snapshot;
mod transcript_file;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::cache::Cache;
use self::snapshot::{Ending, Snapshot};
use self::transcript_file::{Links, Stamp, TranscriptFile};
use crate::{Entry, SessionError, SessionId, SessionInfo, SessionKey, SessionStore, Transcript, UserId};

/// What the cache of recent sessions may take, in bytes of transcript, unless told otherwise.
const CACHE_BYTES: usize = 256 * 1024;
/// How many files a list reads before it lets other tasks run.
const LIST_BREATH: usize = 16;

/// The store of one machine.
///
/// Several may be open on the same directories, in one process or in many. Recent transcripts are kept in memory, up
/// to a bound, and used as long as the file has not changed.
pub struct FileSessions {
    layout: Box<dyn Fn(&UserId) -> PathBuf + Send + Sync>,
    cache: Mutex<Cache>,
    links: Links,
}

impl FileSessions {
    /// A store that keeps each user's sessions in the directory that `layout` names; it is made (0700) when first
    /// written to.
    pub fn open(layout: impl Fn(&UserId) -> PathBuf + Send + Sync + 'static) -> Self {
        Self {
            layout: Box::new(layout),
            cache: Mutex::new(Cache::new(CACHE_BYTES)),
            links: Links::Followed,
        }
    }

    /// Refuses files that are reached through any symbolic link: for directories that several users' tools can write to. The directories
    /// that `layout` names must have none in them.
    #[must_use]
    pub fn without_links(mut self) -> Self {
        self.links = Links::Refused;
        self
    }

    /// Bounds the memory for recent transcripts, in bytes.
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: usize) -> Self {
        self.cache = Mutex::new(Cache::new(bytes));
        self
    }

    fn path(&self, key: &SessionKey) -> PathBuf {
        let mut name = key.session.file_name();
        name.push_str(".jsonl");
        (self.layout)(&key.user).join(name)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // Whoever panicked with the lock held left at worst a stale entry, and those are found by their stamp.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one file end in a whole line. `false`: it does.
    async fn mend(&self, key: &SessionKey) -> Result<bool, SessionError> {
        let path = self.path(key);
        let Some(mut file) = TranscriptFile::open_to_append(path, self.links).await? else {
            return Ok(false);
        };
        if file.ends_with_a_line()? {
            return Ok(false);
        }
        let (_, ending) = file.snapshot()?.content(&key.session)?;
        file.mend(ending)?;
        Ok(true)
    }

    /// What a list shows of one file; `None` if it holds no session.
    async fn info(&self, id: SessionId, path: PathBuf) -> Result<Option<SessionInfo>, SessionError> {
        let Some(stamp) = Stamp::of(&path) else { return Ok(None) };
        if let Some(info) = self.cache().info(&path, stamp) {
            return Ok(Some(info));
        }
        match snapshot(path, self.links).await? {
            Some(snapshot) => snapshot.summary(&id),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl SessionStore for FileSessions {
    async fn append(&self, key: &SessionKey, epoch: u64, entries: &[Entry]) -> Result<(), SessionError> {
        let path = self.path(key);
        let file = if entries.is_empty() {
            TranscriptFile::open(path.clone(), self.links).await?
        } else {
            Some(TranscriptFile::create(path.clone(), self.links).await?)
        };
        let Some(mut file) = file else { return Ok(()) };
        let cached = self.cache().take(&path, file.stamp());
        let (content, ending) = match cached {
            Some(content) => (Some(content), Ending::Clean),
            None => file.snapshot()?.content(&key.session)?,
        };
        let newest = content.as_ref().map_or(0, |content| content.newest_epoch);
        if epoch < newest {
            return Err(SessionError::Fenced {
                session: key.session.to_string(),
                offered: epoch,
                newest,
            });
        }
        if !entries.is_empty() {
            file.mend(ending)?;
            let content = file.append(&key.session, epoch, entries, content)?;
            self.cache().put(path, file.stamp(), content);
        }
        Ok(())
    }

    async fn read(&self, key: &SessionKey) -> Result<Option<Transcript>, SessionError> {
        let path = self.path(key);
        let Some(stamp) = Stamp::of(&path) else { return Ok(None) };
        if let Some(transcript) = self.cache().transcript(&path, stamp) {
            return Ok(Some(transcript));
        }
        let Some(snapshot) = snapshot(path, self.links).await? else {
            return Ok(None);
        };
        let (Some(content), ending) = snapshot.content(&key.session)? else {
            return Ok(None);
        };
        let transcript = content.transcript();
        // What is cached is appended to without a look at the file: only one that ends well.
        if ending == Ending::Clean {
            self.cache().put(snapshot.path, snapshot.stamp, content);
        }
        Ok(transcript)
    }

    async fn list(&self, user: &UserId) -> Result<Vec<SessionInfo>, SessionError> {
        let dir = (self.layout)(user);
        let mut list = Vec::new();
        for (count, id) in ids(&dir)?.into_iter().enumerate() {
            if count % LIST_BREATH == LIST_BREATH - 1 {
                tokio::task::yield_now().await;
            }
            let key = SessionKey::new(user.clone(), id);
            match self.info(key.session.clone(), self.path(&key)).await {
                Ok(info) => list.extend(info),
                // One file that cannot be read hides itself, not all others.
                Err(error) => tracing::warn!(session = %key.session, %error, "session left out of the list"),
            }
        }
        list.sort_by(|a, b| b.updated_at.cmp(&a.updated_at).then_with(|| a.id.cmp(&b.id)));
        Ok(list)
    }

    async fn repair(&self, user: &UserId) -> Result<usize, SessionError> {
        let mut repaired = 0;
        for id in ids(&(self.layout)(user))? {
            tokio::task::yield_now().await;
            let key = SessionKey::new(user.clone(), id);
            match self.mend(&key).await {
                Ok(was_torn) => repaired += usize::from(was_torn),
                // One file that cannot be repaired is left as it is, and all others are not.
                Err(error) => tracing::warn!(session = %key.session, %error, "session not looked at"),
            }
        }
        Ok(repaired)
    }

    async fn delete(&self, key: &SessionKey) -> Result<bool, SessionError> {
        let path = self.path(key);
        let Some(file) = TranscriptFile::open(path.clone(), self.links).await? else {
            return Ok(false);
        };
        let existed = !file.is_empty();
        fs::remove_file(&path).map_err(|error| SessionError::io("remove", &path, error))?;
        self.cache().forget(&path);
        Ok(existed)
    }

    fn bytes(&self, key: &SessionKey) -> u64 {
        Stamp::of(&self.path(key)).map_or(0, Stamp::bytes)
    }
}

/// Reads a file, and gives the lock back before anybody makes sense of it. `None`: it is not there.
async fn snapshot(path: PathBuf, links: Links) -> Result<Option<Snapshot>, SessionError> {
    match TranscriptFile::open(path, links).await? {
        Some(mut file) => file.snapshot().map(Some),
        None => Ok(None),
    }
}

/// The sessions that a user's directory has files of.
fn ids(dir: &Path) -> Result<Vec<SessionId>, SessionError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SessionError::io("read", dir, error)),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| SessionError::io("read", dir, error))?;
        let name = entry.file_name();
        ids.extend(
            name.to_str()
                .and_then(|name| name.strip_suffix(".jsonl"))
                .and_then(SessionId::from_file_name),
        );
    }
    Ok(ids)
}
