//! What a statement gives back: a row of any engine, read by column name.

use std::str::FromStr;

use sqlx::decode::Decode;
use sqlx::mysql::{MySql, MySqlRow};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::types::Type;

use super::Value;
use crate::RecordsError;

/// A row.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    MySql(MySqlRow),
}

/// A column's type.
enum Kind {
    Integer,
    Real,
    Text,
    Blob,
}

/// A column that is not what this version wrote.
#[derive(Debug)]
pub(crate) struct Unreadable {
    column: String,
    reason: String,
}

impl Unreadable {
    /// The error of a caller who knows whose record it is.
    pub fn of(self, what: &'static str, id: &str) -> RecordsError {
        RecordsError::Damaged {
            what,
            id: id.to_owned(),
            reason: format!("{}: {}", self.column, self.reason),
        }
    }
}

impl From<Unreadable> for RecordsError {
    fn from(Unreadable { column, reason }: Unreadable) -> Self {
        Self::Damaged {
            what: "column",
            id: column,
            reason,
        }
    }
}

/// What every engine can read from a column: `i64`, `f64`, `String`, `Vec<u8>`, and the `Option` of each.
pub(crate) trait Cell:
    for<'r> Decode<'r, Sqlite>
    + Type<Sqlite>
    + for<'r> Decode<'r, Postgres>
    + Type<Postgres>
    + for<'r> Decode<'r, MySql>
    + Type<MySql>
{
}

impl<T> Cell for T where
    T: for<'r> Decode<'r, Sqlite>
        + Type<Sqlite>
        + for<'r> Decode<'r, Postgres>
        + Type<Postgres>
        + for<'r> Decode<'r, MySql>
        + Type<MySql>
{
}

impl Row {
    pub fn get<T: Cell>(&self, column: &str) -> Result<T, Unreadable> {
        use sqlx::Row as _;
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
            Self::MySql(row) => row.try_get(column),
        }
        .map_err(|error| unreadable(column, error))
    }

    /// The columns' names, in their order.
    pub fn columns(&self) -> Vec<&str> {
        use sqlx::{Column as _, Row as _};
        match self {
            Self::Sqlite(row) => row.columns().iter().map(|column| column.name()).collect(),
            Self::Postgres(row) => row.columns().iter().map(|column| column.name()).collect(),
            Self::MySql(row) => row.columns().iter().map(|column| column.name()).collect(),
        }
    }

    /// All columns, each of the type that its table gives it.
    pub fn values(&self) -> Result<Vec<Value>, Unreadable> {
        let columns = self.columns().into_iter().enumerate();
        columns
            .map(|(index, column)| {
                Ok(match self.kind(index) {
                    Kind::Integer => Value::Integer(self.get(column)?),
                    Kind::Real => Value::Real(self.get(column)?),
                    Kind::Text => self.get::<Option<String>>(column)?.into(),
                    Kind::Blob => Value::Blob(self.get(column)?),
                })
            })
            .collect()
    }

    fn kind(&self, index: usize) -> Kind {
        use sqlx::{Column as _, Row as _, TypeInfo as _};
        let name = match self {
            Self::Sqlite(row) => row.column(index).type_info().name(),
            Self::Postgres(row) => row.column(index).type_info().name(),
            Self::MySql(row) => row.column(index).type_info().name(),
        };
        // The drivers' names of the types in `migrate`.
        match name {
            "INTEGER" | "INT8" | "BIGINT" => Kind::Integer,
            "REAL" | "FLOAT8" | "DOUBLE" => Kind::Real,
            "BLOB" | "BYTEA" | "LONGBLOB" | "BINARY" | "VARBINARY" => Kind::Blob,
            _ => Kind::Text,
        }
    }

    pub fn integer<T: TryFrom<i64>>(&self, column: &str) -> Result<T, Unreadable> {
        fitting(column, self.get(column)?)
    }

    pub fn integer_or_null<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>, Unreadable> {
        let value: Option<i64> = self.get(column)?;
        value.map(|value| fitting(column, value)).transpose()
    }

    pub fn flag(&self, column: &str) -> Result<bool, Unreadable> {
        Ok(self.get::<i64>(column)? != 0)
    }

    /// A text that is one of a set of names.
    pub fn named<T: FromStr>(&self, column: &str) -> Result<T, Unreadable>
    where
        T::Err: ToString,
    {
        let name: String = self.get(column)?;
        name.parse().map_err(|error: T::Err| unreadable(column, error))
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, Unreadable> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|error| unreadable(column, error))
    }

    /// A SHA-256.
    pub fn digest(&self, column: &str) -> Result<[u8; 32], Unreadable> {
        let bytes: Vec<u8> = self.get(column)?;
        bytes.try_into().map_err(|_| unreadable(column, "it is not 32 bytes"))
    }
}

fn fitting<T: TryFrom<i64>>(column: &str, value: i64) -> Result<T, Unreadable> {
    T::try_from(value).map_err(|_| unreadable(column, format!("{value} is out of range")))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "errors and texts are handed over where they arise"
)]
pub(crate) fn unreadable(column: &str, reason: impl ToString) -> Unreadable {
    Unreadable {
        column: column.to_owned(),
        reason: reason.to_string(),
    }
}
