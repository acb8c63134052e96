//! What is set up over REST is what the gateway does.

use creel_testkit::provider::{Provider, Reply};
use creel_tests::llm::{Llm, PROVIDER_KEY};
use creel_tests::up::{ADMIN_TOKEN, Up};
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::json;

const ASK: &str = r#"{"model":"m1","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test]
async fn a_call_is_metered_and_the_providers_key_stays_in_the_house() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello.").usage(7, 3));
    let llm = Llm::of(&provider).await;
    let answer = llm.call(Method::POST, "/v1/chat/completions").body(ASK).await.ok();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello.");
    assert_eq!(llm.cost().await, 10);
    let shown = llm.up.get("/api/llm/providers").await;
    assert_eq!(shown.json()["providers"][0]["has_key"], true);
    assert!(!shown.text.contains(PROVIDER_KEY));
    let keys = llm.up.get("/api/llm/keys").await.text;
    assert!(!keys.contains(&llm.key), "a key is shown once");
    for entry in std::fs::read_dir(llm.up.home())
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        // Some are there for a moment only.
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        for secret in [PROVIDER_KEY, llm.key.as_str()] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", entry.path().display());
        }
    }
}

#[tokio::test]
async fn whoever_has_no_credits_gets_402_and_the_provider_hears_nothing() {
    let provider = Provider::start().await;
    let llm = Llm::of(&provider).await;
    let key = llm.key_with(json!({"user": "nobody"})).await;
    let answer = llm
        .call(Method::POST, "/v1/chat/completions")
        .body(ASK)
        .with_token(&key)
        .await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (402, &json!("out_of_credits"))
    );
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn a_balance_that_gets_low_is_told_among_the_activity() {
    let provider = Provider::start().await;
    provider.then(Reply::text("Hello.").usage(60, 35));
    let llm = Llm::of(&provider).await;
    llm.up.creel_json(&["credits", "grant", "alice", "0.0001"]).await;
    let key = llm.key_with(json!({"user": "alice"})).await;
    let call = llm.call(Method::POST, "/v1/chat/completions").body(ASK);
    call.with_token(&key).await.ok();
    let told = until("the alert", || async {
        let activity = llm.up.get("/api/activity").await.ok();
        let events = activity["events"].as_array()?.clone();
        events.into_iter().find(|event| event["kind"] == "credits.low")
    })
    .await;
    assert_eq!(told["message"], "alice has 0.000005 credits left");
}

#[tokio::test]
async fn keys_of_a_user_who_is_disabled_are_void_once_that_is_answered() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello.").usage(7, 3));
    let llm = Llm::of(&provider).await;
    llm.up.creel_json(&["user", "create", "alice"]).await;
    llm.up.creel_json(&["credits", "grant", "alice", "1"]).await;
    let keys = [
        llm.key_with(json!({"user": "alice"})).await,
        llm.key_with(json!({"user": "alice", "models": ["m1"]})).await,
    ];
    let ask = async |key: &str| {
        let call = llm.call(Method::POST, "/v1/chat/completions").body(ASK);
        call.with_token(key).await.status
    };
    for key in &keys {
        assert_eq!(ask(key).await, 200);
    }
    // Nothing is awaited: the answer is the promise, over REST and on the command line.
    let disable = llm.up.call(Method::PATCH, "/api/users/alice");
    disable.json(&json!({"status": "disabled"})).await.ok();
    for key in &keys {
        assert_eq!(ask(key).await, 401);
    }
    llm.up.creel_json(&["user", "enable", "alice"]).await;
    for key in &keys {
        assert_eq!(ask(key).await, 200, "who is let in again needs no new keys");
    }
    llm.up.creel_json(&["user", "disable", "alice"]).await;
    for key in &keys {
        assert_eq!(ask(key).await, 401);
    }
    assert_eq!(provider.requests().len(), 4, "the provider hears of none of it");
    assert_eq!(ask(&llm.key).await, 200, "others' keys stay in force");
}

