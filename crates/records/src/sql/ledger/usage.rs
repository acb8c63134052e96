//! Usage, added up from the sums by hour and by day; and the calls themselves, which are forgotten after a while.

use super::{micros, now};
use crate::RecordsError;
use crate::engine::{Engine, Row, Transaction, query};
use crate::ledger::{UsageBy, UsageOf, UsageQuery, UsageSum};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Calls that are forgotten in one go.
const FORGET: i64 = 5_000;

pub async fn sums(engine: &Engine, asked: &UsageQuery) -> Result<Vec<UsageSum>, RecordsError> {
    let (sql, grain) = statement(asked);
    let query = query(sql).bind(grain).bind(asked.from).bind(asked.to);
    let query = match &asked.account {
        Some(account) => query.bind(account),
        None => query,
    };
    query.all(engine).await?.iter().map(|row| sum(row, asked.by)).collect()
}

/// The statement, and whether it adds up days (24) or hours (1): days where nothing finer is asked for.
pub(super) fn statement(asked: &UsageQuery) -> (String, i64) {
    let column = match asked.by {
        UsageBy::User => "account",
        UsageBy::Model => "model",
        UsageBy::Day => "since - since % 86400000",
        UsageBy::Hour => "since",
        UsageBy::Instance => "instance",
        UsageBy::Provider => "provider",
    };
    let days = asked.from % DAY_MS == 0 && asked.to % DAY_MS == 0 && asked.by != UsageBy::Hour;
    let account = if asked.account.is_some() { "AND account = ?" } else { "" };
    let sql = format!(
        "SELECT {column} AS name, CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(failed) AS BIGINT) AS failed,
         CAST(SUM(estimated) AS BIGINT) AS estimated, CAST(SUM(prompt) AS BIGINT) AS prompt,
         CAST(SUM(completion) AS BIGINT) AS completion, CAST(SUM(cached) AS BIGINT) AS cached,
         CAST(SUM(reasoning) AS BIGINT) AS reasoning, CAST(SUM(cost) AS BIGINT) AS cost
         FROM usage_sums WHERE grain = ? AND since >= ? AND since < ? {account} GROUP BY {column} ORDER BY {column}"
    );
    (sql, if days { 24 } else { 1 })
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
pub async fn forget(engine: &Engine, keep_ms: i64) -> Result<u64, RecordsError> {
    let mut transaction = engine.begin().await?;
    let done = forget_some(&mut transaction, keep_ms).await;
    transaction.finish(done).await
}

async fn forget_some(transaction: &mut Transaction, keep_ms: i64) -> Result<u64, RecordsError> {
    let before = now(transaction).await? - keep_ms;
    // The time of the last of them: MySQL has no LIMIT within IN.
    let last = query("SELECT at FROM calls WHERE at < ? ORDER BY at LIMIT 1 OFFSET ?")
        .bind(before)
        .bind(FORGET)
        .optional(&mut *transaction)
        .await?;
    let until = last.map_or(Ok(before), |row| row.get("at"))?;
    let done = query("DELETE FROM calls WHERE at < ?")
        .bind(until)
        .execute(transaction)
        .await?;
    Ok(done.rows)
}
