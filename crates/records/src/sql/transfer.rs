//! Moves all records from one database to another, in one transaction of the one they go to.

use futures_util::TryStreamExt as _;

use super::{SqlRecords, rows};
use crate::RecordsError;
use crate::engine::{Query, Row, Transaction, Value, query};

/// Every table, in an order in which no row comes before one that it refers to. A migration that makes a table names it here (a test sees
/// to it).
const TABLES: &[&str] = &[
    "instances",
    "images",
    "administrators",
    "api_tokens",
    "logins",
    "events",
    "purses",
    "ledger_nodes",
    "escrow",
    "ledger_entries",
    "credit_grants",
    "calls",
    "usage_sums",
    "llm_providers",
    "llm_models",
    "llm_prices",
    "llm_currencies",
    "llm_groups",
    "llm_keys",
    "users",
    "user_tokens",
    "deleted_users",
    "user_logins",
    "refresh_tokens",
    "signing_keys",
    "user_keys",
    "users_gateway",
    "subjects",
    "change_eras",
    "sequences",
];

/// The tables that a new database has rows in.
const FILLED: &[&str] = &["sequences", "change_eras"];

/// Rows that are held in memory at a time.
const CHUNK: usize = 2_000;

/// Where a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moving {
    pub table: &'static str,
    /// Rows of this table that were written.
    pub rows: u64,
}

/// Why records were not moved. The target is as it was.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("the target has {rows} rows in {table} already; name an empty database")]
    NotEmpty { table: &'static str, rows: i64 },

    /// The target does not hold what was written to it.
    #[error("{table} has {source_rows} rows, but {target_rows} arrived; nothing was moved")]
    Incomplete {
        table: &'static str,
        source_rows: i64,
        target_rows: i64,
    },

    #[error("the source: {0}")]
    Source(#[source] RecordsError),

    #[error("the target: {0}")]
    Target(#[source] RecordsError),
}

impl SqlRecords {
    /// Copies all records into `target`, which has none, and counts them there. The source is not changed, and takes no writes meanwhile if
    /// it is SQLite. Gives back how many rows went over.
    ///
    /// # Errors
    /// [`MoveError`]; the target is then as it was.
    pub async fn move_to(&self, target: &Self, mut told: impl FnMut(Moving)) -> Result<u64, MoveError> {
        let mut source = self.engine.begin().await.map_err(MoveError::Source)?;
        let mut transaction = target.engine.begin().await.map_err(MoveError::Target)?;
        let moved = all_tables(&mut source, &mut transaction, &mut told).await;
        let ended = match moved {
            Ok(rows) => transaction.reseed().await.map(|()| rows).map_err(MoveError::Target),
            Err(error) => Err(error),
        };
        // Nothing was written to the source; what it says now changes nothing.
        let _ = source.rollback().await;
        match ended {
            Ok(rows) => {
                transaction.commit().await.map_err(MoveError::Target)?;
                Ok(rows)
            }
            Err(error) => {
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }
}

async fn all_tables(
    source: &mut Transaction,
    target: &mut Transaction,
    told: &mut impl FnMut(Moving),
) -> Result<u64, MoveError> {
    for table in TABLES.iter().filter(|table| !FILLED.contains(table)) {
        let rows = count(target, table).await.map_err(MoveError::Target)?;
        if rows > 0 {
            return Err(MoveError::NotEmpty { table, rows });
        }
    }
    for table in FILLED {
        let emptied = query(format!("DELETE FROM {table}")).execute(&mut *target).await;
        emptied.map_err(MoveError::Target)?;
    }
    let mut total = 0;
    for table in TABLES {
        let source_rows = count(source, table).await.map_err(MoveError::Source)?;
        one_table(table, source, target, told).await?;
        let target_rows = count(target, table).await.map_err(MoveError::Target)?;
        if source_rows != target_rows {
            return Err(MoveError::Incomplete {
                table,
                source_rows,
                target_rows,
            });
        }
        total += u64::try_from(target_rows).unwrap_or_default();
    }
    Ok(total)
}

async fn one_table(
    table: &'static str,
    source: &mut Transaction,
    target: &mut Transaction,
    told: &mut impl FnMut(Moving),
) -> Result<(), MoveError> {
    let failed = |error: sqlx::Error| MoveError::Source(error.into());
    let mut moving = Moving { table, rows: 0 };
    told(moving);
    let stream = source
        .stream(query(format!("SELECT * FROM {table}")))
        .map_err(MoveError::Source)?;
    let mut chunks = stream.try_chunks(CHUNK);
    while let Some(chunk) = chunks.try_next().await.map_err(|error| failed(error.1))? {
        let Some(first) = chunk.first() else { continue };
        let columns = first.columns();
        let head = format!("INSERT INTO {table} ({})", columns.join(", "));
        let values = chunk.iter().map(Row::values).collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|error| MoveError::Source(error.into()))?;
        let bind = |insert: Query, row: &Vec<Value>| row.iter().cloned().fold(insert, Query::bind);
        rows::insert(target, &head, columns.len(), "", &values, bind)
            .await
            .map_err(MoveError::Target)?;
        moving.rows += values.len() as u64;
        told(moving);
    }
    Ok(())
}

async fn count(transaction: &mut Transaction, table: &str) -> Result<i64, RecordsError> {
    let row = query(format!("SELECT count(*) AS n FROM {table}"))
        .optional(transaction)
        .await?;
    row.map_or(Ok(0), |row| Ok(row.get("n")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseUrl;
    use crate::engine::Engine;

    #[tokio::test]
    async fn every_table_is_moved() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let engine = Engine::open(&DatabaseUrl::file(dir.path().join("creel.db"))).await?;
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'";
        let mut there = Vec::new();
        for row in query(sql).all(&engine).await? {
            there.push(row.get::<String>("name").map_err(RecordsError::from)?);
        }
        let mut moved: Vec<_> = TABLES.iter().map(|table| (*table).to_owned()).collect();
        there.sort();
        moved.sort();
        assert_eq!(there, moved, "TABLES names every table that a migration makes");
        Ok(())
    }
}
