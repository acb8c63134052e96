//! What calls took, added up.

use creel_records::ledger::{Keep, Outcome, Settlement, Usage, UsageBy, UsageOf, UsageQuery};
use creel_records::now_ms;

use super::{Books, DAY_MS, Node, call};

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
        let by = sums(UsageBy::User, noon, begin + 2 * DAY_MS, None).await;
        assert_eq!(by, [("alice".into(), 3, 1, 30, 21), ("bob".into(), 2, 0, 20, 14)]);
        let by = sums(UsageBy::User, noon + 3_600_000, begin + 2 * DAY_MS, None).await;
        assert_eq!(by, [("alice".into(), 1, 0, 10, 7), ("bob".into(), 2, 0, 20, 14)]);
        let by = sums(UsageBy::Day, begin, noon + DAY_MS + 3_600_000, Some("alice")).await;
        assert_eq!(by, [("0".into(), 2, 1, 20, 14), (DAY_MS.to_string(), 1, 0, 10, 7)]);
        let by = sums(UsageBy::Day, noon, noon + 3_600_000, None).await;
        assert_eq!(by, [("0".into(), 2, 1, 20, 14)]);
        // The calls are older than a day and forgotten; the sums stay.
        store.tidy(Keep::days(1, 400)).await.unwrap();
    }
    assert_eq!(store.tidy(Keep::days(1, 400)).await.unwrap().calls_forgotten, 0);
    // The hours are older than a week and forgotten too; the days stay.
    assert_eq!(store.tidy(Keep::days(1, 7)).await.unwrap().sums_forgotten, 3);
    assert!(sums(UsageBy::Hour, noon, noon + 1, None).await.is_empty());
    // From one noon to another: the whole day between them is known by the day.
    let by = sums(UsageBy::User, noon, begin + 2 * DAY_MS + DAY_MS / 2, None).await;
    assert_eq!(by, [("alice".into(), 1, 0, 10, 7), ("bob".into(), 2, 0, 20, 14)]);
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
