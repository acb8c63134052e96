//! The lines of the accounts.

use std::sync::Arc;

use super::{micros, rows};
use crate::RecordsError;
use crate::engine::{Row, Transaction};
use crate::ledger::{Entry, EntryKind, Micros, RequestId};

pub struct NewEntry {
    pub account: Arc<str>,
    pub kind: EntryKind,
    pub amount: Micros,
    pub request: Option<RequestId>,
    pub at: i64,
    pub note: Option<String>,
}

pub async fn write(transaction: &mut Transaction, entries: &[NewEntry]) -> Result<(), RecordsError> {
    let head = "INSERT INTO ledger_entries (account, kind, amount, request, at, note)";
    rows::insert(transaction, head, 6, "", entries, |query, entry| {
        query
            .bind(&entry.account)
            .bind(entry.kind.as_str())
            .bind(entry.amount.0)
            .bind(entry.request.map(|request| request.bytes().to_vec()))
            .bind(entry.at)
            .bind(&entry.note)
    })
    .await
}

pub fn entry(row: &Row) -> Result<Entry, RecordsError> {
    let request: Option<Vec<u8>> = row.get("request")?;
    let request = request.and_then(|bytes| bytes.try_into().ok());
    Ok(Entry {
        id: row.get("id")?,
        kind: row.named("kind")?,
        amount: micros(row, "amount")?,
        request: request.map(|bytes| RequestId(u128::from_be_bytes(bytes))),
        at: row.get("at")?,
        note: row.get("note")?,
    })
}
