//! Counting: what must hold of the books.

use std::collections::BTreeMap;

use creel_records::SqlRecords;
use creel_records::ledger::{
    Credits as _, Entry, EntryKind, LedgerStore as _, Micros, RequestId, UsageBy, UsageOf, UsageQuery,
};

use super::call::{Call, Expected};
use super::world::steadily;

const DAY_MS: i64 = 86_400_000;

/// At any moment: no balance is below zero by more than what one call that cost more than it reserved had reserved.
pub async fn bounds(store: &SqlRecords, users: &[String], calls: &BTreeMap<RequestId, Call>) {
    for user in users {
        let stands = steadily(|| store.credits(user)).await;
        let reserved = calls
            .values()
            .filter(|call| call.user == *user)
            .map(|call| call.reserved);
        let bound = -reserved.max().unwrap_or_default();
        assert!(
            stands.balance.0 >= bound,
            "{user} is at {}, the bound is {bound}",
            stands.balance.0
        );
        assert!(!stands.held.is_negative(), "{user}: {} held", stands.held.0);
    }
}

/// When every gateway has stopped or come back.
pub async fn everything(store: &SqlRecords, users: &[String], calls: &BTreeMap<RequestId, Call>) {
    for user in users {
        let stands = steadily(|| store.credits(user)).await;
        let entries = steadily(|| store.entries(user, None, 100_000)).await;
        let sum: Micros = entries.iter().map(|entry| entry.amount).sum();
        assert_eq!(sum, stands.balance, "the entries of {user} add up to the balance");
        let left: Micros = stands.grants.iter().map(|grant| grant.remaining).sum();
        assert_eq!(
            left,
            stands.balance.at_least_zero(),
            "what is left of the grants of {user} is the balance"
        );
        assert_eq!(stands.held, Micros::ZERO, "nobody holds anything of {user}");
        let theirs = calls.iter().filter(|(_, call)| call.user == *user);
        each_call_once(&entries, theirs.clone());
        let bound = -theirs
            .clone()
            .filter(|(_, call)| may_go_below(call))
            .map(|(_, call)| call.reserved)
            .max()
            .unwrap_or_default();
        assert!(
            stands.balance.0 >= bound,
            "{user} is at {}, the bound is {bound}",
            stands.balance.0
        );
        sums_are_right(store, user, &entries).await;
    }
    for node in steadily(|| store.ledger_nodes()).await {
        let left = steadily(|| store.look(&node.name)).await.held;
        assert!(left.is_empty(), "{} holds {left:?}", node.name);
    }
}

/// What the call had reserved does not cover it, or was given up.
fn may_go_below(call: &Call) -> bool {
    let costs_more = |costs: &[i64]| costs.iter().any(|cost| *cost > call.reserved);
    call.given_up || matches!(call.expected(), Expected::Cost(costs) if costs_more(costs))
}

fn each_call_once<'c>(entries: &[Entry], calls: impl Iterator<Item = (&'c RequestId, &'c Call)>) {
    let mut charged: BTreeMap<RequestId, Vec<i64>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Charge) {
        charged.entry(entry.request.unwrap()).or_default().push(-entry.amount.0);
    }
    for (id, call) in calls {
        let charged = charged.remove(id).unwrap_or_default();
        let right = match (call.expected(), &charged[..]) {
            (Expected::Nothing, []) | (Expected::Perhaps(_), []) => true,
            (Expected::Perhaps(prompt), [cost]) => cost == prompt,
            (Expected::Cost(costs), [cost]) => costs.contains(cost),
            _ => false,
        };
        assert!(right, "call {id} was charged {charged:?}: {call:?}");
    }
    assert!(charged.is_empty(), "charged without a call: {charged:?}");
}

async fn sums_are_right(store: &SqlRecords, user: &str, entries: &[Entry]) {
    let asked = UsageQuery {
        by: UsageBy::User,
        from: 0,
        to: i64::MAX / DAY_MS * DAY_MS,
        account: Some(user.to_owned()),
    };
    let charges = || entries.iter().filter(|entry| entry.kind == EntryKind::Charge);
    let cost = -charges().map(|entry| entry.amount).sum::<Micros>();
    match &steadily(|| store.usage(&asked)).await[..] {
        [] => assert_eq!(charges().count(), 0, "usage of {user}"),
        [sum] => {
            assert_eq!(sum.of, UsageOf::Name(user.into()));
            assert_eq!(
                (sum.calls, sum.cost),
                (charges().count() as u64, cost),
                "usage of {user}"
            );
        }
        more => panic!("{more:?}"),
    }
}
