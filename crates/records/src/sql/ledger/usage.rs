//! Usage, added up from the sums by hour and by day; and the calls themselves, which are forgotten after a while.

use std::collections::BTreeMap;

use super::{micros, now};
use crate::RecordsError;
use crate::engine::{Engine, Row, Transaction, query};
use crate::ledger::{UsageBy, UsageOf, UsageQuery, UsageSum};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Rows that are forgotten in one go.
const FORGET: i64 = 5_000;

pub async fn sums(engine: &Engine, asked: &UsageQuery) -> Result<Vec<UsageSum>, RecordsError> {
    let mut all: BTreeMap<UsageOf, UsageSum> = BTreeMap::new();
    for Part { grain, from, to } in parts(asked) {
        let query = query(statement(asked)).bind(grain).bind(from).bind(to);
        let query = match &asked.account {
            Some(account) => query.bind(account),
            None => query,
        };
        for row in query.all(engine).await?.iter() {
            let sum = sum(row, asked.by)?;
            match all.get_mut(&sum.of) {
                Some(before) => before.add(&sum),
                None => drop(all.insert(sum.of.clone(), sum)),
            }
        }
    }
    Ok(all.into_values().collect())
}

/// Rows by the hour (`grain` 1) or by the UTC day (24) that began within this time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub grain: i64,
    pub from: i64,
    pub to: i64,
}

/// Whole days where nothing finer is asked for: there are fewer of them, and they are kept for good. What is left at either end are hours.
pub(super) fn parts(asked: &UsageQuery) -> Vec<Part> {
    let UsageQuery { from, to, .. } = *asked;
    let first = from.saturating_add(DAY_MS - 1).div_euclid(DAY_MS) * DAY_MS;
    let end = to.div_euclid(DAY_MS) * DAY_MS;
    if asked.by == UsageBy::Hour || first >= end {
        return vec![Part { grain: 1, from, to }];
    }
    let parts = [(1, from, first), (24, first, end), (1, end, to)].into_iter();
    parts
        .filter(|(_, from, to)| from < to)
        .map(|(grain, from, to)| Part { grain, from, to })
        .collect()
}

/// The statement that adds up one of them.
pub(super) fn statement(asked: &UsageQuery) -> String {
    let column = match asked.by {
        UsageBy::User => "account",
        UsageBy::Model => "model",
        UsageBy::Day => "since - since % 86400000",
        UsageBy::Hour => "since",
        UsageBy::Instance => "instance",
        UsageBy::Provider => "provider",
    };
    let account = if asked.account.is_some() { "AND account = ?" } else { "" };
    format!(
        "SELECT {column} AS name, CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(failed) AS BIGINT) AS failed,
         CAST(SUM(estimated) AS BIGINT) AS estimated, CAST(SUM(prompt) AS BIGINT) AS prompt,
         CAST(SUM(completion) AS BIGINT) AS completion, CAST(SUM(cached) AS BIGINT) AS cached,
         CAST(SUM(reasoning) AS BIGINT) AS reasoning, CAST(SUM(cost) AS BIGINT) AS cost
         FROM usage_sums WHERE grain = ? AND since >= ? AND since < ? {account} GROUP BY {column} ORDER BY {column}"
    )
}

fn sum(row: &Row, by: UsageBy) -> Result<UsageSum, RecordsError> {
    let of = match by {
        UsageBy::Day | UsageBy::Hour => UsageOf::Time(row.get("name")?),
        _ => UsageOf::Name(row.get::<String>("name")?.into()),
    };
    Ok(UsageSum {
        of,
        calls: row.integer("calls")?,
        failed: row.integer("failed")?,
        estimated: row.integer("estimated")?,
        prompt: row.integer("prompt")?,
        completion: row.integer("completion")?,
        cached: row.integer("cached")?,
        reasoning: row.integer("reasoning")?,
        cost: micros(row, "cost")?,
    })
}

/// Forgets calls that are older; says how many.
pub async fn forget_calls(engine: &Engine, keep_ms: i64) -> Result<u64, RecordsError> {
    let mut transaction = engine.begin().await?;
    let done = forget(&mut transaction, keep_ms, CALLS_BEFORE, FORGET_CALLS).await;
    transaction.finish(done).await
}

/// Forgets sums by hour that are older; says how many.
pub async fn forget_hours(engine: &Engine, keep_ms: i64) -> Result<u64, RecordsError> {
    let mut transaction = engine.begin().await?;
    let done = forget(&mut transaction, keep_ms, HOURS_BEFORE, FORGET_HOURS).await;
    transaction.finish(done).await
}

pub(super) const CALLS_BEFORE: &str = "SELECT at FROM calls WHERE at < ? ORDER BY at LIMIT 1 OFFSET ?";
pub(super) const FORGET_CALLS: &str = "DELETE FROM calls WHERE at < ?";
pub(super) const HOURS_BEFORE: &str =
    "SELECT since AS at FROM usage_sums WHERE grain = 1 AND since < ? ORDER BY since LIMIT 1 OFFSET ?";
pub(super) const FORGET_HOURS: &str = "DELETE FROM usage_sums WHERE grain = 1 AND since < ?";

/// Some of them at a time: a dealing waits for this transaction.
async fn forget(
    transaction: &mut Transaction,
    keep_ms: i64,
    before: &'static str,
    forget: &'static str,
) -> Result<u64, RecordsError> {
    let oldest = now(transaction).await?.saturating_sub(keep_ms);
    // The time of the last of them: MySQL has no LIMIT within IN.
    let last = query(before)
        .bind(oldest)
        .bind(FORGET)
        .optional(&mut *transaction)
        .await?;
    let until = last.map_or(Ok(oldest), |row| row.get("at"))?;
    Ok(query(forget).bind(until).execute(transaction).await?.rows)
}
