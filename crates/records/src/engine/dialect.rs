//! Where the engines' SQL differs. Statements are written once, in the SQL that SQLite and PostgreSQL share, with `?` for what is
//! bound; here they become what one engine takes.
//!
//! | written | SQLite | PostgreSQL | MySQL |
//! |---|---|---|---|
//! | `?` | `?` | `$1`, `$2`, … | `?` |
//! | `ON CONFLICT (k) DO UPDATE SET a = excluded.a` | same | same | `ON DUPLICATE KEY UPDATE a = VALUES(a)` |
//! | `ON CONFLICT (k) DO NOTHING` | same | same | `ON DUPLICATE KEY UPDATE k = k` |
//! | `FOR UPDATE`, `FOR UPDATE SKIP LOCKED` | nothing: it has one writer | same | same |
//! | `AS BIGINT)` of a cast | same | same | `AS SIGNED)` |
//! | `NOW_MS()` | the database's clock, in milliseconds since the Unix epoch | | |

use std::borrow::Cow;
use std::fmt::Write as _;

/// An engine's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

impl Dialect {
    /// The statement as this engine takes it.
    pub fn statement(self, sql: &str) -> Cow<'_, str> {
        if sql.contains(NOW_MS) {
            let sql = sql.replace(NOW_MS, self.now_ms());
            return Cow::Owned(self.translated(&sql).into_owned());
        }
        self.translated(sql)
    }

    fn now_ms(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            Self::MySql => "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
        }
    }

    fn translated(self, sql: &str) -> Cow<'_, str> {
        match self {
            Self::Sqlite => match sql.find(" FOR UPDATE") {
                Some(end) => Cow::Borrowed(&sql[..end]),
                None => Cow::Borrowed(sql),
            },
            Self::Postgres => numbered(sql),
            Self::MySql => mysql(sql),
        }
    }
}

const NOW_MS: &str = "NOW_MS()";

fn numbered(sql: &str) -> Cow<'_, str> {
    let mut parts = sql.split('?');
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        let _ = write!(numbered, "${}{part}", index + 1);
    }
    Cow::Owned(numbered)
}

fn mysql(sql: &str) -> Cow<'_, str> {
    let sql = if sql.contains(" AS BIGINT)") {
        Cow::Owned(sql.replace(" AS BIGINT)", " AS SIGNED)"))
    } else {
        Cow::Borrowed(sql)
    };
    let Some((insert, conflict)) = sql.split_once("ON CONFLICT (") else {
        return sql;
    };
    let Some((key, action)) = conflict.split_once(')') else {
        return sql;
    };
    let action = action.trim_start();
    let mut done = format!("{insert}ON DUPLICATE KEY UPDATE");
    match action.strip_prefix("DO UPDATE SET") {
        Some(assignments) => {
            let mut parts = assignments.split("excluded.");
            done.push_str(parts.next().unwrap_or_default());
            for part in parts {
                let end = part
                    .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                    .unwrap_or(part.len());
                let _ = write!(done, "VALUES({}){}", &part[..end], &part[end..]);
            }
        }
        None => {
            let column = key.split(',').next().unwrap_or(key).trim();
            let _ = write!(done, " {column} = {column}");
        }
    }
    Cow::Owned(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_for_postgresql() {
        let sql = "UPDATE t SET a = ?, b = ? WHERE c = ?";
        assert_eq!(
            Dialect::Postgres.statement(sql),
            "UPDATE t SET a = $1, b = $2 WHERE c = $3"
        );
        assert_eq!(Dialect::Sqlite.statement(sql), sql);
        assert_eq!(Dialect::MySql.statement(sql), sql);
    }

    #[test]
    fn an_upsert_is_mysqls_own() {
        let sql = "INSERT INTO t (k, a, b) VALUES (?, ?, ?)
                   ON CONFLICT (k) DO UPDATE SET a = excluded.a, b = t.b + excluded.b";
        assert_eq!(
            Dialect::MySql.statement(sql),
            "INSERT INTO t (k, a, b) VALUES (?, ?, ?)
                   ON DUPLICATE KEY UPDATE a = VALUES(a), b = t.b + VALUES(b)"
        );
        assert_eq!(Dialect::Sqlite.statement(sql), sql);
        assert_eq!(
            Dialect::MySql.statement("INSERT INTO t (k, l) VALUES (?, ?) ON CONFLICT (k, l) DO NOTHING"),
            "INSERT INTO t (k, l) VALUES (?, ?) ON DUPLICATE KEY UPDATE k = k"
        );
    }

    #[test]
    fn sqlite_locks_no_rows() {
        let sql = "SELECT a FROM t WHERE k = ? FOR UPDATE";
        assert_eq!(Dialect::Sqlite.statement(sql), "SELECT a FROM t WHERE k = ?");
        assert_eq!(
            Dialect::Postgres.statement(sql),
            "SELECT a FROM t WHERE k = $1 FOR UPDATE"
        );
        assert_eq!(Dialect::MySql.statement(sql), sql);
    }

    #[test]
    fn a_cast_to_64_bits_is_signed_for_mysql() {
        let sql = "SELECT CAST(SUM(a) AS BIGINT) AS total FROM t";
        assert_eq!(
            Dialect::MySql.statement(sql),
            "SELECT CAST(SUM(a) AS SIGNED) AS total FROM t"
        );
    }
}
