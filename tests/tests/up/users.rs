//! Users of gateways for many, over REST.

use creel_tests::http::{Answer, Call};
use creel_tests::up::Up;
use reqwest::Method;
use serde_json::{Value, json};

fn patch(up: &Up, path: &str, body: Value) -> Call {
    up.call(Method::PATCH, path).json(&body)
}

#[tokio::test]
async fn users_are_made_found_changed_and_removed() {
    let up = Up::start().await;
    for (id, name) in [("lisi", "李四"), ("alice", "Alice"), ("bob@example.com", "")] {
        let made = up
            .post(
                "/api/users",
                &json!({"id": id, "name": name, "password": "correct horse"}),
            )
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        assert!(!made.text.contains("argon2") && made.json()["user"]["has_password"] == true);
    }
    let page = up.get("/api/users?limit=2").await.ok();
    assert_eq!(
        (&page["users"][0]["id"], &page["next"]),
        (&json!("alice"), &json!("bob@example.com"))
    );
    let rest = up.get("/api/users?limit=2&after=bob%40example.com").await.ok();
    assert_eq!((&rest["users"][0]["id"], &rest["next"]), (&json!("lisi"), &json!(null)));
    assert_eq!(
        up.get("/api/users?search=%E5%9B%9B").await.ok()["users"][0]["id"],
        "lisi"
    );

    let changed = patch(&up, "/api/users/lisi", json!({"status": "disabled", "password": null}))
        .await
        .ok();
    let user = &changed["user"];
    assert_eq!(
        (&user["status"], &user["has_password"], &user["name"]),
        (&json!("disabled"), &json!(false), &json!("李四"))
    );

    let token = up
        .post("/api/users/alice/token", &json!({"expires_at": "2099-01-01"}))
        .await;
    let secret = token.json()["token"].as_str().expect("a token").to_owned();
    assert!(secret.starts_with("gt_") && secret.len() == 35);
    let tokens = up.get("/api/users/alice/tokens").await;
    assert_eq!(tokens.json()["tokens"][0]["expires_at"], "2099-01-01T00:00:00Z");
    assert!(!tokens.text.contains(&secret));
    let without_body = up.call(Method::POST, "/api/users/alice/token").await;
    assert_eq!(without_body.status, 201, "{without_body:?}");
    assert_eq!(up.delete("/api/users/alice/tokens").await.status, 204);
    assert_eq!(up.get("/api/users/alice/tokens").await.ok()["tokens"], json!([]));

    assert_eq!(up.delete("/api/users/alice").await.status, 204);
    assert_eq!(up.get("/api/users/alice").await.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_users_configuration_is_patched_and_a_broken_one_changes_nothing() {
    let up = Up::start().await;
    let config = json!({"agents": {"defaults": {"model": "p/m", "systemPrompt": "Sing."}}});
    assert_eq!(
        up.post("/api/users", &json!({"id": "alice", "config": config}))
            .await
            .status,
        201
    );
    let path = "/api/users/alice/config";
    let patched = patch(&up, path, json!({"agents": {"defaults": {"systemPrompt": null}}}))
        .await
        .ok();
    assert_eq!(patched["config"], json!({"agents": {"defaults": {"model": "p/m"}}}));
    let refused = patch(&up, path, json!({"agents": {"defaults": {"model": 7}}})).await;
    assert_eq!(refused.problem(), (422, "broken_config".into()));
    assert_eq!(
        (&refused.json()["line"], &refused.json()["column"]),
        (&json!(4), &json!(16))
    );
    for broken in [
        json!({"gateway": {"port": 1}}),
        json!(7),
        json!({"ui": "x".repeat(300_000)}),
    ] {
        assert_eq!(patch(&up, path, broken).await.problem(), (422, "broken_config".into()));
    }
    assert_eq!(up.get(path).await.ok(), patched);
}

#[tokio::test]
async fn a_users_configuration_is_written_by_who_has_seen_the_present_one() {
    let up = Up::start().await;
    assert_eq!(up.post("/api/users", &json!({"id": "alice"})).await.status, 201);
    let path = "/api/users/alice/config";
    let put = |content: &str, seen: &str| {
        let call = up.call(Method::PUT, path).header("if-match", seen);
        call.json(&json!({"content": content}))
    };
    let first = up.get(path).await.header("etag").to_owned();
    let text = "{// every comment is kept\nagents: {defaults: {model: 'p/m'}}}";
    let saved = put(text, &first).await;
    assert_eq!(
        saved.json(),
        json!({"config": {"agents": {"defaults": {"model": "p/m"}}}, "content": text})
    );
    assert_eq!(up.get(path).await.ok(), saved.json());
    let second = saved.header("etag").to_owned();
    assert_eq!(up.get(path).await.header("etag"), second);

    assert_eq!(put("{}", &first).await.problem(), (412, "changed_elsewhere".into()));
    let stale = patch(&up, path, json!({"agents": null}))
        .header("if-match", &first)
        .await;
    assert_eq!(stale.problem(), (412, "changed_elsewhere".into()));

    let broken = put("{\n  agents: {defaults: {\n    model: 7}}}", &second).await;
    assert_eq!(broken.problem(), (422, "broken_config".into()));
    assert_eq!(
        (&broken.json()["line"], &broken.json()["column"]),
        (&json!(3), &json!(12))
    );
    assert_eq!(up.get(path).await.header("etag"), second);

    // A patch leaves what it does not name as it is, and gateways get JSON.
    let patched = patch(&up, path, json!({"agents": {"defaults": {"model": "p/n"}}}))
        .await
        .ok();
    assert_eq!(patched["content"], text.replace("'p/m'", "\"p/n\""));
    let identity = up.call(Method::PUT, "/api/users/alice/identity");
    identity.json(&json!({"content": "Sing."})).await.ok();
    let content = up.get(path).await.ok()["content"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(content.starts_with("{// every comment is kept\n"), "{content}");
    let service_token = std::fs::read_to_string(up.home().join("secrets/service-token")).expect("it is made");
    let changes = up.get("/openclaw/gateway/configs").with_token(service_token.trim());
    assert_eq!(
        changes.await.ok()["users"][0]["config"],
        json!({"agents": {"defaults": {"model": "p/n", "systemPrompt": "Sing."}}})
    );
}

#[tokio::test]
async fn a_table_is_imported_whole_or_not_at_all() {
    let up = Up::start().await;
    let import = |query: &str, table: &'static str| {
        let call = up.call(Method::POST, &format!("/api/import/users{query}"));
        async move { call.body(table).await }
    };
    let count = async || up.get("/api/users").await.ok()["users"].as_array().map(Vec::len);
    let good = "id,name\r\nalice,\"Alice, A.\"\r\nbob,\r\n";
    let would: Answer = import("?dry_run=true", good).await;
    assert_eq!(
        (would.status, would.json()),
        (200, json!({"users": 2, "dry_run": true}))
    );
    assert_eq!(count().await, Some(0));
    assert_eq!(import("", good).await.status, 201);
    assert_eq!(count().await, Some(2));
    for (table, lines) in [
        ("id,name\ncarol,C\nalice,A\n", json!([3])),
        ("id\n../x\ncarol\ncarol\n", json!([2, 4])),
    ] {
        let refused = import("", table).await;
        assert_eq!(refused.problem(), (422, "invalid_value".into()));
        let told: Value = refused.json()["lines"]
            .as_array()
            .expect("lines")
            .iter()
            .map(|line| line["line"].clone())
            .collect();
        assert_eq!(told, lines, "{refused:?}");
    }
    assert_eq!(count().await, Some(2));
}

#[tokio::test]
async fn a_user_whose_id_is_a_word_of_the_api_is_one_like_others() {
    let up = Up::start().await;
    for id in ["import", "me", "config", "token"] {
        assert_eq!(up.post("/api/users", &json!({"id": id})).await.status, 201);
        let path = format!("/api/users/{id}");
        assert_eq!(up.get(&path).await.ok()["user"]["id"], id);
        patch(&up, &path, json!({"status": "disabled"})).await.ok();
        assert_eq!(up.delete(&path).await.status, 204);
    }
}

/// Ids as they stand in a path, where an HTTP client leaves them alone.
#[tokio::test]
async fn an_id_that_is_a_path_leads_nowhere() {
    let up = Up::start().await;
    up.post("/api/users", &json!({"id": "alice"})).await;
    for id in [
        "..%2F..%2Fsecrets",
        "%2Fetc%2Fpasswd",
        "alice%2F..%2Fbob",
        "alice%00",
        "%2E%2E%5Calice",
    ] {
        for (method, rest) in [
            (Method::GET, ""),
            (Method::GET, "/config"),
            (Method::GET, "/identity"),
            (Method::GET, "/tokens"),
            (Method::GET, "/credits"),
            (Method::DELETE, "/tokens"),
            (Method::DELETE, ""),
        ] {
            let path = format!("/api/users/{id}{rest}");
            let refused = up.call(method.clone(), &path).await;
            assert_eq!(refused.problem(), (422, "invalid_value".into()), "{method} {path}");
            assert!(
                refused.json()["detail"]
                    .as_str()
                    .is_some_and(|text| text.starts_with("id: ")),
                "{refused:?}"
            );
        }
        for (rest, body) in [("/token", json!({})), ("/credits", json!({"credits": 1}))] {
            let path = format!("/api/users/{id}{rest}");
            assert_eq!(up.post(&path, &body).await.problem().0, 422, "{path}");
        }
    }
    assert_eq!(up.get("/api/users").await.ok()["users"][0]["id"], "alice");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let up = Up::start().await;
    assert_eq!(up.post("/api/users", &json!({"id": "alice"})).await.status, 201);
    for (body, said) in [
        (json!({"id": "../etc"}), (422, "invalid_value")),
        (json!({"id": "alice"}), (409, "taken")),
        (json!({"id": "b", "password": "short"}), (422, "invalid_value")),
        (json!({"id": "b", "name": "a\nb"}), (422, "invalid_value")),
        (json!({"id": "b", "config": {"gateway": {}}}), (422, "broken_config")),
    ] {
        let refused = up.post("/api/users", &body).await;
        assert_eq!(refused.problem(), (said.0, said.1.to_owned()), "{body}");
    }
    assert_eq!(patch(&up, "/api/users/alice", json!({})).await.problem().0, 422);
    assert_eq!(
        patch(&up, "/api/users/alice", json!({"status": "sleepy"}))
            .await
            .problem()
            .0,
        400
    );
    assert_eq!(
        patch(&up, "/api/users/nobody", json!({"name": "x"})).await.problem().0,
        404
    );
    let past = up
        .post("/api/users/alice/token", &json!({"expires_at": "2001-01-01"}))
        .await;
    assert_eq!(past.problem(), (422, "invalid_value".into()));
    assert_eq!(up.post("/api/users/nobody/token", &json!({})).await.problem().0, 404);
    assert_eq!(
        up.get("/api/users").await.ok()["users"].as_array().map(Vec::len),
        Some(1)
    );
}
