//! Instances in containers of a real engine: Creel's own gateway, and upstream's as npm has it.

use creel_testkit::docker::{Engine, engine};
use creel_testkit::provider::{Provider, Reply};
use creel_tests::binary::{creel, repository};
use creel_tests::scripts::openclaw;
use creel_tests::up::{Instance, Up};
use creel_tests::wait::until;
use serde_json::{Value, json};

/// What the engine has of this home's instances, running or not.
async fn containers(engine: &Engine, up: &Up) -> Vec<Value> {
    let home = up.home().display().to_string();
    let all = engine.get("/containers/json?all=true").await.unwrap();
    let all = all.as_array().unwrap().iter();
    all.filter(|one| one["Mounts"].to_string().contains(&home))
        .cloned()
        .collect()
}

/// From running to removed, as its administrator sees it.
async fn lives(engine: &Engine, up: &Up, instance: &Instance, id: &str) {
    let path = |what: &str| format!("/api/instances/{id}{what}");
    assert_eq!(instance.get("/healthz").await.ok()["status"], "live");
    let container = containers(engine, up).await.remove(0);
    let shown = up.show(id).await;
    assert!(
        shown["image"].as_str().is_some_and(|image| image.contains("@sha256:")),
        "{shown:#}"
    );

    let measured = until("what it uses", || async {
        let shown = up.show(id).await;
        shown["memory_used_bytes"].is_u64().then_some(shown)
    })
    .await;
    assert!(measured["cpu_percent"].is_number(), "{measured:#}");
    let is_native = shown["runtime"] == "native";
    let log = until("its log", || async {
        let lines = up.get(&path("/logs?tail=100")).await.ok()["lines"].to_string();
        lines
            .contains(if is_native { "gateway ready" } else { "gateway" })
            .then_some(lines)
    })
    .await;
    // What Creel itself wrote into its configuration is nothing to warn of.
    assert!(!is_native || !log.contains("has no effect"), "{log}");

    let slept = up.post(&path("/sleep"), &json!({})).await.ok();
    assert_eq!(slept["status"], "sleeping", "{slept:#}");
    let woken = up.post(&path("/wake"), &json!({})).await.ok();
    assert_eq!((&woken["status"], &woken["pid"]), (&json!("running"), &shown["pid"]));
    assert_eq!(instance.get("/healthz").await.ok()["status"], "live");
    assert_eq!(
        containers(engine, up).await.remove(0)["Id"],
        container["Id"],
        "it is the same"
    );

    let restarted = up.post(&path("/restart"), &json!({})).await.ok();
    assert_eq!(restarted["status"], "running", "{restarted:#}");
    let again = containers(engine, up).await;
    assert!(again.len() == 1 && again[0]["Id"] != container["Id"], "{again:?}");
    assert_eq!(instance.get("/healthz").await.ok()["status"], "live");

    let stopped = up.post(&path("/stop"), &json!({})).await.ok();
    assert_eq!(stopped["status"], "stopped");
    assert_eq!(up.delete(&path("?purge=true")).await.status, 204);
    assert!(containers(engine, up).await.is_empty());
}

#[tokio::test]
async fn a_native_gateway_runs_in_a_container_and_reaches_its_model() {
    let (engine, provider) = (engine(), Provider::start().await);
    provider.always(Reply::text("Hello from the model."));
    engine.native_image(repository(), creel(), "creel-native:test").await;
    let up = Up::builder()
        .env("DOCKER_HOST", &engine.host())
        .env("OPENAI_API_KEY", "sk-provider")
        .env("OPENAI_BASE_URL", &provider.openai_url())
        .argument("--unpriced")
        .argument("free")
        .start()
        .await;
    let chosen = json!({"image": "creel-native:test"});
    let image = up.put("/api/images/native", &chosen).await.ok();
    assert_eq!(
        (&image["image"], &image["present"]),
        (&chosen["image"], &json!(true)),
        "{image:#}"
    );
    let listed = up.creel_json(&["image", "list"]).await;
    assert_eq!(
        listed["images"][0]["image"], image["image"],
        "the command line says the same"
    );
    let request = json!({"id": "alice", "driver": "docker", "model": "openai/m1"});
    let instance = up.create_with(request).await;
    // The LLM Gateway listens on this host's loopback address, which is another one in there.
    assert_eq!(instance.says("hi").await, "Hello from the model.");
    lives(engine, &up, &instance, "alice").await;
}

#[tokio::test]
async fn upstream_runs_in_a_container() {
    let engine = engine();
    engine.openclaw_image(&openclaw(), "openclaw:test").await;
    let up = Up::builder().env("DOCKER_HOST", &engine.host()).start().await;
    let request = json!({"id": "upstream", "driver": "docker", "runtime": "openclaw", "image": "openclaw:test"});
    let instance = up.create_with(request).await;
    assert_eq!(instance.get("/v1/models").await.status, 200);
    assert_eq!(instance.get("/v1/models").with_token("wrong").await.status, 401);
    lives(engine, &up, &instance, "upstream").await;
}
