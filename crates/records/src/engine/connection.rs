//! One connection of any engine: the only place that hands SQL to a driver.

use std::sync::Arc;
use std::time::Duration;

use ::sqlx::database::HasStatementCache;
use ::sqlx::encode::Encode;
use ::sqlx::mysql::MySql;
use ::sqlx::pool::PoolConnection;
use ::sqlx::postgres::Postgres;
use ::sqlx::sqlite::Sqlite;
use ::sqlx::types::Type;
use ::sqlx::{AssertSqlSafe, Database, IntoArguments, query_with, raw_sql};
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;

use super::query::Query;
use super::value::{Value, arguments};
use super::{Dialect, Done, Row, Rows};
use crate::RecordsError;

/// How long a statement may take. Past it the server counts as gone: a connection whose other end vanished says nothing.
const STATEMENT: Duration = Duration::from_secs(30);

pub(super) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
    MySql(PoolConnection<MySql>),
}

/// The same lines for each engine: the drivers' types differ, what is asked of them does not. Inside, `$driver` is the engine's type.
macro_rules! on_each {
    ($connection:expr, $driver:ident, $of_engine:ident => $body:expr) => {
        match $connection {
            Connection::Sqlite($of_engine) => {
                type $driver = Sqlite;
                $body
            }
            Connection::Postgres($of_engine) => {
                type $driver = Postgres;
                $body
            }
            Connection::MySql($of_engine) => {
                type $driver = MySql;
                $body
            }
        }
    };
}

impl Connection {
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    pub async fn execute(&mut self, query: Query) -> Result<Done, RecordsError> {
        let sql = self.dialect().statement(&query.sql).into_owned();
        let done = on_each!(self, Driver, connection => {
            let prepared = prepare::<Driver>(sql, query.values, query.kept)?;
            bounded(prepared.execute(&mut **connection)).await.map(|done| Done { rows: done.rows_affected() })
        });
        self.judged(done)
    }

    pub async fn fetch(&mut self, query: Query) -> Result<Rows, RecordsError> {
        let rows = bounded(self.stream(query)?.try_collect()).await;
        self.judged(rows)
    }

    /// The rows as they come, for what does not fit in memory. Nothing bounds how long that takes.
    pub fn stream(&mut self, query: Query) -> Result<BoxStream<'_, Result<Row, ::sqlx::Error>>, RecordsError> {
        let Query { sql, values, kept } = query;
        let sql = self.dialect().statement(&sql).into_owned();
        Ok(match self {
            Self::Sqlite(connection) => prepare::<Sqlite>(sql, values, kept)?
                .map(Row::Sqlite)
                .fetch(&mut **connection),
            Self::Postgres(connection) => prepare::<Postgres>(sql, values, kept)?
                .map(Row::Postgres)
                .fetch(&mut **connection),
            Self::MySql(connection) => prepare::<MySql>(sql, values, kept)?
                .map(Row::MySql)
                .fetch(&mut **connection),
        })
    }

    /// MySQL has no `RETURNING`, but says which id it made.
    pub async fn insert(&mut self, query: Query) -> Result<i64, RecordsError> {
        if let Self::MySql(connection) = self {
            let sql = Dialect::MySql.statement(&query.sql).into_owned();
            let prepared = prepare::<MySql>(sql, query.values, query.kept)?;
            let done = bounded(prepared.execute(&mut **connection)).await;
            return self.judged(done.map(|done| i64::try_from(done.last_insert_id()).unwrap_or(i64::MAX)));
        }
        let sql = format!("{} RETURNING id", query.sql).into();
        let rows = self.fetch(Query { sql, ..query }).await?;
        let row = rows.first().ok_or(::sqlx::Error::RowNotFound)?;
        Ok(row.get("id")?)
    }

    /// `BEGIN` and the like, which MySQL does not prepare.
    pub async fn raw(&mut self, sql: &'static str) -> Result<(), RecordsError> {
        let done =
            on_each!(self, _Driver, connection => bounded(raw_sql(sql).execute(&mut **connection)).await.map(drop));
        self.judged(done)
    }

    /// Closes the connection when it is dropped, rather than giving it back to be used again.
    pub fn give_up(&mut self) {
        on_each!(self, _Driver, connection => connection.close_on_drop());
    }

    /// A connection that failed in the middle of something is not used again.
    fn judged<T>(&mut self, result: Result<T, ::sqlx::Error>) -> Result<T, RecordsError> {
        result.map_err(|error| {
            let error = RecordsError::from(error);
            if matches!(error, RecordsError::Unavailable(_)) {
                self.give_up();
            }
            error
        })
    }
}

fn prepare<D>(
    sql: String,
    values: Vec<Value>,
    kept: bool,
) -> Result<::sqlx::query::Query<'static, D, D::Arguments>, ::sqlx::Error>
where
    D: Database + HasStatementCache,
    D::Arguments: IntoArguments<D>,
    for<'v> Option<i64>: Encode<'v, D> + Type<D>,
    for<'v> Option<f64>: Encode<'v, D> + Type<D>,
    for<'v> Option<Arc<str>>: Encode<'v, D> + Type<D>,
    for<'v> Option<Vec<u8>>: Encode<'v, D> + Type<D>,
{
    let arguments = arguments::<D>(values).map_err(::sqlx::Error::Encode)?;
    Ok(query_with(AssertSqlSafe(sql), arguments).persistent(kept))
}

async fn bounded<T>(work: impl Future<Output = Result<T, ::sqlx::Error>>) -> Result<T, ::sqlx::Error> {
    tokio::time::timeout(STATEMENT, work)
        .await
        .unwrap_or_else(|_| Err(::sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
