//! One gateway for all users, made in one command, and the people who chat with it.

use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::person::{PASSWORD, Person, log_in};
use creel_tests::up::Up;
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::{Value, json};

async fn serve_everyone(up: &Up) -> Value {
    up.creel_json(&["user", "gateway", "everyone"]).await
}

fn says(text: &str) -> Value {
    json!({"model": "openclaw", "messages": [{"role": "user", "content": text}]})
}

fn reply(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_newcomer_has_a_gateway_for_all_users_in_one_command() {
    let up = Up::start().await;
    let alice = Person::new(&up, "alice").await;
    let chat = "/api/me/chat/completions";
    assert_eq!(
        alice.post(&up, chat, &says("hi")).await.problem(),
        (409, "no_gateway".to_owned())
    );
    let me = alice.get(&up, "/api/me").await.ok();
    assert_eq!(me["chat"], json!({"available": false, "reason": "no_gateway"}));

    let gateway = serve_everyone(&up).await;
    assert_eq!(
        (&gateway["instance"], &gateway["status"]),
        (&json!("everyone"), &json!("running"))
    );
    assert_eq!(serve_everyone(&up).await, gateway, "again changes nothing");
    assert_eq!(up.creel_json(&["user", "gateway"]).await, gateway);

    let bob = Person::new(&up, "bob").await;
    for person in [&alice, &bob] {
        let answer = person
            .call(&up, Method::POST, chat)
            .header("x-openclaw-session-key", "mine")
            .json(&says(&format!("I am {}", person.id)))
            .await
            .ok();
        assert!(reply(&answer).contains(&person.id), "{answer}");
    }
    let sessions = alice.get(&up, "/api/me/chat/sessions").await.ok();
    let id = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(1), "{sessions}");
    let path = format!("/api/me/chat/sessions/{id}");
    let session = alice.get(&up, &path).await;
    assert!(
        session.text.contains("I am alice") && !session.text.contains("bob"),
        "{session:?}"
    );
    assert_eq!(alice.call(&up, Method::DELETE, &path).await.status, 204);
    assert_eq!(alice.get(&up, &path).await.status, 404);
    for path in ["..%2F..%2Fhealth", "a%3Fb", ".."] {
        let path = format!("/api/me/chat/sessions/{path}");
        assert_eq!(alice.get(&up, &path).await.status, 404, "{path}");
    }

    // There is nothing that must be said.
    let minted = alice.call(&up, Method::POST, "/openclaw/gateway/token").await;
    assert_eq!(minted.status, 201, "{minted:?}");
    let token = minted.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("gt_") && token.len() == 35);
    let everyone = up.instance("everyone", &token).await;
    let me = alice.get(&up, "/api/me").await.ok();
    assert_eq!(
        (&me["chat"], &me["gateway_url"]),
        (&json!({"available": true}), &json!(everyone.url))
    );
    // The gateway is told of the change; it need not wait for its next sync.
    until("the token to be known", || async {
        (everyone.get("/v1/models").await.status == 200).then_some(())
    })
    .await;
    assert!(everyone.says("straight").await.contains("straight"));
    assert_eq!(up.delete("/api/users/alice/tokens").await.status, 204);
    until("the token to be void", || async {
        (everyone.get("/v1/models").await.status == 401).then_some(())
    })
    .await;
    alice.post(&up, chat, &says("hi")).await.ok();
}

#[tokio::test]
async fn the_command_line_administers_the_gateway_of_its_home() {
    let builder = Up::builder();
    let nowhere = builder.home().join("nowhere").display().to_string();
    // Where no file of a gateway is.
    let up = builder.env("OPENCLAW_HOME", &nowhere).start().await;
    let (code, said) = up.creel_refuses(&["multi-tenant", "stats"]).await;
    assert!(
        code == Some(2) && said.contains("`creel user gateway everyone` makes one"),
        "{said}"
    );
    let gateway = serve_everyone(&up).await;
    Person::new(&up, "alice").await;
    up.creel_json(&["multi-tenant", "config", "sync"]).await;
    let stats = up.creel_json(&["multi-tenant", "stats"]).await;
    assert_eq!((&stats["total_users"], &stats["sync_failures"]), (&json!(1), &json!(0)));
    let info = up.creel_json(&["multi-tenant", "users", "info", "alice"]).await;
    assert_eq!((&info["user_id"], &info["status"]), (&json!("alice"), &json!("active")));
    let cleaned = up.creel_json(&["multi-tenant", "users", "cleanup"]).await;
    assert_eq!(cleaned["unloaded"], json!([]));
    let (code, said) = up.creel_refuses(&["multi-tenant", "users", "info", ".."]).await;
    assert!(
        code == Some(2) && said.contains("\"..\" is the name of nothing"),
        "{said}"
    );

    let url = gateway["url"].as_str().unwrap();
    let named = ["multi-tenant", "--url", url, "stats"];
    assert_eq!(up.creel_json(&named).await["total_users"], 1);
    up.creel_json(&["instance", "stop", "everyone"]).await;
    let (code, said) = up.creel_refuses(&["multi-tenant", "stats"]).await;
    assert!(code == Some(1) && said.contains("nothing answers at"), "{said}");
}

