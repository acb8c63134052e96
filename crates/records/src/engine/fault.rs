//! What the engines' errors mean to a caller.

use ::sqlx::error::{DatabaseError, ErrorKind};

use super::{Dialect, RecordsError};

impl From<::sqlx::Error> for RecordsError {
    fn from(error: ::sqlx::Error) -> Self {
        use ::sqlx::Error as E;
        match &error {
            E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Tls(_) => Self::Unavailable(error),
            E::Database(database) => match meaning(&**database) {
                Meaning::Full => Self::Full(error),
                Meaning::Gone => Self::Unavailable(error),
                Meaning::Conflict => Self::Conflict(error),
                Meaning::Other => Self::Engine(error),
            },
            _ => Self::Engine(error),
        }
    }
}

enum Meaning {
    /// No space for the change.
    Full,
    /// The server is stopping, starting, or takes no more connections; SQLite's file is held by another process.
    Gone,
    /// Two transactions wait for each other, and this one gave way.
    Conflict,
    Other,
}

fn dialect(error: &dyn DatabaseError) -> Dialect {
    use ::sqlx::{mysql::MySqlDatabaseError, postgres::PgDatabaseError};
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        Dialect::Postgres
    } else if error.try_downcast_ref::<MySqlDatabaseError>().is_some() {
        Dialect::MySql
    } else {
        Dialect::Sqlite
    }
}

/// SQLite: <https://www.sqlite.org/rescode.html>. PostgreSQL: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
/// MySQL: <https://mariadb.com/kb/en/mariadb-error-codes/>.
fn meaning(error: &dyn DatabaseError) -> Meaning {
    let code = error.code().unwrap_or_default();
    match dialect(error) {
        Dialect::Sqlite => match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(13) => Meaning::Full,
            Ok(5 | 6) => Meaning::Gone,
            _ => Meaning::Other,
        },
        Dialect::Postgres => match &*code {
            "53100" => Meaning::Full,
            "40001" | "40P01" => Meaning::Conflict,
            "57P01" | "57P02" | "57P03" | "53300" => Meaning::Gone,
            code if code.starts_with("08") => Meaning::Gone,
            _ => Meaning::Other,
        },
        Dialect::MySql => match mysql_number(error) {
            // ER_DISK_FULL, ER_RECORD_FILE_FULL
            1021 | 1114 => Meaning::Full,
            // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_CHECKREAD
            1205 | 1213 | 1020 => Meaning::Conflict,
            // ER_CON_COUNT_ERROR, ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED
            1040 | 1053 | 1927 => Meaning::Gone,
            _ => Meaning::Other,
        },
    }
}

fn mysql_number(error: &dyn DatabaseError) -> u16 {
    error
        .try_downcast_ref::<::sqlx::mysql::MySqlDatabaseError>()
        .map_or(0, |error| error.number())
}

/// Whether the error is a value that exists already in `column`. A unique key is named after its column: PostgreSQL names the constraint
/// `table_column_key`, SQLite says `table.column`, MySQL names the key `column` (MySQL 8: `table.column`).
pub(crate) fn violates(error: &RecordsError, column: &str) -> bool {
    let Some(error) = violation(error) else { return false };
    let named = match dialect(error) {
        Dialect::Postgres => error.constraint().unwrap_or_default(),
        Dialect::Sqlite => error.message(),
        // `Duplicate entry '…' for key '…'`: the entry is the caller's own text.
        Dialect::MySql => error.message().rsplit_once(" for key ").map_or("", |(_, key)| key),
    };
    match dialect(error) {
        Dialect::Postgres => named.ends_with(&format!("_{column}_key")),
        Dialect::Sqlite | Dialect::MySql => {
            let named = named.trim_end_matches(['\'', '`', '"']);
            named.ends_with(column)
                && !named
                    .trim_end_matches(column)
                    .ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_')
        }
    }
}

fn violation(error: &RecordsError) -> Option<&dyn DatabaseError> {
    match error {
        RecordsError::Engine(error) => error
            .as_database_error()
            .filter(|error| error.kind() == ErrorKind::UniqueViolation),
        _ => None,
    }
}

/// A violated uniqueness means that `what` is taken.
pub(crate) fn taken_or(what: &'static str, id: impl Into<String>) -> impl FnOnce(RecordsError) -> RecordsError {
    move |error| match violation(&error) {
        Some(_) => RecordsError::Taken { what, id: id.into() },
        None => error,
    }
}

/// A violated reference means that there is no such `what`.
pub(crate) fn missing_or(what: &'static str, id: impl Into<String>) -> impl FnOnce(RecordsError) -> RecordsError {
    move |error| match &error {
        RecordsError::Engine(::sqlx::Error::Database(database)) if database.is_foreign_key_violation() => {
            RecordsError::NotFound { what, id: id.into() }
        }
        _ => error,
    }
}