#[tokio::test]
async fn a_revoked_key_is_void_and_changed_prices_count_at_once() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello.").usage(7, 3));
    let llm = Llm::of(&provider).await;
    llm.up
        .put("/api/llm/prices/m1", &json!({"input": "2", "output": "2"}))
        .await
        .ok();
    until("the new price", || async {
        let before = llm.cost().await;
        llm.call(Method::POST, "/v1/chat/completions").body(ASK).await.ok();
        (llm.cost().await - before == 20).then_some(())
    })
    .await;
    let id = llm.up.get("/api/llm/keys").await.json()["keys"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(llm.up.delete(&format!("/api/llm/keys/{id}")).await.status, 204);
    until("the key to be void", || async {
        let answer = llm.call(Method::POST, "/v1/chat/completions").body(ASK).await;
        (answer.status == 401).then_some(())
    })
    .await;
    assert_eq!(llm.up.delete(&format!("/api/llm/keys/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_keys_terms_are_changed_one_by_one() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello.").usage(7, 3));
    let llm = Llm::of(&provider).await;
    let key = llm.key_with(json!({"models": ["c1"], "day_budget": "5"})).await;
    let keys = llm.up.get("/api/llm/keys").await.json()["keys"].clone();
    let made = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["day_budget"].is_string());
    let path = format!("/api/llm/keys/{}", made.unwrap()["id"].as_str().unwrap());
    let change = |body| llm.up.call(Method::PATCH, &path).json(&body);
    for (body, said) in [
        (json!({"requests_per_minute": 0}), "requests_per_minute"),
        (json!({"day_budget": "-1"}), "day_budget"),
        (json!({"expires_at": "soon"}), "expires_at"),
        (json!({"group": "nobody's"}), "group"),
        (json!({"user": "mallory"}), "user"),
        (json!({}), "nothing to change"),
    ] {
        let answer = change(body).await;
        let (status, _) = answer.problem();
        let problem = answer.json();
        assert!(
            [400, 422].contains(&status) && problem["detail"].as_str().unwrap().contains(said),
            "{problem:#}"
        );
    }
    let now = change(json!({"models": null, "aliases": {"fast": "m1"}})).await.ok();
    assert_eq!(
        (&now["models"], &now["day_budget"], &now["aliases"]),
        (&json!(null), &made.unwrap()["day_budget"], &json!({"fast": "m1"}))
    );
    until("the new terms to count", || async {
        let ask = ASK.replace("m1", "fast");
        let call = llm
            .call(Method::POST, "/v1/chat/completions")
            .body(ask)
            .with_token(&key);
        (call.await.status == 200).then_some(())
    })
    .await;
    change(json!({"expires_at": "2020-01-01T00:00:00Z"})).await.ok();
    until("the key to have expired", || async {
        let call = llm.call(Method::GET, "/v1/models").with_token(&key);
        (call.await.status == 401).then_some(())
    })
    .await;
    assert_eq!(llm.up.delete(&path).await.status, 204);
    assert_eq!(change(json!({"models": null})).await.status, 404, "revoked is revoked");
}

#[tokio::test]
async fn removing_a_provider_says_which_models_lose_it() {
    let up = Up::start().await;
    for name in ["one", "two"] {
        let provider = json!({"style": "openai", "base_url": "http://127.0.0.1:1/v1"});
        up.put(&format!("/api/llm/providers/{name}"), &provider).await.ok();
    }
    for (name, routes) in [
        ("alone", json!([{"provider": "one"}])),
        ("both", json!([{"provider": "one"}, {"provider": "two"}])),
        ("other", json!([{"provider": "two"}])),
    ] {
        up.put(&format!("/api/llm/models/{name}"), &json!({"routes": routes}))
            .await
            .ok();
    }
    let removed = up.creel(&["llm", "providers", "rm", "one"]).await;
    let said = String::from_utf8_lossy(&removed.stdout).into_owned();
    assert_eq!(
        said,
        "one is removed\nmodels that lose this provider: alone (no other is left), both\n"
    );
    let removed = up.creel_json(&["llm", "providers", "rm", "two"]).await;
    let lose = json!([{"name": "both", "has_another": true}, {"name": "other", "has_another": false}]);
    assert_eq!(removed["models"], lose, "a route to one that is gone is a route yet");
}

#[tokio::test]
async fn a_price_is_said_in_a_currency_and_charged_in_credits() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello.").usage(7, 3));
    let llm = Llm::of(&provider).await;
    let up = &llm.up;
    let set = [
        "llm",
        "prices",
        "set",
        "m1",
        "--currency",
        "CNY",
        "--input",
        "2",
        "--output",
        "4",
    ];
    let refused = up.creel(&set).await;
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("currency: nobody has said what \"CNY\" is in credits"),
        "{said}"
    );
    for (path, body) in [("cny", "1"), ("YUAN", "1"), ("CNY", "0"), ("CNY", "-1"), ("CNY", "x")] {
        let path = format!("/api/llm/currencies/{path}");
        assert_eq!(
            up.put(&path, &json!({"credits": body})).await.status,
            422,
            "{path} {body}"
        );
    }

    up.creel_json(&["llm", "currencies", "set", "CNY", "0.5"]).await;
    let priced = up.creel_json(&set).await;
    assert_eq!((&priced["currency"], &priced["input"]), (&json!("CNY"), &json!("2")));
    assert_eq!(
        priced["credits"],
        json!({"input": "1", "output": "2", "cached_input": null, "cache_write": null, "call": "0"})
    );
    let charged = async |credits: u64| {
        until("the price to count", || async {
            let before = llm.cost().await;
            llm.call(Method::POST, "/v1/chat/completions").body(ASK).await.ok();
            (llm.cost().await - before == credits).then_some(())
        })
        .await;
    };
    charged(7 + 2 * 3).await;
    up.creel_json(&["llm", "currencies", "set", "CNY", "1"]).await;
    charged(2 * 7 + 4 * 3).await;

    let kept = up.delete("/api/llm/currencies/CNY").await;
    assert_eq!(kept.status, 409, "a price is said in it");
    assert_eq!(up.delete("/api/llm/prices/m1").await.status, 204);
    assert_eq!(up.delete("/api/llm/currencies/CNY").await.status, 204);
    assert_eq!(up.delete("/api/llm/currencies/CNY").await.status, 404);
    assert_eq!(up.get("/api/llm/currencies").await.json(), json!({"currencies": []}));
}