#[tokio::test]
async fn the_service_token_is_handed_to_the_gateway_for_users_alone() {
    let up = Up::start().await;
    up.create("a").await;
    serve_everyone(&up).await;
    let token = std::fs::read_to_string(up.home().join("secrets/service-token")).unwrap();
    let environment = async |id: &str| {
        let pid = up.pid(id).await;
        String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned()
    };
    assert!(environment("everyone").await.contains(token.trim()));
    assert!(!environment("a").await.contains(token.trim()));
    let shown = up.get("/api/instances/everyone/config").await.text + &up.log().so_far();
    assert!(!shown.contains(token.trim()));

    assert_eq!(up.delete("/api/instances/everyone?purge=true").await.status, 204);
    assert_eq!(up.get("/api/system/users-gateway").await.ok()["instance"], Value::Null);
    up.create("everyone").await;
    assert!(
        !environment("everyone").await.contains(token.trim()),
        "another of this name is another"
    );
}

#[tokio::test]
async fn calls_are_charged_to_whose_they_are() {
    let provider = Provider::start().await;
    let up = Up::builder()
        .env("OPENAI_API_KEY", "sk-provider")
        .env("OPENAI_BASE_URL", &provider.openai_url())
        .start()
        .await;
    up.put("/api/llm/prices/m1", &json!({"input": "1000", "output": "1000"}))
        .await
        .ok();
    up.creel_json(&["user", "gateway", "everyone", "--model", "openai/m1"])
        .await;
    let (alice, bob) = (Person::new(&up, "alice").await, Person::new(&up, "bob").await);
    up.post("/api/users/alice/credits", &json!({"credits": 1_000_000}))
        .await;
    let chat = "/api/me/chat/completions";
    let answer = alice.post(&up, chat, &says("hi")).await.ok();
    assert!(!reply(&answer).is_empty());

    let mine = until("what alice used", || async {
        let usage = alice.get(&up, "/api/me/usage?by=model").await.ok()["usage"].take();
        usage[0]["calls"].is_u64().then_some(usage)
    })
    .await;
    assert_eq!((&mine[0]["model"], &mine[0]["calls"]), (&json!("m1"), &json!(1)));
    until("the charge", || async {
        let balance = alice.get(&up, "/api/me/credits").await.ok()["balance"].clone();
        (balance != "1000000").then_some(())
    })
    .await;

    let before = provider.requests().len();
    let refused = bob.post(&up, chat, &says("hi")).await;
    assert!(refused.status >= 400, "bob has no credits: {refused:?}");
    assert_eq!(provider.requests().len(), before);
    let keys = up.get("/api/llm/keys").await.text;
    let requests = provider.requests();
    let used = requests
        .iter()
        .all(|request| request.header("authorization") == "Bearer sk-provider");
    assert!(used && keys.contains("\"alice\""), "{keys}");
}

#[tokio::test]
async fn a_stream_goes_through_as_it_comes_and_ends_with_its_user() {
    let provider = Provider::start().await;
    let up = Up::builder()
        .env("OPENAI_API_KEY", "sk-provider")
        .env("OPENAI_BASE_URL", &provider.openai_url())
        .argument("--unpriced")
        .argument("free")
        .start()
        .await;
    up.creel_json(&["user", "gateway", "everyone", "--model", "openai/m1"])
        .await;
    let alice = Person::new(&up, "alice").await;
    alice.post(&up, "/api/me/chat/completions", &says("hi")).await.ok();
    let gate = Gate::closed();
    provider.then(Reply::pieces(["one ", "two"]).gated(&gate));
    let mut body = says("hi");
    body["stream"] = true.into();
    let mut events = alice.post(&up, "/api/me/chat/completions", &body).events().await;
    gate.pass(1);
    while !events.next().await.expect("the stream goes on").data.contains("one") {}
    let call = up
        .call(Method::PATCH, "/api/users/alice")
        .json(&json!({"status": "disabled"}));
    call.await.ok();
    let rest = events.rest().await;
    assert!(rest.iter().any(|event| event.data.contains("access_ended")), "{rest:?}");
    assert_eq!(log_in(&up, "alice", PASSWORD).await.status, 401);
    assert_eq!(alice.refused(&up).await, (401, "unauthorized".to_owned()));
}

#[tokio::test]
async fn tokens_have_names_and_bounds() {
    let up = Up::start().await;
    let alice = Person::new(&up, "alice").await;
    let mint = async |body: Value| alice.post(&up, "/api/me/tokens", &body).await;
    for (body, status) in [
        (json!({"name": "phone"}), 201),
        (json!({"name": "phone", "expires_at": "2099-01-01"}), 201),
        (json!({}), 201),
        (json!({"name": "console"}), 422),
        (json!({"name": "Phone"}), 422),
        (json!({"name": ""}), 422),
        (json!({"expires_at": "2001-01-01"}), 422),
        (json!({"user": "bob"}), 400),
    ] {
        let answer = mint(body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let tokens = alice.get(&up, "/api/me/tokens").await.ok();
    let names: Vec<_> = tokens["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| &token["name"])
        .collect();
    assert_eq!(names, ["phone", "default"]);
    for number in 0..18 {
        assert_eq!(mint(json!({"name": format!("n{number}")})).await.status, 201);
    }
    assert_eq!(
        mint(json!({"name": "more"})).await.problem(),
        (409, "too_many_tokens".to_owned())
    );
    assert_eq!(
        mint(json!({"name": "phone"})).await.status,
        201,
        "in place of the one before"
    );
    let delete = || alice.call(&up, Method::DELETE, "/api/me/tokens/phone");
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.status, 404);
}
