//! The embedded engine: one SQLite file, write-ahead log, mode 0600.
//!
//! Writes go through one connection (SQLite has one writer anyway: queueing here is cheaper than its busy retries), reads
//! through others that never wait for it. `synchronous = FULL`: a commit is on the disk when it returns, and survives a
//! power cut (<https://www.sqlite.org/pragma.html#pragma_synchronous>).

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use ::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::Access;
use crate::{DatabaseUrl, RecordsError};

/// Connections that only read. Two: a page and a background task at a time; each holds a page cache.
const READERS: u32 = 2;

/// How long a write waits for another process (a backup, a shell) that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// How long a statement waits for its turn: a batch of another task may be before it.
const TURN: Duration = Duration::from_secs(30);

/// The connections to one file.
#[derive(Clone)]
pub(crate) struct SqlitePools {
    write: SqlitePool,
    read: SqlitePool,
}

impl SqlitePools {
    pub(super) fn of(&self, access: Access) -> &SqlitePool {
        match access {
            Access::Read => &self.read,
            Access::Write => &self.write,
        }
    }

    pub(super) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Opens the file, making it (0600) where there is none; `pages` bounds how far it may grow.
pub(super) async fn connect(path: &Path, pages: Option<u32>) -> Result<SqlitePools, RecordsError> {
    let url = DatabaseUrl::file(path);
    let refuse = |reason: String| RecordsError::Open {
        at: url.to_string(),
        reason,
    };
    // SQLite makes its -wal and -shm files with the mode of the main file: https://www.sqlite.org/wal.html
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| refuse(error.to_string()))?;
    let mut options = SqliteConnectOptions::new();
    if let Some(pages) = pages {
        options = options.pragma("max_page_count", pages.to_string());
    }
    let options = options
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY);
    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(TURN)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    let write =
        pool()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(|error| match RecordsError::from(error) {
                RecordsError::Engine(error) => refuse(error.to_string()),
                other => other,
            })?;
    let read = pool()
        .max_connections(READERS)
        .connect_lazy_with(options.read_only(true));
    Ok(SqlitePools { write, read })
}
