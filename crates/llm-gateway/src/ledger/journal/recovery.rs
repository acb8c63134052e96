//! Opening a journal: whatever the last process left, and however it ended.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use creel_records::ledger::{RequestId, Settlement};

use super::record::{self, Found, Record};
use super::segment::{self, End};
use super::{JournalConfig, JournalError, opened};

/// A journal that this process has for itself.
pub struct Opened {
    pub config: JournalConfig,
    /// The node's name in the books.
    pub node: String,
    /// The last segment that is there; zero if there is none.
    pub last: u64,
    /// What the calls that were in flight are charged.
    pub lost: Vec<Settlement>,
    /// Held for as long as this process has the journal.
    pub lock: File,
}

impl Opened {
    /// Takes the directory (made, 0700, if it is missing) for this process, repairs the end of the last segment, and
    /// finds the calls that were in flight.
    pub fn open(config: JournalConfig) -> Result<Self, JournalError> {
        let dir = &config.dir;
        let fail = |error| JournalError::io(dir, error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(fail)?;
        let lock = lock(dir)?;
        let node = node(dir)?;
        let numbers = segment::numbers(dir).map_err(fail)?;
        let mut open = BTreeMap::new();
        for number in &numbers {
            scan(dir, *number, numbers.last() == Some(number), &mut open)?;
        }
        Ok(Self {
            node,
            last: numbers.last().copied().unwrap_or_default(),
            lost: open.into_values().collect(),
            lock,
            config,
        })
    }
}

fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let file = private(&path).map_err(|error| JournalError::io(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(JournalError::io(&path, error)),
    }
}

/// The node's name: `gw-` and 16 random hexadecimal digits, made up by the first process that has the directory.
fn node(dir: &Path) -> Result<String, JournalError> {
    let path = dir.join("node");
    let fail = |error| JournalError::io(&path, error);
    match fs::read_to_string(&path) {
        Ok(name) if name.trim().starts_with("gw-") => return Ok(name.trim().to_owned()),
        Ok(name) if !name.is_empty() => return Err(JournalError::damaged(&path, 0, "it holds no node's name")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| fail(io::Error::other(error.to_string())))?;
    let name = format!("gw-{:016x}", u64::from_ne_bytes(random));
    let mut file = private(&path).map_err(fail)?;
    file.write_all(name.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(fail)?;
    Ok(name)
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Follows the calls that begin and end in a segment. What a crash left behind the last whole record is cut off.
fn scan(dir: &Path, number: u64, last: bool, open: &mut BTreeMap<RequestId, Settlement>) -> Result<(), JournalError> {
    let path = segment::path(dir, number);
    let fail = |error| JournalError::io(&path, error);
    let Some(file) = opened(&path)? else { return Ok(()) };
    let length = file.metadata().map_err(fail)?.len();
    if !segment::has_magic(&file).map_err(fail)? {
        if !last {
            return Err(JournalError::damaged(&path, 0, "it does not begin as a segment does"));
        }
        // The process died while it began the segment; no record can be in it.
        tracing::warn!(segment = %path.display(), "removed a journal segment that was never begun");
        return fs::remove_file(&path).map_err(fail);
    }
    let (end, stop) = segment::read(&file, segment::FIRST, length, record::decode, |record| {
        match record {
            Record::Reserve(lost) => {
                open.insert(lost.request, lost);
            }
            Record::Settle(Settlement { request, .. }) | Record::Release(request) => {
                open.remove(&request);
            }
        }
        true
    })
    .map_err(fail)?;
    match stop {
        End::Reached => Ok(()),
        End::Broken(why) if !last || followed_by_records(&file, end, length).map_err(fail)? => {
            Err(JournalError::damaged(&path, end, why))
        }
        End::Broken(why) => {
            let cut = length - end;
            tracing::warn!(segment = %path.display(), at = end, cut, why, "cut off a torn end of the journal");
            let file = private(&path).map_err(fail)?;
            file.set_len(end).and_then(|()| file.sync_all()).map_err(fail)
        }
    }
}

/// Whether whole records follow something that is none. A crash does not leave that: it is damage, and cutting it off
/// would lose what follows. Zeros are what a power cut leaves of pages that it kept from the disk, and nothing behind
/// them is in the books.
fn followed_by_records(file: &File, from: u64, until: u64) -> io::Result<bool> {
    let mut rest = vec![0; usize::try_from(until - from).unwrap_or_default()];
    file.read_exact_at(&mut rest, from)?;
    if rest.starts_with(&[0; record::HEAD]) {
        return Ok(false);
    }
    Ok((1..rest.len()).any(|at| matches!(record::decode(&rest[at..]), Found::Whole(..))))
}
