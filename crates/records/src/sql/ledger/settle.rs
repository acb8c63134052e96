//! Settlements into the books: an entry and a call each, sums for the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entries::{self, NewEntry};
use super::purses::Purses;
use super::rows;
use crate::RecordsError;
use crate::engine::{Query, Transaction};
use crate::ledger::{EntryKind, Micros, Outcome, RequestId, Settlement};

const HOUR_MS: i64 = 3_600_000;
/// What is said of the charge of a call whose gateway was killed in the middle of it: what the provider told of it is not known.
const INTERRUPTED: &str = "interrupted: the gateway ended before the call did; its prompt is charged, by estimate";

/// Charges the settlements to the purses, which are locked, and writes everything but the purses.
pub async fn settle(
    transaction: &mut Transaction,
    settlements: &[Settlement],
    purses: &mut Purses,
) -> Result<(), RecordsError> {
    let known = known(transaction, settlements).await?;
    let mut entries = Vec::new();
    let mut new = Vec::new();
    for settlement in settlements {
        // Settled before, under the same id: what it reserved is free again, and nothing is charged twice.
        let charged = !known.contains(&settlement.request);
        charge(settlement, charged, purses, &mut entries);
        if charged {
            new.push(settlement);
        }
    }
    entries::write(transaction, &entries).await?;
    write_calls(transaction, &new).await?;
    write_sums(transaction, &new).await
}

/// Those of the settlements that are in the books already.
async fn known(transaction: &mut Transaction, settlements: &[Settlement]) -> Result<BTreeSet<RequestId>, RecordsError> {
    let bind = |query: Query, settlement: &Settlement| query.bind(settlement.request.bytes().to_vec());
    let head = "SELECT request FROM calls WHERE request";
    let mut known = BTreeSet::new();
    for row in rows::among(transaction, head, "", settlements, bind).await? {
        let bytes: Vec<u8> = row.get("request")?;
        if let Ok(bytes) = bytes.try_into() {
            known.insert(RequestId(u128::from_be_bytes(bytes)));
        }
    }
    Ok(known)
}

fn charge(settlement: &Settlement, charged: bool, purses: &mut Purses, entries: &mut Vec<NewEntry>) {
    let Settlement { cost, reserved, .. } = *settlement;
    for id in settlement.purses() {
        let Some(purse) = purses.table.get_mut(&id) else {
            continue;
        };
        // What was reserved pays first. A node that was given up in the meantime holds nothing any more.
        let paid = cost.min(reserved).min(purse.escrow);
        purse.escrow -= paid;
        purse.held -= paid;
        if !charged {
            continue;
        }
        purse.balance -= cost;
        let Some(account) = id.account() else { continue };
        entries.push(NewEntry {
            account: Arc::clone(account),
            kind: EntryKind::Charge,
            amount: -cost,
            request: Some(settlement.request),
            at: settlement.at,
            note: (settlement.outcome == Outcome::Lost).then(|| INTERRUPTED.to_owned()),
        });
        // A cost above the reservation is taken from what no node holds. It may take that below zero by what the call
        // had reserved, and no further: the rest is written off, for everybody to see.
        let over = -(purse.balance - purse.held) - reserved;
        let written_off = over.min(cost - paid).at_least_zero();
        if written_off > Micros::ZERO {
            purse.balance += written_off;
            entries.push(NewEntry {
                account: Arc::clone(account),
                kind: EntryKind::Adjust,
                amount: written_off,
                request: None,
                at: settlement.at,
                note: Some(format!(
                    "call {} cost more than the account could bear",
                    settlement.request
                )),
            });
        }
    }
}

/// A name as every engine takes it: a dealing must not fail for good because of one call.
fn short(name: &str) -> &str {
    let end = name.as_bytes().iter().position(|byte| *byte == 0);
    &name[..name.floor_char_boundary(end.unwrap_or(name.len()).min(100))]
}

