//! Credits that are given, expire and run out.

use creel_records::ledger::{EntryKind, Give, Granted, Keep, Micros, NewGrant, RequestId, Take};
use creel_records::{RecordsError, now_ms};

use super::{Books, DAY_MS, Node, account, call, grant, stands};

pub async fn what_expires_first_is_spent_first(store: &impl Books) {
    let now = now_ms();
    let mut node = Node::join(store, "a").await;
    grant(store, "alice", 10, None).await;
    grant(store, "alice", 20, Some(now + 2 * DAY_MS)).await;
    grant(store, "alice", 30, Some(now + DAY_MS)).await;
    // Long enough for what comes before its end, on a busy machine too.
    grant(store, "alice", 40, Some(now_ms() + 10_000)).await;
    node.take(&account("alice"), 95, false).await;
    node.settle(call("alice", 25, 25)).await;
    let left = |stands: creel_records::ledger::Account| stands.grants.iter().map(|grant| grant.remaining.0).collect();
    let grants: Vec<i64> = left(store.credits("alice").await.unwrap());
    assert_eq!(grants, [15, 30, 20, 10]);
    // 5 of the 15 are with nobody; the rest is called back.
    let expired = loop {
        match store.tidy(Keep::days(1, 400)).await.unwrap().expired {
            Micros::ZERO => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            expired => break expired,
        }
    };
    assert_eq!(expired, Micros(5));
    assert_eq!(store.recalled("a").await.unwrap(), [account("alice")]);
    assert_eq!(stands(store, "alice").await, (70, 70));
    // A busy node would take it again at once; it gets only what is left.
    let purse = account("alice");
    let take = |need| Take {
        purse: purse.clone(),
        limit: Micros::ZERO,
        need: Micros(need),
        want: Micros(100),
        recall: false,
    };
    let give = Give {
        purse: purse.clone(),
        amount: Micros(70),
    };
    let done = node.deal(|exchange| {
        exchange.gives.push(give);
        exchange.takes.push(take(1));
    });
    assert_eq!(done.await.taken[0].got, Micros(60));
    assert_eq!(stands(store, "alice").await, (60, 60));
    node.give(&purse, 60).await;
    assert_eq!(store.tidy(Keep::days(1, 400)).await.unwrap().expired, Micros::ZERO);
    assert_eq!(stands(store, "alice").await, (60, 0));
    let grants: Vec<i64> = left(store.credits("alice").await.unwrap());
    assert_eq!(grants, [30, 20, 10]);
}

pub async fn what_expired_is_given_out_no_more(store: &impl Books) {
    grant(store, "alice", 40, Some(now_ms() - DAY_MS)).await;
    grant(store, "alice", 10, None).await;
    let mut node = Node::join(store, "a").await;
    assert_eq!(node.take(&account("alice"), 11, false).await.0, 0);
    assert_eq!(node.take(&account("alice"), 10, false).await.0, 10);
    assert_eq!(stands(store, "alice").await, (10, 10));
    let kinds: Vec<_> = (store.entries("alice", None, 10).await.unwrap().iter())
        .map(|entry| (entry.kind, entry.amount.0))
        .collect();
    assert_eq!(
        kinds,
        [(EntryKind::Expire, -40), (EntryKind::Grant, 10), (EntryKind::Grant, 40)]
    );
}

pub async fn a_grant_that_is_repeated_is_granted_once(store: &impl Books) {
    let new = NewGrant {
        account: "alice".into(),
        amount: Micros(100),
        kind: EntryKind::TopUp,
        expires_at: None,
        note: Some("invoice 7".into()),
        request: Some(RequestId::new()),
    };
    let first = store.grant(&new).await.unwrap();
    assert!(!first.is_repeated);
    let again = store.grant(&new).await.unwrap();
    assert_eq!((again.is_repeated, &again.entry), (true, &first.entry));
    let others: [fn(&mut NewGrant); 5] = [
        |other| other.amount = Micros(101),
        |other| other.kind = EntryKind::Grant,
        |other| other.expires_at = Some(now_ms() + DAY_MS),
        |other| other.note = None,
        |other| other.account = "bob".into(),
    ];
    for change in others {
        let mut other = new.clone();
        change(&mut other);
        let refused = store.grant(&other).await;
        assert!(matches!(refused, Err(RecordsError::Reused)), "{other:?}: {refused:?}");
    }
    assert_eq!(stands(store, "alice").await, (100, 0));
    assert_eq!(stands(store, "bob").await, (0, 0));
    assert_eq!(store.entries("alice", None, 10).await.unwrap(), [first.entry]);
}

pub async fn of_many_who_repeat_a_grant_one_gives(store: &impl Books) {
    for account in ["alice", "alice", "bob"] {
        let new = NewGrant {
            account: account.into(),
            amount: Micros(100),
            kind: EntryKind::Grant,
            expires_at: Some(now_ms() + DAY_MS),
            note: None,
            request: Some(RequestId::new()),
        };
        let before = stands(store, account).await.0;
        let granted = futures_util::future::join_all((0..8).map(|_| steadily(store, &new))).await;
        let gave = granted.iter().filter(|granted| !granted.is_repeated);
        assert_eq!(gave.count(), 1, "{granted:?}");
        assert!(
            granted.iter().all(|other| other.entry == granted[0].entry),
            "{granted:?}"
        );
        assert_eq!(stands(store, account).await.0, before + 100);
    }
}

/// Begins again where another transaction was in the way.
async fn steadily(store: &impl Books, new: &NewGrant) -> Granted {
    loop {
        match store.grant(new).await {
            Err(RecordsError::Conflict(_)) => {}
            granted => return granted.unwrap(),
        }
    }
}

pub async fn a_low_balance_is_told_once(store: &impl Books) {
    grant(store, "alice", 1_000_000, None).await;
    let mut node = Node::join(store, "a").await;
    node.take(&account("alice"), 1_000_000, false).await;
    for cost in [900_000, 1, 1, 1] {
        node.settle(call("alice", cost, cost)).await;
    }
    let told = |events: Vec<creel_records::Event>| events.iter().filter(|event| event.kind == "credits.low").count();
    let events = store.recent_events(10).await.unwrap();
    assert_eq!(events[0].message, "alice has 0.099999 credits left");
    assert_eq!(told(events), 1);
    grant(store, "alice", 1_000_000, None).await;
    node.settle(call("alice", 1, 1)).await;
    assert_eq!(told(store.recent_events(10).await.unwrap()), 1);
    // What was given since is spent too, and that is told again: once less than a tenth of it is left.
    node.take(&account("alice"), 1_000_000, false).await;
    for cost in [999_996, 1, 1] {
        node.settle(call("alice", cost, cost)).await;
    }
    let events = store.recent_events(10).await.unwrap();
    assert_eq!(
        (events[0].message.as_str(), told(events.clone())),
        ("alice has 0.099999 credits left", 2)
    );
    // A balance that expires is one too.
    grant(store, "bob", 10, Some(now_ms() - DAY_MS)).await;
    store.tidy(Keep::days(1, 400)).await.unwrap();
    let events = store.recent_events(10).await.unwrap();
    assert_eq!(events[0].message, "bob has 0 credits left");
    assert_eq!(told(events), 3);
}
