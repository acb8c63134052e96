//! The purses of one dealing: locked, changed in memory, written back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{micros, node, rows};
use crate::RecordsError;
use crate::engine::{Query, Transaction, query};
use crate::ledger::{Micros, Others, PurseId, Take, Taken};

/// How long nobody takes ahead of a node that is short: somewhat longer than a call waits.
const WANTED_MS: i64 = 2500;
/// What is taken ahead: this part of what is there.
const PART: i64 = 8;

#[derive(Debug, Default)]
pub struct Purse {
    pub balance: Micros,
    pub held: Micros,
    wanted_until: i64,
    alert_below: Option<Micros>,
    alerted: bool,
    /// The dealing node's escrow of it.
    pub escrow: Micros,
    recalled: bool,
}

/// The purses that a transaction has locked.
#[derive(Default)]
pub struct Purses {
    pub table: BTreeMap<PurseId, Purse>,
}

impl Purses {
    /// Locks the purses, making those that are missing, with what the node holds of each.
    pub async fn lock(
        transaction: &mut Transaction,
        node: Option<&str>,
        purses: BTreeSet<PurseId>,
    ) -> Result<Self, RecordsError> {
        const HEAD: &str = "SELECT id, balance, held, wanted_until, alert_below, alerted FROM purses WHERE id";
        // Rows are locked in the order of their names.
        let mut ids: Vec<String> = purses.iter().map(ToString::to_string).collect();
        ids.sort_unstable();
        let mut purses = Self::default();
        let bind = |query: Query, id: &String| query.bind(id);
        let mut found = rows::among(transaction, HEAD, "ORDER BY id FOR UPDATE", &ids, bind).await?;
        if found.len() < ids.len() {
            let head = "INSERT INTO purses (id, balance, held, wanted_until, alerted)";
            let tail = "ON CONFLICT (id) DO NOTHING";
            let new = |query: Query, id: &String| query.bind(id).bind(0_i64).bind(0_i64).bind(0_i64).bind(false);
            rows::insert(transaction, head, 5, tail, &ids, new).await?;
            found = rows::among(transaction, HEAD, "ORDER BY id FOR UPDATE", &ids, bind).await?;
        }
        for row in found {
            purses.table.insert(
                node::purse(&row.get::<String>("id")?)?,
                Purse {
                    balance: micros(&row, "balance")?,
                    held: micros(&row, "held")?,
                    wanted_until: row.get("wanted_until")?,
                    alert_below: row.get::<Option<i64>>("alert_below")?.map(Micros),
                    alerted: row.flag("alerted")?,
                    ..Purse::default()
                },
            );
        }
        let Some(name) = node else { return Ok(purses) };
        let escrow = query("SELECT purse, held, recalled FROM escrow WHERE node = ?").bind(name);
        for row in escrow.all(transaction).await? {
            let id = node::purse(&row.get::<String>("purse")?)?;
            if let Some(purse) = purses.table.get_mut(&id) {
                purse.escrow = micros(&row, "held")?;
                purse.recalled = row.flag("recalled")?;
            }
        }
        Ok(purses)
    }

    /// Moves escrow back to what is there for all. Answers a recall.
    pub fn give(&mut self, id: &PurseId, amount: Micros) {
        if let Some(purse) = self.table.get_mut(id) {
            purse.recalled = false;
            let amount = amount.at_least_zero().min(purse.escrow);
            purse.escrow -= amount;
            purse.held -= amount;
        }
    }

    /// Takes escrow out. With too little there, asks the other nodes for theirs if told to.
    pub async fn take(
        &mut self,
        transaction: &mut Transaction,
        node: &str,
        take: &Take,
        now: i64,
    ) -> Result<Taken, RecordsError> {
        let Some(purse) = self.table.get_mut(&take.purse) else {
            return Ok(Taken {
                got: Micros::ZERO,
                others: Others::Nothing,
            });
        };
        let available = take.limit + purse.balance - purse.held;
        if available >= take.need {
            let ahead = match now < purse.wanted_until {
                true => take.need,
                false => take.want.max(Micros(available.0 / PART)),
            };
            let got = available.min(ahead);
            purse.escrow += got;
            purse.held += got;
            return Ok(Taken {
                got,
                others: Others::Nothing,
            });
        }
        let others = others(transaction, node, &take.purse.to_string(), take.recall).await?;
        if others == Others::Asked {
            purse.wanted_until = now + WANTED_MS;
        }
        Ok(Taken {
            got: Micros::ZERO,
            others,
        })
    }

    /// The accounts that fell below the balance at which somebody wants to know, each once.
    pub fn alerts(&mut self) -> Vec<(Arc<str>, Micros)> {
        let mut low = Vec::new();
        for (id, purse) in &mut self.table {
            let below = purse.alert_below.is_some_and(|alert| purse.balance < alert);
            if below
                && !purse.alerted
                && let Some(account) = id.account()
            {
                low.push((Arc::clone(account), purse.balance));
            }
            purse.alerted = below;
        }
        low
    }

    pub async fn write(&self, transaction: &mut Transaction, node: Option<&str>) -> Result<(), RecordsError> {
        let all: Vec<_> = self.table.iter().map(|(id, purse)| (id.to_string(), purse)).collect();
        let head = "INSERT INTO purses (id, balance, held, wanted_until, alerted)";
        let tail = "ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, held = excluded.held, \
                    wanted_until = excluded.wanted_until, alerted = excluded.alerted";
        rows::insert(transaction, head, 5, tail, &all, |query, (id, purse)| {
            query
                .bind(id)
                .bind(purse.balance.0)
                .bind(purse.held.0)
                .bind(purse.wanted_until)
                .bind(purse.alerted)
        })
        .await?;
        let Some(node) = node else { return Ok(()) };
        let head = "INSERT INTO escrow (node, purse, held, recalled)";
        let tail = "ON CONFLICT (node, purse) DO UPDATE SET held = excluded.held, recalled = excluded.recalled";
        rows::insert(transaction, head, 4, tail, &all, |query, (id, purse)| {
            query.bind(node).bind(id).bind(purse.escrow.0).bind(purse.recalled)
        })
        .await?;
        query("DELETE FROM escrow WHERE node = ? AND held = 0")
            .bind(node)
            .execute(transaction)
            .await?;
        Ok(())
    }
}

async fn others(transaction: &mut Transaction, node: &str, id: &str, ask: bool) -> Result<Others, RecordsError> {
    if ask {
        query("UPDATE escrow SET recalled = 1 WHERE purse = ? AND node <> ?")
            .bind(id)
            .bind(node)
            .execute(&mut *transaction)
            .await?;
    }
    let rows = query("SELECT recalled FROM escrow WHERE purse = ? AND node <> ?")
        .bind(id)
        .bind(node)
        .all(transaction)
        .await?;
    let mut others = Others::Nothing;
    for row in &rows {
        match row.flag("recalled")? {
            true => return Ok(Others::Asked),
            false => others = Others::InUse,
        }
    }
    Ok(others)
}
