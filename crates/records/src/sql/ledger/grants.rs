//! Grants: the credits that expire first are spent first.
//!
//! What is left of the grants of an account is its balance, or nothing while that is below zero. Charges change only the
//! balance; whoever looks at the grants brings them up to date first ([`catch_up`]). That comes to the same as doing so
//! at every charge, because the order in which grants are spent changes only when one is added or expires, and both look.

use super::alerts;
use super::entries::{self, NewEntry};
use super::purses::{Purse, Purses};
use super::{micros, now};
use crate::RecordsError;
use crate::engine::{Engine, Transaction, query};
use crate::ledger::{Entry, EntryKind, Grant, Granted, Micros, NewGrant, PurseId};

/// Stands for never.
const NEVER: i64 = i64::MAX;
/// Accounts of which grants expire in one go.
const ACCOUNTS: i64 = 100;

fn purse_of(account: &str) -> PurseId {
    PurseId::Account(account.into())
}

pub async fn grant(transaction: &mut Transaction, new: &NewGrant) -> Result<Granted, RecordsError> {
    let id = purse_of(&new.account);
    let mut purses = Purses::lock(transaction, None, [id.clone()].into()).await?;
    if let Some(entry) = given_before(transaction, new).await? {
        return Ok(Granted {
            entry,
            is_repeated: true,
        });
    }
    let at = now(transaction).await?;
    let Some(purse) = purses.table.get_mut(&id) else {
        return Err(RecordsError::NotFound {
            what: "account",
            id: new.account.clone(),
        });
    };
    catch_up(transaction, &new.account, purse.balance).await?;
    purse.balance += new.amount;
    let remaining = new.amount.min(purse.balance).at_least_zero();
    query("INSERT INTO credit_grants (account, amount, remaining, expires_at, at, note) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&new.account)
        .bind(new.amount.0)
        .bind(remaining.0)
        .bind(new.expires_at.unwrap_or(NEVER))
        .bind(at)
        .bind(&new.note)
        .insert(&mut *transaction)
        .await?;
    purses.write(transaction, None).await?;
    // A balance below a tenth of the last grant is low.
    query("UPDATE purses SET alert_below = ?, alerted = 0 WHERE id = ?")
        .bind(new.amount.0 / 10)
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
    let entry =
        query("INSERT INTO ledger_entries (account, kind, amount, request, at, note) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&new.account)
            .bind(new.kind.as_str())
            .bind(new.amount.0)
            .bind(new.request.map(|request| request.bytes().to_vec()))
            .bind(at)
            .bind(&new.note)
            .insert(transaction)
            .await?;
    let entry = Entry {
        id: entry,
        kind: new.kind,
        amount: new.amount,
        request: new.request,
        at,
        note: new.note.clone(),
    };
    Ok(Granted {
        entry,
        is_repeated: false,
    })
}

/// What was given under the same request id. The account's purse is locked: nobody gives under it at the same time.
async fn given_before(transaction: &mut Transaction, new: &NewGrant) -> Result<Option<Entry>, RecordsError> {
    let Some(request) = new.request else { return Ok(None) };
    let found = query("SELECT id, account, kind, amount, request, at, note FROM ledger_entries WHERE request = ?")
        .bind(request.bytes().to_vec())
        .optional(&mut *transaction)
        .await?;
    let Some(row) = found else { return Ok(None) };
    let account: String = row.get("account")?;
    let entry = entries::entry(&row)?;
    // The entry does not say until when: that is with the grant, which was made at the same moment.
    let grant = query("SELECT id FROM credit_grants WHERE account = ? AND at = ? AND amount = ? AND expires_at = ?")
        .bind(&new.account)
        .bind(entry.at)
        .bind(new.amount.0)
        .bind(new.expires_at.unwrap_or(NEVER));
    let same = account == new.account
        && (entry.kind, entry.amount, &entry.note) == (new.kind, new.amount, &new.note)
        && !grant.all(transaction).await?.is_empty();
    if !same {
        return Err(RecordsError::Reused);
    }
    Ok(Some(entry))
}

/// The grants that have something left, in the order in which they are spent. The account's purse is locked.
pub async fn catch_up(
    transaction: &mut Transaction,
    account: &str,
    balance: Micros,
) -> Result<Vec<Grant>, RecordsError> {
    let rows = query(
        "SELECT id, amount, remaining, expires_at, at FROM credit_grants WHERE account = ? AND remaining > 0
         ORDER BY expires_at, id",
    )
    .bind(account)
    .all(&mut *transaction)
    .await?;
    let mut grants = Vec::new();
    for row in &rows {
        let expires_at: i64 = row.get("expires_at")?;
        grants.push(Grant {
            id: row.get("id")?,
            amount: micros(row, "amount")?,
            remaining: micros(row, "remaining")?,
            expires_at: (expires_at != NEVER).then_some(expires_at),
            at: row.get("at")?,
        });
    }
    let left: Micros = grants.iter().map(|grant| grant.remaining).sum();
    let mut spent = left - balance.at_least_zero();
    for grant in &mut grants {
        let part = grant.remaining.min(spent).at_least_zero();
        if part > Micros::ZERO {
            grant.remaining -= part;
            spent -= part;
            set_remaining(transaction, grant).await?;
        }
    }
    grants.retain(|grant| grant.remaining > Micros::ZERO);
    Ok(grants)
}

async fn set_remaining(transaction: &mut Transaction, grant: &Grant) -> Result<(), RecordsError> {
    query("UPDATE credit_grants SET remaining = ? WHERE id = ?")
        .bind(grant.remaining.0)
        .bind(grant.id)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Takes back what expired. What a node holds of it is called back, and taken the next time: a call in flight may still
/// spend it. Says how much.
pub async fn expire(engine: &Engine) -> Result<Micros, RecordsError> {
    let mut transaction = engine.begin().await?;
    let due = due(&mut transaction).await;
    let (now, accounts) = transaction.finish(due).await?;
    let mut expired = Micros::ZERO;
    for account in accounts {
        let mut transaction = engine.begin().await?;
        let done = expire_of(&mut transaction, &account, now).await;
        expired += transaction.finish(done).await?;
    }
    Ok(expired)
}

async fn due(transaction: &mut Transaction) -> Result<(i64, Vec<String>), RecordsError> {
    let now = now(transaction).await?;
    let rows = query("SELECT DISTINCT account FROM credit_grants WHERE expires_at <= ? AND remaining > 0 LIMIT ?")
        .bind(now)
        .bind(ACCOUNTS)
        .all(transaction)
        .await?;
    let accounts: Result<_, _> = rows.iter().map(|row| row.get("account")).collect();
    Ok((now, accounts?))
}

async fn expire_of(transaction: &mut Transaction, account: &str, now: i64) -> Result<Micros, RecordsError> {
    let id = purse_of(account);
    let mut purses = Purses::lock(transaction, None, [id.clone()].into()).await?;
    let Some(purse) = purses.table.get_mut(&id) else {
        return Ok(Micros::ZERO);
    };
    let Expired { gone, in_use } = take_back(transaction, account, purse, now).await?;
    if in_use {
        query("UPDATE escrow SET recalled = 1 WHERE purse = ?")
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
    }
    alerts::tell(transaction, &mut purses, now).await?;
    purses.write(transaction, None).await?;
    Ok(gone)
}

/// Takes back what expired of these accounts and is in nobody's hands, so that no node takes it again. Their purses are locked.
pub async fn expire_before_takes(
    transaction: &mut Transaction,
    accounts: impl Iterator<Item = &str>,
    purses: &mut Purses,
    now: i64,
) -> Result<(), RecordsError> {
    for account in accounts {
        let due =
            query("SELECT 1 AS due FROM credit_grants WHERE account = ? AND remaining > 0 AND expires_at <= ? LIMIT 1")
                .bind(account)
                .bind(now)
                .optional(&mut *transaction)
                .await?;
        if due.is_some()
            && let Some(purse) = purses.table.get_mut(&purse_of(account))
        {
            take_back(transaction, account, purse, now).await?;
        }
    }
    Ok(())
}

struct Expired {
    gone: Micros,
    /// A node holds the rest.
    in_use: bool,
}

async fn take_back(
    transaction: &mut Transaction,
    account: &str,
    purse: &mut Purse,
    now: i64,
) -> Result<Expired, RecordsError> {
    let mut gone = Micros::ZERO;
    let mut in_use = false;
    let mut lines = Vec::new();
    for mut grant in catch_up(transaction, account, purse.balance).await? {
        if grant.expires_at.is_none_or(|at| at > now) {
            continue;
        }
        let part = grant.remaining.min(purse.balance - purse.held).at_least_zero();
        in_use |= part < grant.remaining;
        if part > Micros::ZERO {
            grant.remaining -= part;
            purse.balance -= part;
            gone += part;
            set_remaining(transaction, &grant).await?;
            lines.push(NewEntry {
                account: account.into(),
                kind: EntryKind::Expire,
                amount: -part,
                request: None,
                at: now,
                note: None,
            });
        }
    }
    entries::write(transaction, &lines).await?;
    Ok(Expired { gone, in_use })
}
