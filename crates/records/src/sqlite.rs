//! The embedded engine: one SQLite file, write-ahead log, mode 0600.
//!
//! Writes go through one connection (SQLite has one writer anyway: queueing here is cheaper than its busy retries), reads
//! through others that never wait for it. `synchronous = FULL`: a commit is on the disk when it returns, and survives a
//! power cut (<https://www.sqlite.org/pragma.html#pragma_synchronous>).

mod accounts;
mod events;
mod instances;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqlSafeStr as _;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::{
    Administrator, ApiToken, Desired, Event, InstanceChange, InstanceRecord, Login, NewApiToken, NewEvent, NewInstance,
    Observed, Records, RecordsError,
};

/// Every migration there ever was, oldest first.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "first light", include_str!("../migrations/0001_first_light.sql")),
    (2, "event data", include_str!("../migrations/0002_event_data.sql")),
];

/// Connections that only read. Two: a page and a background task at a time; each holds a page cache.
const READERS: u32 = 2;

/// How long a write waits for another process (a backup, a shell) that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// The records of one home directory.
#[derive(Clone)]
pub struct SqliteRecords {
    write: SqlitePool,
    read: SqlitePool,
}

impl SqliteRecords {
    /// Opens the file, making it (0600) where there is none, and brings it to this version's form.
    ///
    /// # Errors
    /// [`RecordsError::Open`], [`RecordsError::Full`], or [`RecordsError::Newer`] if a newer Creel wrote it.
    pub async fn open(path: &Path) -> Result<Self, RecordsError> {
        Self::open_with(path, SqliteConnectOptions::new()).await
    }

    /// As [`SqliteRecords::open`], but the file never grows past `pages` of 4 KiB: a disk that is full.
    ///
    /// # Errors
    /// As [`SqliteRecords::open`].
    pub async fn open_bounded(path: &Path, pages: u32) -> Result<Self, RecordsError> {
        Self::open_with(
            path,
            SqliteConnectOptions::new().pragma("max_page_count", pages.to_string()),
        )
        .await
    }

    async fn open_with(path: &Path, options: SqliteConnectOptions) -> Result<Self, RecordsError> {
        let refuse = |reason: String| RecordsError::Open {
            path: path.to_owned(),
            reason,
        };
        // SQLite makes its -wal and -shm files with the mode of the main file: https://www.sqlite.org/wal.html
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| refuse(error.to_string()))?;
        let options = options
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let pool = || {
            SqlitePoolOptions::new()
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let write = pool()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(|error| match error {
                sqlx::Error::Database(database) if is_full(&*database) => {
                    RecordsError::Full(sqlx::Error::Database(database))
                }
                other => refuse(other.to_string()),
            })?;
        migrate(&write, path).await?;
        let read = pool()
            .max_connections(READERS)
            .connect_lazy_with(options.read_only(true));
        Ok(Self { write, read })
    }

    /// Waits for what is under way and closes the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), RecordsError> {
    let migrations = MIGRATIONS.iter().map(|(version, title, sql)| {
        Migration::new(
            *version,
            (*title).into(),
            MigrationType::Simple,
            (*sql).into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
        .run(pool)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => RecordsError::Newer {
                path: path.to_owned(),
                version,
            },
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => engine(error),
            other => RecordsError::Open {
                path: path.to_owned(),
                reason: other.to_string(),
            },
        })
}

/// `SQLITE_FULL`, primary result code 13: <https://www.sqlite.org/rescode.html#full>.
fn is_full(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some("13")
}

fn engine(error: sqlx::Error) -> RecordsError {
    match error.as_database_error() {
        Some(database) if is_full(database) => RecordsError::Full(error),
        _ => RecordsError::Engine(error),
    }
}

/// As [`engine`], where a violated uniqueness means that `what` is taken.
fn taken_or(what: &'static str, id: impl Into<String>) -> impl FnOnce(sqlx::Error) -> RecordsError {
    let id = id.into();
    move |error| match error.as_database_error() {
        Some(database) if database.is_unique_violation() => RecordsError::Taken { what, id },
        _ => engine(error),
    }
}

#[async_trait]
impl Records for SqliteRecords {
    async fn insert_instance(&self, new: &NewInstance) -> Result<InstanceRecord, RecordsError> {
        instances::insert(&self.write, new).await
    }

    async fn instance(&self, id: &str) -> Result<Option<InstanceRecord>, RecordsError> {
        instances::one(&self.read, id).await
    }

    async fn instances(&self) -> Result<Vec<InstanceRecord>, RecordsError> {
        instances::all(&self.read).await
    }

    async fn set_desired(&self, id: &str, desired: Desired) -> Result<(), RecordsError> {
        instances::set_desired(&self.write, id, desired).await
    }

    async fn set_observed(&self, id: &str, observed: &Observed) -> Result<(), RecordsError> {
        instances::set_observed(&self.write, id, observed).await
    }

    async fn update_instance(&self, id: &str, change: &InstanceChange) -> Result<(), RecordsError> {
        instances::update(&self.write, id, change).await
    }

    async fn set_token(&self, id: &str, sha256: &[u8; 32], sealed: &[u8]) -> Result<(), RecordsError> {
        instances::set_token(&self.write, id, sha256, sealed).await
    }

    async fn delete_instance(&self, id: &str) -> Result<bool, RecordsError> {
        instances::delete(&self.write, id).await
    }

    async fn put_administrator(&self, name: &str, password_phc: &str) -> Result<(), RecordsError> {
        accounts::put_administrator(&self.write, name, password_phc).await
    }

    async fn administrator(&self, name: &str) -> Result<Option<Administrator>, RecordsError> {
        accounts::administrator(&self.read, name).await
    }

    async fn administrators(&self) -> Result<Vec<Administrator>, RecordsError> {
        accounts::administrators(&self.read).await
    }

    async fn put_api_token(&self, new: &NewApiToken) -> Result<(), RecordsError> {
        accounts::put_api_token(&self.write, new).await
    }

    async fn api_token(&self, sha256: &[u8; 32]) -> Result<Option<ApiToken>, RecordsError> {
        accounts::api_token(&self.read, sha256).await
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, RecordsError> {
        accounts::api_tokens(&self.read).await
    }

    async fn delete_api_token(&self, name: &str) -> Result<bool, RecordsError> {
        accounts::delete_api_token(&self.write, name).await
    }

    async fn insert_login(&self, login: &Login) -> Result<(), RecordsError> {
        accounts::insert_login(&self.write, login).await
    }

    async fn login(&self, sha256: &[u8; 32], now: i64) -> Result<Option<Login>, RecordsError> {
        accounts::login(&self.read, sha256, now).await
    }

    async fn delete_login(&self, sha256: &[u8; 32]) -> Result<bool, RecordsError> {
        accounts::delete_login(&self.write, sha256).await
    }

    async fn delete_expired_logins(&self, now: i64) -> Result<u64, RecordsError> {
        accounts::delete_expired_logins(&self.write, now).await
    }

    async fn append_event(&self, new: &NewEvent) -> Result<Event, RecordsError> {
        events::append(&self.write, new).await
    }

    async fn recent_events(&self, limit: u32) -> Result<Vec<Event>, RecordsError> {
        events::recent(&self.read, limit).await
    }
}
