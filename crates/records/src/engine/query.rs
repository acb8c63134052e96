//! A statement, what is bound to it, and where it runs.

use std::borrow::Cow;

use super::value::Value;
use super::{Access, Engine, Row, Transaction};
use crate::RecordsError;

/// A statement in the SQL of `dialect`. Only text of this crate goes into it; what comes from outside is bound.
///
/// A text of the program is prepared once a connection and kept; one that was put together is not, unless [`Query::kept`].
pub(crate) fn query(sql: impl Into<Cow<'static, str>>) -> Query {
    let sql = sql.into();
    Query {
        kept: matches!(sql, Cow::Borrowed(_)),
        sql,
        values: Vec::new(),
    }
}

pub(crate) struct Query {
    pub(super) sql: Cow<'static, str>,
    pub(super) values: Vec<Value>,
    /// Whether the connection keeps the prepared statement for the next time.
    pub(super) kept: bool,
}

/// What a statement that gives back no rows did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// Rows inserted, deleted, or matched by an update. An upsert may count differently on MySQL: do not rely on it.
    pub rows: u64,
}

impl Done {
    /// [`RecordsError::NotFound`] if no row was there to change.
    pub fn must_exist(self, what: &'static str, id: &str) -> Result<(), RecordsError> {
        if self.rows == 0 {
            return Err(RecordsError::NotFound {
                what,
                id: id.to_owned(),
            });
        }
        Ok(())
    }
}

/// Where a statement runs.
pub(crate) enum On<'on> {
    /// On any free connection, by itself.
    Engine(&'on Engine),
    Transaction(&'on mut Transaction),
}

impl<'on> From<&'on Engine> for On<'on> {
    fn from(engine: &'on Engine) -> Self {
        Self::Engine(engine)
    }
}

impl<'on> From<&'on mut Transaction> for On<'on> {
    fn from(transaction: &'on mut Transaction) -> Self {
        Self::Transaction(transaction)
    }
}

impl Query {
    /// Whether the same text will come again.
    pub fn kept(mut self, kept: bool) -> Self {
        self.kept = kept;
        self
    }

    /// So many values are about to be bound.
    pub fn room(mut self, values: usize) -> Self {
        self.values.reserve(values);
        self
    }

    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs a statement that changes something.
    pub async fn execute(self, on: impl Into<On<'_>>) -> Result<Done, RecordsError> {
        match on.into() {
            On::Engine(engine) => {
                let mut connection = engine.connection(Access::Write).await?;
                connection.execute(self).await
            }
            On::Transaction(transaction) => transaction.connection().execute(self).await,
        }
    }

    /// Runs an `INSERT` into a table whose `id` the database makes, and gives back that id.
    pub async fn insert(self, on: impl Into<On<'_>>) -> Result<i64, RecordsError> {
        match on.into() {
            On::Engine(engine) => {
                let mut connection = engine.connection(Access::Write).await?;
                connection.insert(self).await
            }
            On::Transaction(transaction) => transaction.connection().insert(self).await,
        }
    }

    /// All rows of a statement that changes nothing. Outside of a transaction, SQLite asks a connection that only reads.
    pub async fn all(self, on: impl Into<On<'_>>) -> Result<Rows, RecordsError> {
        match on.into() {
            On::Engine(engine) => {
                let mut connection = engine.connection(Access::Read).await?;
                connection.fetch(self).await
            }
            On::Transaction(transaction) => transaction.connection().fetch(self).await,
        }
    }

    /// The first row, if there is one.
    pub async fn optional(self, on: impl Into<On<'_>>) -> Result<Option<Row>, RecordsError> {
        Ok(self.all(on).await?.into_iter().next())
    }
}

/// The rows of a statement.
pub(crate) type Rows = Vec<Row>;
