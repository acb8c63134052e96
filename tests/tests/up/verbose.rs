//! The verbose switch: `DEBUG=creel:*` shows what every role does.

use creel_tests::http::{Call, client};
use creel_tests::up::{ADMIN_TOKEN, Up};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn the_control_plane_tells_what_it_does() {
    let up = Up::builder().env("DEBUG", "creel:*").start().await;
    up.log().line_with("opened home=").await;
    up.get("/api/instances").await.ok();
    let request = up.log().line_with("route=/api/instances").await;
    assert!(request.contains("DEBUG") && request.contains("status=200"), "{request}");
    up.create("a").await;
    let seen = up.log().line_with("status=running").await;
    assert!(seen.contains("DEBUG") && seen.contains("instance=a"), "{seen}");
    Call::new(
        &client(),
        Method::GET,
        &format!("{}/v1/models", up.llm_url()),
        "sk-creel-x",
    )
    .await;
    up.log().line_with("refused code=").await;
    let log = up.log().so_far();
    assert!(!log.contains(ADMIN_TOKEN), "{log}");
}

#[tokio::test]
async fn it_says_none_of_that_unasked() {
    let up = Up::start().await;
    up.get("/api/instances").await.ok();
    up.create("a").await;
    let log = up.log().so_far();
    assert!(!log.contains("DEBUG"), "{log}");
}

#[tokio::test]
async fn one_room_alone_may_be_asked_for() {
    let up = Up::builder().env("DEBUG", "creel:backend").start().await;
    up.create("a").await;
    up.log().line_with("route=/api/instances").await;
    let log = up.log().so_far();
    assert!(!log.contains("status=running"), "{log}");
}

#[tokio::test]
async fn so_does_an_llm_gateway_by_itself() {
    let up = Up::builder().env("DEBUG", "creel:*").start().await;
    let journal = up.home().join("second-journal").display().to_string();
    let listen = ["llm", "run", "--json", "--listen", "127.0.0.1:0", "--journal", &journal];
    let mut alone = up.creel_runs(&listen);
    let line = alone.stdout_mut().first_line().await;
    let ready: Value = serde_json::from_str(&line.unwrap()).unwrap();
    let url = ready["llm"].as_str().unwrap();
    Call::new(&client(), Method::GET, &format!("{url}/v1/models"), "sk-creel-x").await;
    let refused = alone.stderr().line_with("refused code=").await;
    assert!(refused.contains("DEBUG"), "{refused}");
}
