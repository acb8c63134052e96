//! The books on every engine.
//!
//! Whoever changes a purse locks its row first, purses in the order of their names; a node's own row comes before all
//! purses. Sums over many rows are written as statements of many rows ([`rows`]): a dealing of two thousand calls is some
//! dozens of statements.

mod alerts;
mod credits;
mod entries;
mod exchange;
mod grants;
mod node;
mod nodes;
mod purses;
mod settle;
mod usage;
#[cfg(test)]
mod usage_plans;

use super::rows;
use crate::RecordsError;
use crate::engine::{Row, Transaction, query};
use crate::ledger::Micros;

/// The database's clock, in milliseconds since the Unix epoch; it goes on within a transaction.
async fn now(transaction: &mut Transaction) -> Result<i64, RecordsError> {
    let row = query("SELECT NOW_MS() AS now").optional(transaction).await?;
    Ok(row.map_or(Ok(0), |row| row.get("now"))?)
}

fn micros(row: &Row, column: &str) -> Result<Micros, RecordsError> {
    Ok(Micros(row.get(column)?))
}
