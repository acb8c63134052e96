//! Credits and usage: what people type, and what a program asks.

use creel_tests::stranger::Stranger;
use creel_tests::up::Up;
use futures_util::future::join_all;
use serde_json::{Value, json};

#[tokio::test]
async fn credits_are_given_once_and_accounted_for() {
    let up = Up::start().await;
    let given = up
        .creel_json(&[
            "credits",
            "grant",
            "zhangsan",
            "10.5",
            "--note",
            "for March",
            "--expires",
            "2099-01-01",
        ])
        .await;
    assert_eq!(given["balance"], "10.5");
    assert_eq!(given["known"], false, "nobody is registered under this name");
    up.creel_json(&["credits", "grant", "zhangsan", "0.000001", "--top-up"])
        .await;
    let account = up.creel_json(&["credits", "show", "zhangsan"]).await;
    assert_eq!(
        (&account["balance"], &account["held"]),
        (&json!("10.500001"), &json!("0"))
    );
    assert_eq!(account["grants"][0]["expires_at"], "2099-01-01T00:00:00Z");
    assert_eq!(account["entries"][0]["kind"], "top_up");
    assert_eq!(
        (&account["entries"][1]["credits"], &account["entries"][1]["note"]),
        (&json!("10.5"), &json!("for March"))
    );
    let csv = up.creel(&["credits", "show", "zhangsan", "--csv"]).await;
    let csv = String::from_utf8_lossy(&csv.stdout).into_owned();
    assert!(csv.starts_with("id,at,kind,credits,request,note"), "{csv}");
    assert!(csv.contains(",grant,10.5,") && csv.contains(",for March"), "{csv}");
    let text = up.creel(&["credits", "show", "zhangsan"]).await;
    assert!(
        String::from_utf8_lossy(&text.stdout).starts_with("balance  10.500001"),
        "{text:?}"
    );
}

#[tokio::test]
async fn who_has_no_credits_is_told_from_who_is_nobody() {
    let up = Up::start().await;
    for arguments in [
        &["credits", "show", "nobody"][..],
        &["credits", "show", "nobody", "--csv"],
    ] {
        let (code, line) = up.creel_refuses(arguments).await;
        assert_eq!(code, Some(2), "{line}");
        assert!(
            line.contains("there is no user \"nobody\"") && line.trim().lines().count() == 1,
            "{line}"
        );
    }
    let refused = up.get("/api/users/nobody/credits").await;
    assert_eq!(refused.problem(), (404, "not_found".into()), "{refused:?}");
    let balance = async |user: &str| up.creel_json(&["credits", "show", user]).await["balance"].clone();
    // Registered, without credits.
    up.creel_json(&["user", "create", "lisi"]).await;
    assert_eq!(balance("lisi").await, "0");
    // Not registered, but the one whom a virtual key is charged to.
    up.creel_json(&["llm", "keys", "make", "--user", "wangwu"]).await;
    assert_eq!(balance("wangwu").await, "0");
    // And who was once.
    up.creel_json(&["credits", "grant", "lisi", "1"]).await;
    up.creel_json(&["user", "rm", "lisi"]).await;
    assert_eq!(balance("lisi").await, "1");
}

#[tokio::test]
async fn a_table_has_the_whole_ledger_and_an_answer_a_page_of_it() {
    const ENTRIES: usize = 1_005;
    let up = Up::start().await;
    let grant = json!({"credits": "1"});
    for _ in 0..ENTRIES / 15 {
        let given = join_all((0..15).map(|_| async { up.post("/api/users/zhangsan/credits", &grant).await.status }));
        assert_eq!(given.await, [201; 15]);
    }
    let lines = async |more: &[&str]| {
        let csv = up
            .creel(&[&["credits", "show", "zhangsan", "--csv"], more].concat())
            .await;
        let csv = String::from_utf8_lossy(&csv.stdout).into_owned();
        let lines = csv
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap().parse().unwrap());
        lines.collect::<Vec<i64>>()
    };
    let all = lines(&[]).await;
    assert_eq!(all.len(), ENTRIES);
    assert!(
        all.is_sorted_by(|newer, older| newer > older),
        "each once, newest first"
    );
    assert_eq!(lines(&["--limit", "1002"]).await, all[..1_002]);
    let path = "/api/users/zhangsan/credits?limit=";
    let page = up.get(&format!("{path}1000")).await.ok();
    assert_eq!(page["entries"].as_array().map(Vec::len), Some(1_000));
    let older = format!("{path}5000&format=csv&before={}", all[1_000]);
    assert_eq!(up.get(&older).await.text.lines().count(), 1 + 4);
    let refused = up.get("/api/users/zhangsan/credits?format=xls").await;
    assert_eq!(refused.problem().0, 422);
}

