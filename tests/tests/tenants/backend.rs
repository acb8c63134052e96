//! A gateway for many users on the Cloud Backend of `creel up`.

use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use creel_tests::up::Up;
use reqwest::Method;
use serde_json::{Value, json};

async fn service() -> Service<Up> {
    let up = Up::builder().env("OPENCLAW_SERVICE_TOKEN", SERVICE_TOKEN).start().await;
    Service::on(up, Provider::start().await, json!({})).await
}

async fn mint(up: &Up, user: &str) -> String {
    let answer = up.post(&format!("/api/users/{user}/token"), &json!({})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["token"].as_str().expect("a token").to_owned()
}

async fn patch(up: &Up, path: &str, body: Value) -> Value {
    up.call(Method::PATCH, path).json(&body).await.ok()
}

#[tokio::test]
async fn a_user_lives_from_their_creation_to_their_end() {
    let service = service().await;
    let up = &service.cloud;
    let made = up.post("/api/users", &json!({"id": "alice", "name": "Alice"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = mint(up, "alice").await;
    service.sync().await.ok();
    service.greet(&token, "s1").await.ok();

    let prompt = json!({"agents": {"defaults": {"systemPrompt": "Sing."}}});
    patch(up, "/api/users/alice/config", prompt).await;
    service.sync().await.ok();
    service.greet(&token, "s2").await.ok();
    let asked = service.provider.requests();
    let told = |index: usize| asked[index].json()["messages"][0].to_string().contains("Sing.");
    assert!(!told(0) && told(1));

    let rotated = mint(up, "alice").await;
    service.sync().await.ok();
    assert_eq!(service.refusal(&token).await, (401, "unauthorized".into()));
    service.greet(&rotated, "s3").await.ok();

    let gate = Gate::closed();
    service.provider.then(Reply::pieces(["one ", "two"]).gated(&gate));
    let mut stream = service.stream(&rotated, "s4").await;
    gate.pass(1);
    stream.delta().await;
    patch(up, "/api/users/alice", json!({"status": "disabled"})).await;
    assert_eq!(stream.last("error").await["code"], "access_ended");
    assert_eq!(service.refusal(&rotated).await, (403, "user_disabled".into()));

    assert_eq!(up.delete("/api/users/alice").await.status, 204);
    service.sync().await.ok();
    assert_eq!(service.refusal(&rotated).await, (401, "unauthorized".into()));
}

#[tokio::test]
async fn whoever_gets_the_id_of_somebody_who_is_gone_gets_nothing_of_theirs() {
    let service = service().await;
    let up = &service.cloud;
    assert_eq!(up.post("/api/users", &json!({"id": "wei"})).await.status, 201);
    let first = mint(up, "wei").await;
    service.sync().await.ok();
    service.greet(&first, "private").await.ok();
    assert_eq!(up.delete("/api/users/wei").await.status, 204);
    assert_eq!(up.post("/api/users", &json!({"id": "wei"})).await.status, 201);
    let second = mint(up, "wei").await;
    // Both at once: to the gateway it is a change.
    service.sync().await.ok();
    let listed = service.gateway.get("/api/v1/sessions").with_token(&second).await.ok();
    assert_eq!(listed["sessions"], json!([]));
    let read = service
        .gateway
        .get("/api/v1/sessions/private")
        .with_token(&second)
        .await;
    assert_eq!(read.status, 404, "{read:?}");
    service.greet(&second, "private").await.ok();
    assert_eq!(service.refusal(&first).await.0, 401);
    service.gateway.log().line_with("is put aside").await;
}

#[tokio::test]
async fn the_sync_goes_on_page_by_page_and_begins_again_where_it_is_lost() {
    let up = Up::builder().env("OPENCLAW_SERVICE_TOKEN", SERVICE_TOKEN).start().await;
    for id in ["a", "b", "c"] {
        assert_eq!(up.post("/api/users", &json!({"id": id})).await.status, 201);
    }
    let page = async |query: &str| {
        let path = format!("/api/v1/openclaw/gateway/configs?{query}");
        up.get(&path).with_token(SERVICE_TOKEN).await.ok()
    };
    let ids = |page: &Value| {
        page["users"]
            .as_array()
            .map(|users| users.iter().map(|user| user["user_id"].clone()).collect::<Vec<_>>())
    };
    let since = |page: &Value| page["sync_token"].as_str().expect("a token").to_owned();
    let first = page("limit=2").await;
    assert_eq!(
        (ids(&first), &first["full"], &first["has_more"]),
        (Some(vec!["a".into(), "b".into()]), &json!(true), &json!(true))
    );
    let second = page(&format!("limit=2&since={}", since(&first))).await;
    assert_eq!(
        (ids(&second), &second["full"], &second["has_more"]),
        (Some(vec!["c".into()]), &json!(false), &json!(false))
    );
    assert_eq!(up.delete("/api/users/b").await.status, 204);
    let third = page(&format!("since={}", since(&second))).await;
    assert_eq!((ids(&third), &third["deleted"]), (Some(vec![]), &json!(["b"])));
    // A place beyond the newest one: the database is an older one than that.
    let (age, _) = since(&third)
        .split_once('-')
        .map(|(age, number)| (age.to_owned(), number.to_owned()))
        .expect("two parts");
    for lost in [format!("{age}-999"), format!("1-{}", 1), "nonsense".to_owned()] {
        let again = page(&format!("since={lost}")).await;
        assert_eq!(
            (ids(&again).map(|ids| ids.len()), &again["full"]),
            (Some(2), &json!(true)),
            "{lost}"
        );
    }
}

#[tokio::test]
async fn the_service_token_opens_the_sync_and_nothing_else() {
    let up = Up::start().await;
    let kept = std::fs::read_to_string(up.home().join("secrets/service-token")).expect("the first start makes it");
    let kept = kept.trim();
    for prefix in ["", "/api/v1"] {
        let path = format!("{prefix}/openclaw/gateway/configs");
        up.get(&path).with_token(kept).await.ok();
        assert_eq!(
            up.get(&path).await.problem(),
            (401, "unauthorized".into()),
            "an administrator's token"
        );
    }
    assert_eq!(
        up.get("/api/users").with_token(kept).await.problem(),
        (401, "unauthorized".into())
    );
    let sign_in = up
        .post("/api/login", &json!({"username": "admin", "password": kept}))
        .await;
    assert_eq!(sign_in.problem(), (401, "unauthorized".into()));
}
