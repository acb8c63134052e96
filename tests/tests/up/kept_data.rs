//! `rm` keeps the data; whoever makes an instance of the same id says what becomes of it.

use creel_tests::up::Up;
use serde_json::json;

#[tokio::test]
async fn over_rest() {
    let up = Up::start().await;
    up.create("a").await;
    up.put("/api/instances/a/config", &json!({"content": "{ /* hers */ }"}))
        .await
        .ok();
    assert_eq!(up.delete("/api/instances/a").await.status, 204);

    let refused = up.post("/api/instances", &json!({"id": "a"})).await;
    assert_eq!(refused.problem(), (409, "data_kept".to_owned()));
    assert_eq!(up.delete("/api/instances/a").await.problem().0, 404, "purging is said");
    up.create_with(json!({"id": "a", "keep_data": true, "model": "demo/demo"}))
        .await;
    let config = up.get("/api/instances/a/config").await.ok();
    let text = config["content"].as_str().unwrap();
    assert!(text.contains("/* hers */") && text.contains("demo/demo"), "{text}");

    assert_eq!(up.delete("/api/instances/a").await.status, 204);
    assert_eq!(up.delete("/api/instances/a?purge=true").await.status, 204);
    assert!(!up.home().join("instances/a").exists());
    assert_eq!(up.delete("/api/instances/a?purge=true").await.problem().0, 404);
    for id in ["..", "..%2Fsecrets", ".new-a"] {
        let answer = up.delete(&format!("/api/instances/{id}?purge=true")).await;
        assert!(matches!(answer.status, 404 | 405 | 422), "{id}: {answer:?}");
    }
    assert!(up.home().join("secrets/master.key").exists());
    up.create("a").await;
}

#[tokio::test]
async fn on_the_command_line() {
    let up = Up::start().await;
    up.create("a").await;
    up.creel_json(&["instance", "rm", "a"]).await;
    let (code, said) = up.creel_refuses(&["instance", "create", "a"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("--keep-data") && said.contains("creel instance rm a --purge"),
        "{said}"
    );
    let (code, said) = up.creel_refuses(&["instance", "rm", "a"]).await;
    assert!(code == Some(2) && said.contains("--purge"), "{said}");
    up.creel_json(&["instance", "create", "a", "--keep-data"]).await;
    up.creel_json(&["instance", "rm", "a"]).await;
    up.creel_json(&["instance", "rm", "a", "--purge"]).await;
    assert!(!up.home().join("instances/a").exists());
}
