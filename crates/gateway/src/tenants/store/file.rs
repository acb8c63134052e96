//! The file of the last good state: its tables, its lock, and what becomes of one that cannot be read.

use std::fs::OpenOptions;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use thiserror::Error;

pub const FILE: &str = "users.db";
/// Of the tables below; the one before lacks two columns, and an older one's file is filled anew.
const VERSION: i64 = 4;
const BEFORE: i64 = 3;
const FROM_BEFORE: &str = "
    ALTER TABLE progress ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE progress ADD COLUMN synced INTEGER NOT NULL DEFAULT 0;
    PRAGMA user_version = 4;
";
const TABLES: &str = "
    CREATE TABLE users (
        id      TEXT    NOT NULL PRIMARY KEY,
        active  INTEGER NOT NULL,
        tokens  BLOB    NOT NULL,  -- 32 bytes of SHA-256 and 8 of expiry for each, 0 for none
        config  TEXT    NOT NULL,
        refused TEXT,              -- why there is no configuration
        listing INTEGER NOT NULL,  -- the last listing of everything that the user was in, or came after
        created INTEGER NOT NULL,  -- milliseconds since the Unix epoch; 0: not known
        model_key TEXT             -- the virtual key that the user's model calls are charged by
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE progress (
        one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        sync_token TEXT,
        listing    INTEGER NOT NULL,
        in_listing INTEGER NOT NULL,  -- 1: its last page is still to come
        complete   INTEGER NOT NULL,  -- 1: a listing was read to its end, once
        ahead      INTEGER NOT NULL,  -- seconds that the Cloud Backend's clock was ahead of ours
        synced     INTEGER NOT NULL   -- when the last sync came to its end, milliseconds since the Unix epoch; 0: none did
    ) STRICT;
    INSERT INTO progress VALUES (1, NULL, 0, 0, 0, 0, 0);
    PRAGMA user_version = 4;
";

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("{}: {source}; multiTenant.configRoot must exist or be creatable, and be writable", .path.display())]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("{}: another gateway uses it; give each one a multiTenant.configRoot of its own", .path.display())]
    Taken { path: PathBuf },
    #[error("the users' last good state: {0}")]
    Engine(#[from] sqlx::Error),
}

/// Makes the directory and the file in it (0700, 0600) where they are missing, and keeps other gateways away from them for as long as what it
/// gives is open.
pub fn lock(directory: &Path) -> Result<std::fs::File, StoreError> {
    let failed = |source| StoreError::Directory {
        path: directory.to_owned(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    let lock = private(directory, "users.lock").map_err(failed)?;
    if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(StoreError::Taken {
            path: directory.to_owned(),
        });
    }
    private(directory, FILE).map_err(failed)?;
    Ok(lock)
}

/// Puts the file aside, and makes an empty one.
pub async fn put_aside(directory: &Path, error: &dyn std::error::Error) -> Result<SqlitePool, StoreError> {
    let path = directory.join(FILE);
    tracing::warn!(%error, path = %path.display(), "the users' last good state cannot be read; it is put aside");
    for ending in ["", "-wal", "-shm"] {
        let name = format!("{FILE}{ending}");
        let _ = std::fs::rename(directory.join(&name), directory.join(format!("{name}.broken")));
    }
    private(directory, FILE).map_err(|source| StoreError::Directory {
        path: directory.to_owned(),
        source,
    })?;
    Ok(connect(directory).await?)
}

/// A file that nobody else may read, made where it is missing.
fn private(directory: &Path, name: &str) -> std::io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options.open(directory.join(name))
}

pub async fn connect(directory: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(directory.join(FILE))
        .journal_mode(SqliteJournalMode::Wal)
        // A power cut may take the last pages; the sync token goes with them, and they are asked for again.
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePoolOptions::new()
        .max_connections(2)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&pool).await?;
    if version == BEFORE {
        sqlx::raw_sql(FROM_BEFORE).execute(&pool).await?;
    } else if version != VERSION {
        sqlx::raw_sql("DROP TABLE IF EXISTS users; DROP TABLE IF EXISTS progress")
            .execute(&pool)
            .await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
    }
    Ok(pool)
}