/// As [`short`]; nearly all are short enough, and are not copied.
fn shared(name: &Arc<str>) -> Arc<str> {
    match short(name) {
        cut if cut.len() < name.len() => cut.into(),
        _ => Arc::clone(name),
    }
}

async fn write_calls(transaction: &mut Transaction, calls: &[&Settlement]) -> Result<(), RecordsError> {
    let head = "INSERT INTO calls (request, account, instance, api_key, provider, model, prompt, completion, cached, \
                reasoning, cost, estimated, outcome, at, latency_ms)";
    rows::insert(transaction, head, 15, "", calls, |query, call| {
        query
            .bind(call.request.bytes().to_vec())
            .bind(shared(&call.user))
            .bind(shared(&call.instance))
            .bind(shared(&call.key))
            .bind(shared(&call.provider))
            .bind(shared(&call.model))
            .bind(call.usage.prompt)
            .bind(call.usage.completion)
            .bind(call.usage.cached)
            .bind(call.usage.reasoning)
            .bind(call.cost.0)
            .bind(call.usage.estimated)
            .bind(call.outcome.as_str())
            .bind(call.at)
            .bind(call.latency_ms)
    })
    .await
}

#[derive(Default)]
struct Sum {
    calls: i64,
    failed: i64,
    estimated: i64,
    tokens: [u64; 4],
    cost: Micros,
}

impl Sum {
    fn of(call: &Settlement) -> Self {
        let usage = call.usage;
        Self {
            calls: 1,
            failed: i64::from(call.outcome != Outcome::Done),
            estimated: i64::from(usage.estimated),
            tokens: [usage.prompt, usage.completion, usage.cached, usage.reasoning],
            cost: call.cost,
        }
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.estimated += other.estimated;
        for (sum, tokens) in self.tokens.iter_mut().zip(other.tokens) {
            *sum = sum.saturating_add(tokens);
        }
        self.cost += other.cost;
    }
}

async fn write_sums(transaction: &mut Transaction, calls: &[&Settlement]) -> Result<(), RecordsError> {
    let mut hours: BTreeMap<_, Sum> = BTreeMap::new();
    for call in calls {
        let names = [&call.user, &call.instance, &call.provider, &call.model].map(|name| short(name));
        let hour = call.at - call.at.rem_euclid(HOUR_MS);
        hours.entry((hour, names)).or_default().add(&Sum::of(call));
    }
    let mut sums: BTreeMap<_, Sum> = BTreeMap::new();
    for ((hour, names), sum) in &hours {
        for grain in [1, 24] {
            let since = hour - hour.rem_euclid(grain * HOUR_MS);
            sums.entry((grain, since, names)).or_default().add(sum);
        }
    }
    let sums: Vec<_> = sums.into_iter().collect();
    let head = "INSERT INTO usage_sums (grain, since, account, instance, provider, model, calls, failed, estimated, \
                prompt, completion, cached, reasoning, cost)";
    let tail = "ON CONFLICT (grain, since, account, instance, provider, model) DO UPDATE SET \
                calls = usage_sums.calls + excluded.calls, failed = usage_sums.failed + excluded.failed, \
                estimated = usage_sums.estimated + excluded.estimated, prompt = usage_sums.prompt + excluded.prompt, \
                completion = usage_sums.completion + excluded.completion, cached = usage_sums.cached + excluded.cached, \
                reasoning = usage_sums.reasoning + excluded.reasoning, cost = usage_sums.cost + excluded.cost";
    rows::insert(transaction, head, 14, tail, &sums, |query, (key, sum)| {
        let (grain, since, names) = *key;
        let query = names
            .iter()
            .fold(query.bind(grain).bind(since), |query, name| query.bind(*name));
        let query = query.bind(sum.calls).bind(sum.failed).bind(sum.estimated);
        sum.tokens
            .iter()
            .fold(query, |query, tokens| query.bind(*tokens))
            .bind(sum.cost.0)
    })
    .await
}
