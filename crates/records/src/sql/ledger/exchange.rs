//! One dealing of a node: the whole of it in one transaction.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::purses::Purses;
use super::{alerts, grants, node, nodes, now, settle, usage};
use crate::RecordsError;
use crate::engine::{Transaction, query};
use crate::ledger::{Exchange, Exchanged, Joined, Keep, LedgerStore, PurseId, Tidied};
use crate::sql::SqlRecords;

#[async_trait]
impl LedgerStore for SqlRecords {
    async fn join(&self, node: &str) -> Result<Joined, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let joined = node::join(&mut transaction, node).await;
        transaction.finish(joined).await
    }

    async fn look(&self, node: &str) -> Result<Joined, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let joined = node::look(&mut transaction, node).await;
        transaction.finish(joined).await
    }

    async fn recalled(&self, node: &str) -> Result<Vec<PurseId>, RecordsError> {
        let rows = query("SELECT purse FROM escrow WHERE node = ? AND recalled = 1 ORDER BY purse")
            .bind(node)
            .all(&self.engine)
            .await?;
        rows.iter()
            .map(|row| node::purse(&row.get::<String>("purse")?))
            .collect()
    }

    async fn tidy(&self, keep: Keep) -> Result<Tidied, RecordsError> {
        let silent = nodes::give_up_silent(&self.engine).await?;
        Ok(Tidied {
            expired: grants::expire(&self.engine).await?,
            nodes_given_up: silent,
            calls_forgotten: usage::forget_calls(&self.engine, keep.calls_ms).await?,
            sums_forgotten: usage::forget_hours(&self.engine, keep.hours_ms).await?,
        })
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let done = deal(&mut transaction, exchange).await;
        transaction.finish(done).await
    }
}

async fn deal(transaction: &mut Transaction, exchange: &Exchange) -> Result<Exchanged, RecordsError> {
    let node = exchange.node.as_str();
    let now = admit(transaction, exchange).await?;
    let settled = exchange.settlements.iter().flat_map(|settlement| settlement.purses());
    let others = exchange.gives.iter().map(|give| &give.purse);
    let others = others.chain(exchange.takes.iter().map(|take| &take.purse));
    // One after another: they are few, which calls name again and again.
    let mut touched = BTreeSet::new();
    touched.extend(settled.chain(others.cloned()));
    let mut purses = Purses::lock(transaction, Some(node), touched).await?;
    settle::settle(transaction, &exchange.settlements, &mut purses).await?;
    for give in &exchange.gives {
        purses.give(&give.purse, give.amount);
    }
    let short = exchange
        .takes
        .iter()
        .filter_map(|take| take.purse.account().map(AsRef::as_ref));
    grants::expire_before_takes(transaction, short, &mut purses, now).await?;
    let mut taken = Vec::with_capacity(exchange.takes.len());
    for take in &exchange.takes {
        taken.push(purses.take(transaction, node, take, now).await?);
    }
    alerts::tell(transaction, &mut purses, now).await?;
    purses.write(transaction, Some(node)).await?;
    let recalled = query("SELECT purse FROM escrow WHERE node = ? AND recalled = 1 ORDER BY purse")
        .bind(node)
        .all(&mut *transaction)
        .await?;
    let recalled: Result<_, _> = recalled
        .iter()
        .map(|row| node::purse(&row.get::<String>("purse")?))
        .collect();
    Ok(Exchanged {
        taken,
        recalled: recalled?,
        now,
    })
}

/// Locks the node's row and takes the turn, if it is this life's next. Says what time it is.
async fn admit(transaction: &mut Transaction, exchange: &Exchange) -> Result<i64, RecordsError> {
    let node = exchange.node.as_str();
    let row = query("SELECT generation, turn FROM ledger_nodes WHERE name = ? FOR UPDATE")
        .bind(node)
        .optional(&mut *transaction)
        .await?;
    let stale = || RecordsError::Stale { node: node.to_owned() };
    let row = row.ok_or_else(stale)?;
    let (generation, turn): (i64, i64) = (row.get("generation")?, row.get("turn")?);
    if (generation, turn + 1) != (exchange.generation, exchange.turn) {
        return Err(stale());
    }
    let now = now(transaction).await?;
    query("UPDATE ledger_nodes SET turn = ?, segment = ?, place = ?, seen_at = ? WHERE name = ?")
        .bind(exchange.turn)
        .bind(exchange.position.segment)
        .bind(exchange.position.offset)
        .bind(now)
        .bind(node)
        .execute(transaction)
        .await?;
    Ok(now)
}
