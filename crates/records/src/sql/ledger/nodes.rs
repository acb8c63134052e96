//! Gateway nodes that do not come back.

use super::entries::{self, NewEntry};
use super::purses::Purses;
use super::{node, now};
use crate::RecordsError;
use crate::engine::{Engine, Transaction, query};
use crate::ledger::{EntryKind, Micros, PurseId};

/// A node that holds something and has not dealt for so long is given up. A node that cannot reach the books stops
/// spending what it holds after half of that.
const SILENT_MS: i64 = 3_600_000;

/// Gives up the nodes that are silent; says how many.
pub async fn give_up_silent(engine: &Engine) -> Result<u64, RecordsError> {
    let mut transaction = engine.begin().await?;
    let silent = silent(&mut transaction).await;
    let silent = transaction.finish(silent).await?;
    for name in &silent {
        let mut transaction = engine.begin().await?;
        let done = give_up(&mut transaction, name).await;
        transaction.finish(done).await?;
    }
    Ok(silent.len() as u64)
}

async fn silent(transaction: &mut Transaction) -> Result<Vec<String>, RecordsError> {
    let before = now(transaction).await? - SILENT_MS;
    let rows = query(
        "SELECT name FROM ledger_nodes WHERE seen_at < ? AND EXISTS (SELECT 1 FROM escrow WHERE node = name)
         ORDER BY name",
    )
    .bind(before)
    .all(transaction)
    .await?;
    rows.iter().map(|row| Ok(row.get("name")?)).collect()
}

/// Puts back what the node holds, and says so in every account.
pub async fn give_up(transaction: &mut Transaction, name: &str) -> Result<(), RecordsError> {
    let joined = node::look(transaction, name).await?;
    let held = joined.held.iter().map(|(purse, _)| purse.clone()).collect();
    let mut purses = Purses::lock(transaction, Some(name), held).await?;
    let mut lines = Vec::new();
    for (purse, held) in joined.held {
        purses.give(&purse, held);
        if let PurseId::Account(account) = purse {
            lines.push(NewEntry {
                account,
                kind: EntryKind::Adjust,
                amount: Micros::ZERO,
                request: None,
                at: joined.now,
                note: Some(format!(
                    "gateway {name} was given up; {held} that it held are free again"
                )),
            });
        }
    }
    entries::write(transaction, &lines).await?;
    purses.write(transaction, Some(name)).await?;
    query("UPDATE ledger_nodes SET generation = generation + 1 WHERE name = ?")
        .bind(name)
        .execute(transaction)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::DatabaseUrl;
    use crate::ledger::{Credits, EntryKind, Exchange, LedgerStore, NewGrant, Take};
    use crate::sql::SqlRecords;

    /// A node stops spending after half an hour without the books: sooner, what it holds would be spent twice.
    #[tokio::test]
    async fn a_node_that_holds_something_is_given_up_after_an_hour_of_silence_and_no_sooner() {
        let dir = TempDir::new().unwrap();
        let books = SqlRecords::open(&DatabaseUrl::file(dir.path().join("creel.db")))
            .await
            .unwrap();
        let new = NewGrant {
            account: "alice".into(),
            amount: Micros(100),
            kind: EntryKind::Grant,
            expires_at: None,
            note: None,
            request: None,
        };
        books.grant(&new).await.unwrap();
        let joined = books.join("a").await.unwrap();
        let take = Take {
            purse: PurseId::Account("alice".into()),
            limit: Micros::ZERO,
            need: Micros(60),
            want: Micros(60),
            recall: false,
        };
        let exchange = Exchange {
            node: "a".into(),
            generation: joined.generation,
            turn: joined.turn + 1,
            position: joined.position,
            settlements: Vec::new(),
            takes: vec![take],
            gives: Vec::new(),
        };
        books.exchange(&exchange).await.unwrap();
        for (minutes, given_up, held) in [(0, 0, 60), (55, 0, 60), (61, 1, 0), (61, 0, 0)] {
            query("UPDATE ledger_nodes SET seen_at = NOW_MS() - ?")
                .bind(minutes * 60_000_i64)
                .execute(&books.engine)
                .await
                .unwrap();
            assert_eq!(
                give_up_silent(&books.engine).await.unwrap(),
                given_up,
                "{minutes} minutes"
            );
            assert_eq!(
                books.credits("alice").await.unwrap().held,
                Micros(held),
                "{minutes} minutes"
            );
        }
    }
}
