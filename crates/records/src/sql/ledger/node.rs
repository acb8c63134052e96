//! A gateway node's row: which life of it deals, and how far its journal is in the books.

use super::{micros, now};
use crate::RecordsError;
use crate::engine::{Transaction, query};
use crate::ledger::{Joined, Position, PurseId};

/// Begins a new life.
pub async fn join(transaction: &mut Transaction, node: &str) -> Result<Joined, RecordsError> {
    query(
        "INSERT INTO ledger_nodes (name, generation, turn, segment, place, seen_at) VALUES (?, 0, 0, 0, 0, 0)
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(node)
    .execute(&mut *transaction)
    .await?;
    let mut joined = look(transaction, node).await?;
    joined.generation += 1;
    query("UPDATE ledger_nodes SET generation = ?, seen_at = ? WHERE name = ?")
        .bind(joined.generation)
        .bind(joined.now)
        .bind(node)
        .execute(transaction)
        .await?;
    Ok(joined)
}

/// Waits for a dealing of the node that is under way: what is read is what is.
pub async fn look(transaction: &mut Transaction, node: &str) -> Result<Joined, RecordsError> {
    let row = query("SELECT generation, turn, segment, place FROM ledger_nodes WHERE name = ? FOR UPDATE")
        .bind(node)
        .optional(&mut *transaction)
        .await?
        .ok_or_else(|| RecordsError::NotFound {
            what: "gateway node",
            id: node.to_owned(),
        })?;
    let mut held = Vec::new();
    let escrow = query("SELECT purse, held FROM escrow WHERE node = ? ORDER BY purse").bind(node);
    for row in escrow.all(&mut *transaction).await? {
        held.push((purse(&row.get::<String>("purse")?)?, micros(&row, "held")?));
    }
    Ok(Joined {
        generation: row.get("generation")?,
        turn: row.get("turn")?,
        position: Position {
            segment: row.integer("segment")?,
            offset: row.integer("place")?,
        },
        held,
        now: now(transaction).await?,
    })
}

pub fn purse(id: &str) -> Result<PurseId, RecordsError> {
    PurseId::parse(id).ok_or_else(|| RecordsError::Damaged {
        what: "purse",
        id: id.to_owned(),
        reason: "its name is of no known kind".into(),
    })
}
