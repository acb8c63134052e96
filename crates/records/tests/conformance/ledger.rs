//! The books.

use creel_records::ledger::{
    Billing, Credits, EntryKind, Exchange, Give, Granted, Keep, LedgerStore, Micros, NewGrant, Others, Outcome,
    Position, PurseId, RequestId, Settlement, Take, Usage, UsageBy, UsageOf, UsageQuery,
};
use creel_records::{Events, RecordsError, now_ms};
use futures_util::future::join_all;

pub trait Books: LedgerStore + Credits + Events {}
impl<T: LedgerStore + Credits + Events> Books for T {}

const DAY_MS: i64 = 86_400_000;

/// A gateway node, as it deals.
struct Node<'s, S> {
    store: &'s S,
    next: Exchange,
}

impl<'s, S: Books> Node<'s, S> {
    async fn join(store: &'s S, name: &str) -> Self {
        let joined = store.join(name).await.unwrap();
        let next = Exchange {
            node: name.to_owned(),
            generation: joined.generation,
            turn: joined.turn + 1,
            position: joined.position,
            settlements: Vec::new(),
            takes: Vec::new(),
            gives: Vec::new(),
        };
        Self { store, next }
    }

    async fn deal(&mut self, change: impl FnOnce(&mut Exchange)) -> creel_records::ledger::Exchanged {
        let mut exchange = self.next.clone();
        change(&mut exchange);
        let done = loop {
            match self.store.exchange(&exchange).await {
                Err(RecordsError::Conflict(_)) => {}
                other => break other.unwrap(),
            }
        };
        self.next.turn += 1;
        done
    }

    async fn take(&mut self, purse: &PurseId, need: i64, recall: bool) -> (i64, Others) {
        let take = Take {
            purse: purse.clone(),
            limit: Micros::ZERO,
            need: Micros(need),
            want: Micros(need),
            recall,
        };
        let done = self.deal(|exchange| exchange.takes.push(take)).await;
        (done.taken[0].got.0, done.taken[0].others)
    }

    async fn give(&mut self, purse: &PurseId, amount: i64) {
        let give = Give {
            purse: purse.clone(),
            amount: Micros(amount),
        };
        self.deal(|exchange| exchange.gives.push(give)).await;
    }

    async fn settle(&mut self, settlement: Settlement) {
        self.deal(|exchange| exchange.settlements.push(settlement)).await;
    }
}

fn account(user: &str) -> PurseId {
    PurseId::Account(user.into())
}

fn call(user: &str, reserved: i64, cost: i64) -> Settlement {
    Settlement {
        request: RequestId::new(),
        billing: Billing::Credits,
        user: user.into(),
        instance: "claw".into(),
        key: "k1".into(),
        provider: "openai".into(),
        model: "gpt".into(),
        day: None,
        month: None,
        reserved: Micros(reserved),
        cost: Micros(cost),
        usage: Usage {
            prompt: 10,
            completion: 5,
            cached: 2,
            reasoning: 1,
            estimated: false,
        },
        outcome: Outcome::Done,
        at: now_ms(),
        latency_ms: 3,
    }
}

async fn grant(store: &impl Books, user: &str, amount: i64, expires_at: Option<i64>) {
    let new = NewGrant {
        account: user.into(),
        amount: Micros(amount),
        kind: EntryKind::Grant,
        expires_at,
        note: None,
        request: None,
    };
    store.grant(&new).await.unwrap();
}

/// Balance and what is held, after checking that the balance is the sum of the entries and of what is left of the grants.
async fn stands(store: &impl Books, user: &str) -> (i64, i64) {
    let stands = store.credits(user).await.unwrap();
    let entries = store.entries(user, None, 10_000).await.unwrap();
    assert_eq!(stands.balance, entries.iter().map(|entry| entry.amount).sum());
    let left: Micros = stands.grants.iter().map(|grant| grant.remaining).sum();
    assert_eq!(left, stands.balance.at_least_zero());
    (stands.balance.0, stands.held.0)
}

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
    a.give(&alice, 51).await;
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

