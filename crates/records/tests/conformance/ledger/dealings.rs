//! What nodes take, give back and settle.

use creel_records::ledger::{
    Billing, EntryKind, Exchange, Give, Micros, Others, Outcome, Position, PurseId, Settlement, Take,
};
use creel_records::{RecordsError, now_ms};
use futures_util::future::join_all;

use super::{Books, Node, account, call, grant, stands};

pub async fn a_dealing_takes_place_once(store: &impl Books) {
    grant(store, "alice", 100, None).await;
    let mut node = Node::join(store, "a").await;
    let (got, _) = node.take(&account("alice"), 60, false).await;
    assert_eq!(got, 60);
    let again = Exchange {
        turn: node.next.turn - 1,
        ..node.next.clone()
    };
    assert!(matches!(store.exchange(&again).await, Err(RecordsError::Stale { .. })));
    let early = Exchange {
        turn: node.next.turn + 1,
        ..node.next.clone()
    };
    assert!(matches!(store.exchange(&early).await, Err(RecordsError::Stale { .. })));
    node.next.position = Position { segment: 3, offset: 77 };
    node.settle(call("alice", 50, 20)).await;
    let found = store.look("a").await.unwrap();
    assert_eq!((found.turn, found.position), (2, Position { segment: 3, offset: 77 }));
    assert_eq!(found.held, [(account("alice"), Micros(40))]);
    assert!(
        (found.now - now_ms()).abs() < 60_000,
        "the database's clock, in milliseconds"
    );
    assert_eq!(stands(store, "alice").await, (80, 40));
    // A new life: the old one deals no more, what it held is known.
    let new = store.join("a").await.unwrap();
    assert_eq!((new.turn, new.held), (found.turn, found.held));
    assert!(matches!(
        store.exchange(&node.next).await,
        Err(RecordsError::Stale { .. })
    ));
    assert!(matches!(store.look("b").await, Err(RecordsError::NotFound { .. })));
}

pub async fn a_call_is_charged_once_whoever_settles_it(store: &impl Books) {
    grant(store, "alice", 100, None).await;
    let (mut a, mut b) = (Node::join(store, "a").await, Node::join(store, "b").await);
    a.take(&account("alice"), 50, false).await;
    b.take(&account("alice"), 30, false).await;
    let settlement = call("alice", 30, 30);
    a.settle(settlement.clone()).await;
    b.settle(settlement.clone()).await;
    a.settle(settlement.clone()).await;
    assert_eq!(stands(store, "alice").await.0, 70);
    let charges = store.entries("alice", None, 10).await.unwrap();
    let charges: Vec<_> = charges
        .iter()
        .filter(|entry| entry.request == Some(settlement.request))
        .collect();
    assert_eq!(
        (charges.len(), charges[0].kind, charges[0].amount),
        (1, EntryKind::Charge, Micros(-30))
    );
}

pub async fn the_charge_of_an_interrupted_call_is_marked(store: &impl Books) {
    grant(store, "alice", 100, None).await;
    let mut node = Node::join(store, "a").await;
    node.take(&account("alice"), 60, false).await;
    for outcome in [Outcome::Done, Outcome::Cut, Outcome::Lost] {
        let settlement = Settlement {
            outcome,
            ..call("alice", 20, 3)
        };
        node.settle(settlement).await;
    }
    let charges = store.entries("alice", None, 3).await.unwrap();
    let marked = charges.iter().map(|entry| entry.note.as_deref().unwrap_or_default());
    let marked: Vec<bool> = marked.map(|note| note.starts_with("interrupted: ")).collect();
    assert_eq!(marked, [true, false, false], "{charges:?}");
}

pub async fn escrow_is_called_back_and_never_more_than_there_is(store: &impl Books) {
    let alice = account("alice");
    grant(store, "alice", 100, None).await;
    let (mut a, mut b) = (Node::join(store, "a").await, Node::join(store, "b").await);
    assert_eq!(a.take(&alice, 80, false).await, (80, Others::Nothing));
    assert_eq!(b.take(&alice, 21, true).await, (0, Others::Asked));
    assert_eq!(store.recalled("a").await.unwrap(), [account("alice")]);
    assert_eq!(b.take(&alice, 21, false).await, (0, Others::Asked));
    a.give(&alice, 30).await;
    assert!(store.recalled("a").await.unwrap().is_empty());
    assert_eq!(b.take(&alice, 51, false).await, (0, Others::InUse));
    // As long as b waits, nobody takes ahead.
    assert_eq!(a.take(&alice, 1, false).await, (1, Others::Nothing));
    assert_eq!(b.take(&alice, 49, false).await.0, 49);
    assert_eq!(b.take(&account("nobody"), 1, true).await, (0, Others::Nothing));
    assert_eq!(stands(store, "alice").await, (100, 100));
    // Nobody gives back more than they hold, or less than nothing.
    a.give(&alice, 1_000).await;
    b.give(&alice, -1).await;
    assert_eq!(stands(store, "alice").await, (100, 49));
    b.give(&alice, 49).await;
    assert_eq!(stands(store, "alice").await, (100, 0));
    let (got, _) = a.take(&alice, 1, false).await;
    assert_eq!(got, 1, "somebody still waits");
}