#[tokio::test]
async fn a_group_stays_while_a_key_pays_by_it() {
    let up = Up::start().await;
    up.put("/api/llm/groups/staff", &json!({"multiplier": "0.5"}))
        .await
        .ok();
    let made = up.post("/api/llm/keys", &json!({"group": "staff"})).await.json();
    let removed = up.delete("/api/llm/groups/staff").await;
    assert_eq!(removed.status, 409, "its keys would pay the whole price");
    assert_eq!(
        removed.json()["detail"],
        "group: keys in force are in \"staff\" (1); change or revoke them first"
    );
    let key = made["key"]["id"].as_str().unwrap();
    assert_eq!(up.delete(&format!("/api/llm/keys/{key}")).await.status, 204);
    assert_eq!(up.delete("/api/llm/groups/staff").await.status, 204);
}

#[tokio::test]
async fn metrics_open_to_the_api_token_and_to_no_virtual_key() {
    let provider = Provider::start().await;
    let llm = Llm::of(&provider).await;
    let metrics = || llm.call(Method::GET, "/metrics");
    assert_eq!(metrics().await.status, 401, "they tell what others use");
    assert_eq!(metrics().without_token().await.status, 401);
    assert_eq!(metrics().with_token(ADMIN_TOKEN).await.status, 200);
}

#[tokio::test]
async fn all_of_it_is_there_after_kill_9() {
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello.").usage(7, 3));
    let llm = Llm::of(&provider).await;
    let Llm { up, key } = llm;
    let up = up.kill().await.start().await;
    let llm = Llm { up, key };
    let answer = llm
        .call(Method::POST, "/v1/messages")
        .body(ASK.replace("m1", "c1"))
        .await
        .ok();
    assert_eq!(answer["content"][0]["text"], "Hello.");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_one_line_and_changes_nothing() {
    let up = Up::start().await;
    for (path, body, said) in [
        (
            "providers/p",
            json!({"style": "klingon", "base_url": "http://h"}),
            "style",
        ),
        (
            "providers/p",
            json!({"style": "openai", "base_url": "not an address"}),
            "base_url",
        ),
        (
            "providers/a%2Fb",
            json!({"style": "openai", "base_url": "http://h"}),
            "name",
        ),
        ("models/m", json!({"routes": []}), "routes"),
        (
            "models/m",
            json!({"routes": [{"provider": "p"}], "strategy": "guess"}),
            "strategy",
        ),
        (
            "models/m",
            json!({"routes": [{"provider": "openai"}, {"provider": "nope"}]}),
            "there is no provider \"nope\"",
        ),
        (
            "models/m",
            json!({"routes": vec![json!({"provider": "openai"}); 65]}),
            "64 at most",
        ),
        (
            "models/m",
            json!({"routes": [{"provider": "openai", "model": ""}]}),
            "routes: a model has",
        ),
        (
            "models/m",
            json!({"routes": [{"provider": "openai"}], "max_output": u64::MAX}),
            "max_output: from 1",
        ),
        ("prices/m*-mini", json!({"input": "1", "output": "1"}), "at the end"),
        ("prices/m", json!({"input": "-1", "output": "1"}), "input"),
        ("prices/m", json!({"input": "1", "output": "1.0000001"}), "output"),
        ("groups/g", json!({"multiplier": "5000"}), "multiplier"),
        ("groups/g", json!({"multiplier": "half"}), "write for example 0.8"),
    ] {
        let answer = up.put(&format!("/api/llm/{path}"), &body).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(said), "{answer:?}");
    }
    for body in [
        json!({"expires_at": "tomorrow"}),
        json!({"expires_at": "2001-01-01"}),
        json!({"group": "nobody's"}),
        json!({"day_budget": "much"}),
        json!({"tokens_per_minute": 0}),
        json!({"user": ""}),
        json!({"instance": ""}),
        json!({"instance": "no/instance"}),
        json!({"instance": "x".repeat(41)}),
    ] {
        assert_eq!(up.post("/api/llm/keys", &body).await.status, 422, "{body}");
    }
    for list in ["providers", "models", "prices", "groups", "keys"] {
        assert_eq!(up.get(&format!("/api/llm/{list}")).await.json()[list], json!([]));
    }
}

#[tokio::test]
async fn keys_in_the_environment_are_providers_for_any_model() {
    let provider = Provider::start().await;
    let builder = Up::builder()
        .env("OPENAI_API_KEY", PROVIDER_KEY)
        .env("OPENAI_BASE_URL", &provider.openai_url());
    let llm = Llm::start(&provider, builder).await;
    let ask = ASK.replace("m1", "whatever-is-new");
    let answer = llm.call(Method::POST, "/v1/chat/completions").body(ask).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(provider.requests()[0].json()["model"], "whatever-is-new");
}
