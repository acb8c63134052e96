//! The engines, behind one way to run a statement on any of them. What the statements say is not known here.
//!
//! A statement is a [`query`] with what is bound to it; it runs on an [`Engine`] (each statement for itself) or in a
//! [`Transaction`]. `dialect` is where the engines' SQL differs, `fault` where their errors do, and each engine's own file
//! knows how it is opened.

mod connection;
mod dialect;
mod fault;
mod migrate;
mod mysql;
mod postgres;
mod query;
mod row;
mod server;
mod sqlite;
#[cfg(test)]
mod tests;
mod transaction;
mod value;

use ::sqlx::mysql::MySqlPool;
use ::sqlx::postgres::PgPool;

use connection::Connection;
use dialect::Dialect;
use sqlite::SqlitePools;

use crate::RecordsError;
use crate::url::{DatabaseUrl, Place};

pub(crate) use fault::{missing_or, taken_or, violates};
pub(crate) use query::{Done, Query, Rows, query};
pub(crate) use row::{Row, Unreadable, unreadable};
pub(crate) use transaction::Transaction;
pub(crate) use value::Value;

/// An opened database.
#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(SqlitePools),
    Postgres(PgPool),
    MySql(MySqlPool),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl Engine {
    /// Opens the database and brings it to this version's form.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, RecordsError> {
        let engine = Self::connect(url).await?;
        engine.migrate(migrate::NEWEST, url).await?;
        Ok(engine)
    }

    /// Connects to a database that is there and of this version's form, and leaves it as it is.
    pub async fn look(url: &DatabaseUrl) -> Result<Self, RecordsError> {
        let refuse = |reason: &str| RecordsError::Open {
            at: url.to_string(),
            reason: reason.to_owned(),
        };
        if url.path().is_some_and(|path| !path.is_file()) {
            return Err(refuse("there is no such file"));
        }
        let engine = Self::connect(url).await?;
        let newest = query("SELECT version FROM _sqlx_migrations ORDER BY version DESC LIMIT 1");
        let found = newest.optional(&engine).await;
        let found = found.map_err(|_| refuse("it holds no records of Creel"))?;
        match found.map(|row| row.get::<i64>("version")).transpose()? {
            Some(version) if version > migrate::NEWEST => Err(RecordsError::Newer {
                at: url.to_string(),
                version,
            }),
            Some(version) if version == migrate::NEWEST => Ok(engine),
            _ => Err(refuse(
                "an earlier Creel wrote it; the next `creel up` brings it to this version's form",
            )),
        }
    }

    /// A SQLite file that never grows past `pages` of 4 KiB: a disk that is full.
    pub async fn open_bounded(path: &std::path::Path, pages: u32) -> Result<Self, RecordsError> {
        let engine = sqlite::connect(path, Some(pages)).await.map(Self::Sqlite)?;
        engine.migrate(migrate::NEWEST, &DatabaseUrl::file(path)).await?;
        Ok(engine)
    }

    async fn connect(url: &DatabaseUrl) -> Result<Self, RecordsError> {
        match &url.place {
            Place::Sqlite(path) => sqlite::connect(path, None).await.map(Self::Sqlite),
            Place::Postgres(options) => postgres::connect(options, url).await.map(Self::Postgres),
            Place::MySql(options) => mysql::connect(options, url).await.map(Self::MySql),
        }
    }

    /// As far as a Creel goes whose newest migration is `newest`.
    async fn migrate(&self, newest: i64, url: &DatabaseUrl) -> Result<(), RecordsError> {
        match self {
            Self::Sqlite(pools) => migrate::run(newest, Dialect::Sqlite, pools.of(Access::Write), url).await,
            Self::Postgres(pool) => migrate::run(newest, Dialect::Postgres, pool, url).await,
            Self::MySql(pool) => {
                let mut connection = mysql::locked(pool).await?;
                migrate::run(newest, Dialect::MySql, &mut *connection, url).await
            }
        }
    }

    /// Begins a transaction; dropped without [`Transaction::commit`], it changes nothing.
    pub async fn begin(&self) -> Result<Transaction, RecordsError> {
        Transaction::begin(self.connection(Access::Write).await?).await
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pools) => pools.close().await,
            Self::Postgres(pool) => pool.close().await,
            Self::MySql(pool) => pool.close().await,
        }
    }

    async fn connection(&self, access: Access) -> Result<Connection, RecordsError> {
        match self {
            Self::Sqlite(pools) => pools.of(access).acquire().await.map(Connection::Sqlite),
            Self::Postgres(pool) => pool.acquire().await.map(Connection::Postgres),
            Self::MySql(pool) => pool.acquire().await.map(Connection::MySql),
        }
        .map_err(RecordsError::from)
    }
}
