//! Users who sign in themselves.

use creel_testkit::database;
use creel_tests::http::{Answer, Call, client_from};
use creel_tests::person::{PASSWORD, Person, log_in, refresh};
use creel_tests::tenants::SERVICE_TOKEN;
use creel_tests::up::{ADMIN_TOKEN, Up};
use creel_tests::wait::until;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

fn out() -> (u16, String) {
    (401, "unauthorized".to_owned())
}

async fn patch(up: &Up, user: &str, body: Value) {
    let path = format!("/api/users/{user}");
    up.call(Method::PATCH, &path).json(&body).await.ok();
}

#[tokio::test]
async fn who_does_not_get_in_is_not_told_why() {
    let up = Up::start().await;
    Person::new(&up, "alice").await;
    for (id, password) in [("bob", None), ("carol", Some(PASSWORD))] {
        up.post("/api/users", &json!({"id": id, "password": password})).await;
    }
    patch(&up, "carol", json!({"status": "disabled"})).await;
    let mut told = Vec::new();
    for (id, password) in [
        ("nobody", PASSWORD),
        ("alice", "wrong horse"),
        ("bob", ""),
        ("carol", PASSWORD),
        ("../x", PASSWORD),
    ] {
        let done = async || {
            let activity = up.get("/api/activity?limit=500").await.ok();
            let events = activity["events"].as_array().map_or(0, Vec::len);
            (events, up.log().so_far().lines().count())
        };
        let before = done().await;
        let answer = log_in(&up, id, password).await;
        assert_eq!(answer.problem(), out(), "{id}");
        let after = done().await;
        // Whoever it is, as much is written down of it; that as much is reckoned is shown beside the hash.
        told.push((answer.text, after.0 - before.0, after.1 - before.1));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    log_in(&up, "alice", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_stranger_who_guesses_locks_out_nobody_but_themselves() {
    let up = Up::start().await;
    Person::new(&up, "alice").await;
    Person::new(&up, "bob").await;
    let from = |address: [u8; 4], id: &str, password: &str| {
        let client = client_from(address.into());
        let url = format!("{}/api/auth/login", up.url());
        let body = json!({"id": id, "password": password});
        Call::new(&client, Method::POST, &url, "").without_token().json(&body)
    };
    let (stranger, elsewhere) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    let mut statuses = Vec::new();
    for turn in 0..12 {
        statuses.push(from(stranger, "alice", "guess").await.status);
        // An account of their own wipes nothing out, neither at the begin nor at the end.
        if [0, 8].contains(&turn) {
            from(stranger, "bob", PASSWORD).await.ok();
        }
    }
    assert_eq!((&statuses[..10], statuses[10]), (&[401; 10][..], 429));
    let locked = from(stranger, "alice", PASSWORD).await;
    assert_eq!(locked.problem(), (429, "too_many_failures".to_owned()));
    assert!(!locked.header("retry-after").is_empty());
    log_in(&up, "alice", PASSWORD).await.ok();
    from(elsewhere, "alice", PASSWORD).await.ok();
    from(stranger, "bob", PASSWORD).await.ok();
    // Nor does it count for or against whoever administers.
    let administrator = json!({"username": "admin", "password": ADMIN_TOKEN});
    let url = format!("{}/api/login", up.url());
    let call = Call::new(&client_from(stranger.into()), Method::POST, &url, "").without_token();
    call.json(&administrator).await.ok();
}

#[tokio::test]
async fn what_changes_of_a_user_ends_their_tokens_at_once() {
    let up = Up::start().await;
    let alice = Person::new(&up, "alice").await;
    let me = alice.get(&up, "/api/me").await.ok();
    assert_eq!((&me["user"]["id"], &me["csrf"]), (&json!("alice"), &Value::Null));

    patch(&up, "alice", json!({"name": "Alice"})).await;
    alice.get(&up, "/api/me").await.ok();
    patch(&up, "alice", json!({"status": "disabled"})).await;
    assert_eq!(alice.refused(&up).await, out());
    assert_eq!(refresh(&up, &alice.refresh).await.problem(), out());
    patch(&up, "alice", json!({"status": "active"})).await;
    assert_eq!(alice.refused(&up).await, out(), "who comes back signs in again");

    let alice = Person::signs_in(&up, "alice").await;
    patch(&up, "alice", json!({"password": PASSWORD})).await;
    assert_eq!(alice.refused(&up).await, out());

    let alice = Person::signs_in(&up, "alice").await;
    assert_eq!(up.post("/api/users/alice/logout", &json!({})).await.status, 204);
    assert_eq!(alice.refused(&up).await, out());

    let alice = Person::signs_in(&up, "alice").await;
    assert_eq!(up.delete("/api/users/alice").await.status, 204);
    let another = Person::new(&up, "alice").await;
    assert_eq!(alice.refused(&up).await, out(), "another of this name is another");
    another.get(&up, "/api/me").await.ok();
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_login() {
    let up = Up::start().await;
    let first = Person::new(&up, "alice").await;
    let elsewhere = Person::signs_in(&up, "alice").await;
    let second = Person::of(&refresh(&up, &first.refresh).await.ok());
    second.get(&up, "/api/me").await.ok();
    assert_eq!(refresh(&up, &first.refresh).await.problem(), out());
    assert_eq!(second.refused(&up).await, out(), "whoever has stolen it is out too");
    assert_eq!(refresh(&up, &second.refresh).await.problem(), out());
    elsewhere.get(&up, "/api/me").await.ok();
    let all = up.get("/api/activity").await.ok().to_string();
    assert!(all.contains("user.login_ended") && !all.contains(&first.refresh));
    for nothing in ["", "x"] {
        assert_eq!(refresh(&up, nothing).await.problem(), out());
    }

    assert_eq!(elsewhere.post(&up, "/api/auth/logout", &json!({})).await.status, 204);
    assert_eq!(elsewhere.refused(&up).await, out());
    assert_eq!(refresh(&up, &elsewhere.refresh).await.problem(), out());
}

#[tokio::test]
async fn a_users_token_opens_what_is_theirs_and_nothing_else() {
    let up = Up::start().await;
    let alice = Person::new(&up, "alice").await;
    for path in [
        "/api/users",
        "/api/users/alice",
        "/api/instances",
        "/api/usage",
        "/openclaw/gateway/configs",
    ] {
        assert_eq!(alice.get(&up, path).await.problem(), out(), "{path}");
    }
    for path in ["/api/me", "/api/me/usage", "/api/me/config", "/openclaw/gateway/config"] {
        assert_eq!(up.get(path).await.problem(), out(), "an API token is no user's: {path}");
        assert_eq!(up.get(path).without_token().await.problem(), out());
        let bent = format!("{}x", alice.access);
        assert_eq!(up.get(path).with_token(&bent).await.problem(), out());
    }
    let usage = alice.get(&up, "/api/me/usage?by=model&user=bob").await.ok();
    assert_eq!(usage["usage"], json!([]));
    up.post("/api/users/alice/credits", &json!({"credits": 5})).await;
    let credits = alice.get(&up, "/api/me/credits").await.ok();
    assert_eq!((&credits["user"], &credits["balance"]), (&json!("alice"), &json!("5")));
}

/// The value of the cookie that an answer sets.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    let (cookie, terms) = set.split_once(';').expect("it has terms");
    assert!(terms.contains("HttpOnly") && terms.contains("SameSite=Strict"), "{set}");
    cookie.to_owned()
}

#[tokio::test]
async fn a_browser_signs_in_with_a_cookie_that_forgery_does_not_use() {
    let up = Up::start().await;
    Person::new(&up, "alice").await;
    let body = json!({"id": "alice", "password": PASSWORD, "cookie": true});
    let login = up.post("/api/auth/login", &body).without_token().await;
    let (cookie, csrf) = (cookie(&login), login.ok()["csrf"].as_str().unwrap().to_owned());
    assert!(
        cookie.starts_with("creel_user=") && !login.text.contains("token\""),
        "{login:?}"
    );
    let sent = |call: Call| call.without_token().header("cookie", &cookie);
    let me = sent(up.get("/api/me")).await.ok();
    assert_eq!(me["csrf"], csrf);
    assert_eq!(
        sent(up.get("/api/users")).await.problem(),
        out(),
        "it is no administrator's"
    );

    let change = || sent(up.put("/api/me/identity", &json!({"content": "You are kind."})));
    assert_eq!(change().await.problem(), (403, "forbidden".to_owned()));
    let forged = change().header("x-csrf-token", "0").await;
    assert_eq!(forged.problem(), (403, "forbidden".to_owned()));
    change().header("x-csrf-token", &csrf).await.ok();

    let out_of = sent(up.post("/api/auth/logout", &json!({})))
        .header("x-csrf-token", &csrf)
        .await;
    assert!(out_of.status == 204 && out_of.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(sent(up.get("/api/me")).await.problem(), out());
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_present_one() {
    let up = Up::start().await;
    let alice = Person::new(&up, "alice").await;
    let elsewhere = Person::signs_in(&up, "alice").await;
    let change = async |person: &Person, current: &str, new: &str| {
        let body = json!({"current": current, "new": new});
        person.post(&up, "/api/me/password", &body).await
    };
    assert_eq!(change(&alice, "wrong horse", "battery staple").await.problem(), out());
    assert_eq!(change(&alice, PASSWORD, "short").await.status, 422);
    let changed = Person::of(&change(&alice, PASSWORD, "battery staple").await.ok());
    changed.get(&up, "/api/me").await.ok();
    for before in [&alice, &elsewhere] {
        assert_eq!(before.refused(&up).await, out());
    }
    assert_eq!(log_in(&up, "alice", PASSWORD).await.problem(), out());
    log_in(&up, "alice", "battery staple").await.ok();
}

#[tokio::test]
async fn logins_survive_a_restart_and_no_secret_is_at_rest() {
    let up = Up::start().await;
    let alice = Person::new(&up, "alice").await;
    let up = up.kill().await.start().await;
    alice.get(&up, "/api/me").await.ok();
    let next = Person::of(&refresh(&up, &alice.refresh).await.ok());
    let mut kept = Vec::new();
    for file in ["creel.db", "creel.db-wal"] {
        kept.extend(std::fs::read(up.home().join(file)).unwrap_or_default());
    }
    let said = up.log().so_far();
    for secret in [&alice.access, &alice.refresh, &next.refresh, &PASSWORD.to_owned()] {
        assert!(!kept.windows(secret.len()).any(|part| part == secret.as_bytes()));
        assert!(!said.contains(secret.as_str()));
    }
}

/// Two control planes, each with a home of its own, on the same records.
async fn two_on_one_database() -> (Up, Up) {
    let url = database::postgres().database();
    let start = || {
        let builder = Up::builder().env("CREEL_DATABASE_URL", &url);
        builder.env("OPENCLAW_SERVICE_TOKEN", SERVICE_TOKEN).start()
    };
    (start().await, start().await)
}

#[tokio::test]
async fn two_backends_on_one_database_are_one_to_their_users() {
    let (one, other) = two_on_one_database().await;
    let alice = Person::new(&one, "alice").await;
    alice.get(&other, "/api/me").await.ok();
    let next = Person::of(&refresh(&other, &alice.refresh).await.ok());
    next.get(&one, "/api/me").await.ok();

    let patches = (0..20).map(|number| {
        let up = if number % 2 == 0 { &one } else { &other };
        let entry = json!({"agents": {"entries": {format!("a{number}"): {"systemPrompt": "Sing."}}}});
        next.call(up, Method::PATCH, "/api/me/config")
            .json(&entry)
            .into_future()
    });
    for answer in join_all(patches).await {
        answer.ok();
    }
    let config = next.get(&one, "/openclaw/gateway/config").await.ok();
    let entries = config["config"]["agents"]["entries"].as_object().unwrap();
    assert_eq!(entries.len(), 20, "{entries:?}");

    patch(&other, "alice", json!({"status": "disabled"})).await;
    assert_eq!(next.refused(&one).await, out());
}

#[tokio::test]
async fn a_model_key_that_another_home_has_sealed_is_said_and_charged_to_nobody() {
    let (one, other) = two_on_one_database().await;
    let alice = Person::new(&one, "alice").await;
    assert_eq!(
        alice.post(&one, "/openclaw/gateway/token", &json!({})).await.status,
        201
    );
    let key = async |up: &Up| {
        let page = up.get("/openclaw/gateway/configs").with_token(SERVICE_TOKEN).await.ok();
        page["users"][0]["model_key"].as_str().expect("a key").to_owned()
    };
    let good = key(&one).await;
    assert_eq!(good.len(), "sk-creel-".len() + 43);
    let none = key(&other).await;
    assert_eq!(none, "sk-creel-sealed-with-another-master-key");
    other
        .log()
        .line_with("do not open with this home's secrets/master.key")
        .await;
    // LLM Gateways hear of keys after a moment.
    let answers = async |key: &str, status: u16| {
        let url = format!("{}/v1/models", other.llm_url());
        until("the LLM Gateway to know better", || async {
            let answer = Call::new(&creel_tests::http::client(), Method::GET, &url, key).await;
            (answer.status == status).then_some(())
        })
        .await;
    };
    answers(&good, 200).await;
    answers(&none, 401).await;

    assert_eq!(other.post("/api/users/alice/token", &json!({})).await.status, 201);
    let new = key(&other).await;
    assert_ne!(new, good);
    answers(&new, 200).await;
    answers(&good, 401).await;
}

#[tokio::test]
async fn a_user_configures_what_is_theirs() {
    let up = Up::start().await;
    let alice = Person::new(&up, "alice").await;
    for path in [
        "/openclaw/gateway/config",
        "/api/v1/openclaw/gateway/config",
        "/api/me/config",
    ] {
        let read = alice.get(&up, path).await;
        let etag = read.header("etag").to_owned();
        let patch = |body: Value| {
            alice
                .call(&up, Method::PATCH, path)
                .json(&body)
                .header("if-match", &etag)
        };
        let broken = patch(json!({"agents": {"defaults": {"model": 7}}})).await;
        assert_eq!(broken.problem(), (422, "broken_config".to_owned()));
        assert!(broken.json()["line"].is_u64() && broken.json()["column"].is_u64());
        let theirs = patch(json!({"gateway": {"port": 1}})).await;
        assert_eq!(
            theirs.problem(),
            (422, "broken_config".to_owned()),
            "that is the operator's"
        );
        let large = patch(json!({"ui": {"note": "x".repeat(300 << 10)}})).await;
        assert_eq!(large.problem(), (422, "broken_config".to_owned()));
        patch(json!({"ui": {"note": path}})).await.ok();
        let late = patch(json!({"ui": {"note": "late"}})).await;
        assert_eq!(late.problem(), (412, "changed_elsewhere".to_owned()));
    }
    let identity = alice.call(&up, Method::PUT, "/api/me/identity");
    let set = identity.json(&json!({"content": "You are kind."})).await.ok();
    assert_eq!(set["content"], "You are kind.");
    let config = up.get("/api/users/alice/config").await.ok();
    assert_eq!(config["config"]["agents"]["defaults"]["systemPrompt"], "You are kind.");
    let none = up
        .put("/api/users/alice/identity", &json!({"content": null}))
        .await
        .ok();
    assert_eq!(none["content"], Value::Null);
    assert_eq!(alice.get(&up, "/api/me/identity").await.ok(), none);
}