#[tokio::test]
async fn a_key_gives_once_and_something_else_under_it_is_refused() {
    let up = Up::start().await;
    let give = |user: &str, body: Value, key: &str| up.post(&format!("/api/users/{user}/credits"), &body).with_key(key);
    let march = json!({"credits": "10", "note": "for March"});
    let first = give("zhangsan", march.clone(), "march").await;
    assert_eq!(first.status, 201, "{first:?}");
    // The same, written otherwise.
    let again = json!({"credits": 10.0, "kind": "grant", "note": "for March"});
    let again = give("zhangsan", again, "march").await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    for other in [
        json!({"credits": "11", "note": "for March"}),
        json!({"credits": "10", "note": "for April"}),
        json!({"credits": "10", "note": "for March", "kind": "top_up"}),
        json!({"credits": "10", "note": "for March", "expires_at": "2099-01-01"}),
    ] {
        let refused = give("zhangsan", other.clone(), "march").await;
        assert_eq!(refused.problem(), (422, "idempotency_key_reused".into()), "{other}");
    }
    for key in ["", &"k".repeat(256)] {
        let refused = give("zhangsan", march.clone(), key).await;
        assert_eq!(refused.problem(), (400, "bad_request".into()), "{key}");
    }
    assert_eq!(up.creel_json(&["credits", "show", "zhangsan"]).await["balance"], "10");
    // Of somebody else, it is another key.
    assert_eq!(give("lisi", march, "march").await.json()["balance"], "10");
    let activity = up.get("/api/activity").await.ok();
    let given = activity["events"].as_array().unwrap().iter();
    assert_eq!(
        given.filter(|event| event["kind"] == "credits.given").count(),
        2,
        "{activity}"
    );
}

#[tokio::test]
async fn a_grant_whose_answer_is_lost_is_sent_again_and_given_once() {
    let up = Up::start().await;
    let server = up.url().strip_prefix("http://").unwrap().parse().unwrap();
    let between = Stranger::losing_an_answer(server).await;
    let given = up
        .creel_at(&between.url(), &["credits", "grant", "zhangsan", "10", "--json"])
        .await;
    let given: Value = serde_json::from_slice(&given.stdout).unwrap();
    assert_eq!(given["balance"], "10");
    let account = up.creel_json(&["credits", "show", "zhangsan"]).await;
    assert_eq!(account["entries"], json!([given["entry"]]));
}

#[tokio::test]
async fn credits_for_a_name_that_nobody_has_are_given_and_that_is_said() {
    let up = Up::start().await;
    up.creel_json(&["user", "create", "alice"]).await;
    up.creel_json(&["llm", "keys", "make", "--user", "bob"]).await;
    for (user, warned) in [("alice", false), ("bob", false), ("alcie", true)] {
        let said = up.creel(&["credits", "grant", user, "1"]).await;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert_eq!(said.contains("warning: "), warned, "{user}: {said}");
    }
}

#[tokio::test]
async fn bad_amounts_moments_and_questions_are_refused_in_one_line() {
    let up = Up::start().await;
    for (arguments, said) in [
        (&["credits", "grant", "a", "0"][..], "credits"),
        (&["credits", "grant", "a", "1e9"], "credits"),
        (&["credits", "grant", "a", "1", "--expires", "tomorrow"], "--expires: "),
        (&["credits", "grant", "a", "1", "--expires", "2001-01-01"], "has passed"),
        (&["credits", "grant", "a\nb", "1"], "id: "),
        (&["credits", "grant", "张三", "1"], "id: "),
        (&["usage", "--by", "colour"], "by: "),
        (&["usage", "--from", "2026-02-01", "--to", "2026-01-01"], "from: "),
    ] {
        let (code, line) = up.creel_refuses(arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {line}");
        assert!(
            line.contains(said) && line.trim().lines().count() == 1,
            "{arguments:?}: {line}"
        );
    }
    let (_, unknown) = up.creel_refuses(&["credits", "show", "a"]).await;
    assert!(unknown.contains("there is no user"), "nothing was given: {unknown}");
}

#[tokio::test]
async fn usage_of_nobody_is_empty() {
    let up = Up::start().await;
    let usage = up
        .creel_json(&["usage", "--by", "user", "--from", "2026-01-01", "--to", "2026-02-01"])
        .await;
    assert_eq!(usage["usage"], json!([]));
    assert_eq!(
        (&usage["from"], &usage["by"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("user"))
    );
    let csv = up.creel(&["usage", "--csv"]).await;
    assert!(
        String::from_utf8_lossy(&csv.stdout).starts_with("day,calls,failed,"),
        "{csv:?}"
    );
}
