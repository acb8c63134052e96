//! Telling of balances that have become low.

use serde_json::json;

use super::purses::Purses;
use crate::RecordsError;
use crate::engine::{Transaction, query};

/// Tells of each locked account that has become low, once, as an event.
pub async fn tell(transaction: &mut Transaction, purses: &mut Purses, now: i64) -> Result<(), RecordsError> {
    for (account, balance) in purses.alerts() {
        let credits = balance.to_string();
        query("INSERT INTO events (at, kind, instance, actor, message, data) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(now)
            .bind("credits.low")
            .bind(None::<String>)
            .bind("ledger")
            .bind(format!("{account} has {credits} credits left"))
            .bind(json!({"user": &*account, "credits": credits}).to_string())
            .execute(&mut *transaction)
            .await?;
    }
    Ok(())
}
