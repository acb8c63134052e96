//! The books, as people ask for them.

use async_trait::async_trait;

use super::purses::Purses;
use super::{entries, grants, micros, nodes, usage};
use crate::RecordsError;
use crate::engine::{Transaction, query};
use crate::ledger::{Account, Credits, Entry, Granted, LedgerNode, NewGrant, PurseId, UsageQuery, UsageSum};
use crate::sql::SqlRecords;

#[async_trait]
impl Credits for SqlRecords {
    async fn grant(&self, new: &NewGrant) -> Result<Granted, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let granted = grants::grant(&mut transaction, new).await;
        transaction.finish(granted).await
    }

    async fn credits(&self, account: &str) -> Result<Account, RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let stand = stand(&mut transaction, account).await;
        transaction.finish(stand).await
    }

    async fn entries(&self, account: &str, before: Option<i64>, limit: u32) -> Result<Vec<Entry>, RecordsError> {
        query(
            "SELECT id, kind, amount, request, at, note FROM ledger_entries WHERE account = ? AND id < ?
             ORDER BY id DESC LIMIT ?",
        )
        .bind(account)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit)
        .all(&self.engine)
        .await?
        .iter()
        .map(entries::entry)
        .collect()
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageSum>, RecordsError> {
        usage::sums(&self.engine, query).await
    }

    async fn ledger_nodes(&self) -> Result<Vec<LedgerNode>, RecordsError> {
        let rows = query(
            "SELECT name, seen_at, CAST(COALESCE(SUM(held), 0) AS BIGINT) AS held FROM ledger_nodes
             LEFT JOIN escrow ON node = name AND purse LIKE 'account:%' GROUP BY name, seen_at ORDER BY name",
        )
        .all(&self.engine)
        .await?;
        let node = |row: &crate::engine::Row| {
            Ok(LedgerNode {
                name: row.get("name")?,
                seen_at: row.get("seen_at")?,
                held: micros(row, "held")?,
            })
        };
        rows.iter().map(node).collect()
    }

    async fn give_up_node(&self, node: &str) -> Result<(), RecordsError> {
        let mut transaction = self.engine.begin().await?;
        let done = nodes::give_up(&mut transaction, node).await;
        transaction.finish(done).await
    }
}

async fn stand(transaction: &mut Transaction, account: &str) -> Result<Account, RecordsError> {
    let id = PurseId::Account(account.into());
    let known = query("SELECT id FROM purses WHERE id = ?").bind(id.to_string());
    if known.optional(&mut *transaction).await?.is_none() {
        return Ok(Account::default());
    }
    let purses = Purses::lock(transaction, None, [id.clone()].into()).await?;
    let purse = &purses.table[&id];
    Ok(Account {
        balance: purse.balance,
        held: purse.held,
        grants: grants::catch_up(transaction, account, purse.balance).await?,
    })
}