pub async fn what_expires_first_is_spent_first(store: &impl Books) {
    let now = now_ms();
    grant(store, "alice", 10, None).await;
    grant(store, "alice", 20, Some(now + 2 * DAY_MS)).await;
    grant(store, "alice", 30, Some(now + DAY_MS)).await;
    // Long enough for what comes before its end, on a busy machine too.
    grant(store, "alice", 40, Some(now + 5_000)).await;
    let mut node = Node::join(store, "a").await;
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

pub async fn usage_is_added_up_and_outlives_the_calls(store: &impl Books) {
    let mut node = Node::join(store, "a").await;
    let noon = (now_ms() / DAY_MS - 10) * DAY_MS + DAY_MS / 2;
    let at = |user: &str, model: &str, at, outcome| Settlement {
        model: model.into(),
        outcome,
        at,
        ..call(user, 0, 7)
    };
    node.deal(|exchange| {
        exchange.settlements.extend([
            at("alice", "gpt", noon, Outcome::Done),
            at("alice", "gpt", noon + 1, Outcome::Cut),
            at("alice", "opus", noon + DAY_MS, Outcome::Done),
            at("bob", "gpt", noon + DAY_MS, Outcome::Done),
        ]);
    })
    .await;
    node.settle(at("bob", "gpt", noon + DAY_MS, Outcome::Done)).await;
    let sums = |by, from, to, account: Option<&str>| {
        let asked = UsageQuery {
            by,
            from,
            to,
            account: account.map(Into::into),
        };
        async move {
            let sums = store.usage(&asked).await.unwrap();
            let of = |of: &UsageOf| match of {
                UsageOf::Name(name) => name.to_string(),
                UsageOf::Time(at) => (at - (noon - DAY_MS / 2)).to_string(),
            };
            sums.iter()
                .map(|sum| (of(&sum.of), sum.calls, sum.failed, sum.prompt, sum.cost.0))
                .collect::<Vec<_>>()
        }
    };
    let begin = noon - DAY_MS / 2;
    for _ in 0..2 {
        let by = sums(UsageBy::User, begin, begin + 2 * DAY_MS, None).await;
        assert_eq!(by, [("alice".into(), 3, 1, 30, 21), ("bob".into(), 2, 0, 20, 14)]);
        let by = sums(UsageBy::Model, begin, begin + DAY_MS, None).await;
        assert_eq!(by, [("gpt".into(), 2, 1, 20, 14)]);
        let by = sums(UsageBy::Day, begin, begin + 2 * DAY_MS, Some("alice")).await;
        assert_eq!(by, [("0".into(), 2, 1, 20, 14), (DAY_MS.to_string(), 1, 0, 10, 7)]);
        let by = sums(UsageBy::Hour, noon, noon + 1, None).await;
        assert_eq!(by, [((DAY_MS / 2).to_string(), 2, 1, 20, 14)]);
        let by = sums(UsageBy::Day, noon, noon + 3_600_000, None).await;
        assert_eq!(by, [("0".into(), 2, 1, 20, 14)]);
        // The calls are older than a day and forgotten; the sums stay.
        store.tidy(Keep::days(1, 400)).await.unwrap();
    }
    assert_eq!(store.tidy(Keep::days(1, 400)).await.unwrap().calls_forgotten, 0);
    // The hours are older than a week and forgotten too; the days stay.
    assert_eq!(store.tidy(Keep::days(1, 7)).await.unwrap().sums_forgotten, 3);
    assert!(sums(UsageBy::Hour, noon, noon + 1, None).await.is_empty());
    let by = sums(UsageBy::User, begin, begin + 2 * DAY_MS, None).await;
    assert_eq!(by, [("alice".into(), 3, 1, 30, 21), ("bob".into(), 2, 0, 20, 14)]);
}

pub async fn a_name_that_an_engine_would_not_take_is_cut(store: &impl Books) {
    let mut node = Node::join(store, "a").await;
    let odd = Settlement {
        model: format!("gpt\0{}", "€".repeat(300)).into(),
        provider: "€".repeat(300).into(),
        usage: Usage {
            prompt: u64::MAX,
            ..Usage::default()
        },
        ..call("alice", 0, 0)
    };
    node.settle(odd).await;
    assert_eq!(store.entries("alice", None, 10).await.unwrap().len(), 1);
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
    // A balance that expires is one too.
    grant(store, "bob", 10, Some(now_ms() - DAY_MS)).await;
    store.tidy(Keep::days(1, 400)).await.unwrap();
    let events = store.recent_events(10).await.unwrap();
    assert_eq!(events[0].message, "bob has 0 credits left");
    assert_eq!(told(events), 2);
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