pub async fn a_cost_above_the_reservation_is_bounded_and_written_off_for_all_to_see(store: &impl Books) {
    grant(store, "alice", 100, None).await;
    let mut node = Node::join(store, "a").await;
    node.take(&account("alice"), 60, false).await;
    node.settle(call("alice", 10, 45)).await;
    assert_eq!(
        stands(store, "alice").await,
        (55, 50),
        "what no node held paid the rest"
    );
    node.settle(call("alice", 10, 1_000_000)).await;
    // 40 are still held for calls in flight; without them it is 10, what the call had reserved, below zero.
    assert_eq!(stands(store, "alice").await, (30, 40));
    let entries = store.entries("alice", None, 2).await.unwrap();
    assert_eq!(
        (entries[1].kind, entries[1].amount),
        (EntryKind::Charge, Micros(-1_000_000))
    );
    assert_eq!(
        (entries[0].kind, entries[0].amount),
        (EntryKind::Adjust, Micros(999_975))
    );
    node.settle(call("alice", 40, 40)).await;
    assert_eq!(stands(store, "alice").await, (-10, 0));
    grant(store, "alice", 15, None).await;
    assert_eq!(stands(store, "alice").await, (5, 0));
}

pub async fn a_budget_bounds_a_day_and_has_no_entries(store: &impl Books) {
    let mut node = Node::join(store, "a").await;
    let day = PurseId::KeyDay {
        key: "k1".into(),
        day: 20_000,
    };
    let take = |need| Take {
        purse: day.clone(),
        limit: Micros(50),
        need: Micros(need),
        want: Micros(need),
        recall: true,
    };
    let done = node.deal(|exchange| exchange.takes.push(take(40))).await;
    assert_eq!(done.taken[0].got, Micros(40));
    let metered = Settlement {
        billing: Billing::Metered,
        day: Some(20_000),
        ..call("alice", 40, 35)
    };
    node.settle(metered).await;
    node.give(&day, 5).await;
    let done = node.deal(|exchange| exchange.takes.extend([take(16), take(15)])).await;
    assert_eq!((done.taken[0].got, done.taken[1].got), (Micros::ZERO, Micros(15)));
    assert_eq!(stands(store, "alice").await, (0, 0));
    assert!(store.entries("alice", None, 10).await.unwrap().is_empty());
}

pub async fn a_node_that_is_given_up_leaves_nothing_behind_and_may_come_back(store: &impl Books) {
    grant(store, "alice", 100, None).await;
    let mut node = Node::join(store, "a").await;
    node.take(&account("alice"), 80, false).await;
    let nodes = store.ledger_nodes().await.unwrap();
    assert_eq!((nodes[0].name.as_str(), nodes[0].held), ("a", Micros(80)));
    store.give_up_node("a").await.unwrap();
    assert_eq!(stands(store, "alice").await, (100, 0));
    let entries = store.entries("alice", None, 1).await.unwrap();
    assert_eq!((entries[0].kind, entries[0].amount), (EntryKind::Adjust, Micros::ZERO));
    assert!(
        entries[0]
            .note
            .as_ref()
            .is_some_and(|note| note.contains("gateway a was given up"))
    );
    assert!(matches!(
        store.exchange(&node.next).await,
        Err(RecordsError::Stale { .. })
    ));
    // Its journal turns up after all: the call did take place.
    let mut back = Node::join(store, "a").await;
    back.settle(call("alice", 80, 80)).await;
    assert_eq!(stands(store, "alice").await, (20, 0));
    assert!(matches!(
        store.give_up_node("b").await,
        Err(RecordsError::NotFound { .. })
    ));
}

pub async fn many_nodes_deal_at_once_and_every_credit_is_accounted_for(store: &impl Books) {
    const NODES: i64 = 4;
    const ROUNDS: i64 = 8;
    let users: Vec<String> = (0..5).map(|user| format!("user-{user}")).collect();
    for user in &users {
        grant(store, user, 10_000, None).await;
    }
    let run = |number: i64| {
        let users = &users;
        async move {
            let mut node = Node::join(store, &format!("n{number}")).await;
            for round in 0..ROUNDS {
                // Each in an order of its own.
                let mut order: Vec<_> = users.iter().collect();
                order.rotate_left(usize::try_from(number + round).unwrap() % users.len());
                let takes = order.iter().map(|user| Take {
                    purse: account(user),
                    limit: Micros::ZERO,
                    need: Micros(10),
                    want: Micros(10),
                    recall: true,
                });
                let done = node.deal(|exchange| exchange.takes.extend(takes)).await;
                assert!(done.taken.iter().all(|taken| taken.got >= Micros(10)));
                let calls = order.iter().map(|user| call(user, 10, 7));
                let gives = order.iter().zip(&done.taken).map(|(user, taken)| Give {
                    purse: account(user),
                    amount: taken.got - Micros(7),
                });
                node.deal(|exchange| {
                    exchange.settlements.extend(calls);
                    exchange.gives.extend(gives);
                })
                .await;
            }
        }
    };
    join_all((0..NODES).map(run)).await;
    for user in &users {
        assert_eq!(stands(store, user).await, (10_000 - 7 * NODES * ROUNDS, 0));
    }
}
