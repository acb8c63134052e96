//! The same for many instances at once: through the API, and from the command line.

use creel_tests::http::Answer;
use creel_tests::up::Up;
use serde_json::{Value, json};

async fn resting(names: &[&str]) -> Up {
    let up = Up::start().await;
    for name in names {
        let made = up.post("/api/instances", &json!({"id": name, "start": false})).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    up
}

fn went(answer: &Value) -> Vec<(&str, bool)> {
    let results = answer["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| (result["id"].as_str().unwrap(), result["ok"].as_bool().unwrap()))
        .collect()
}

#[tokio::test]
async fn each_tells_how_it_went_and_none_keeps_the_others() {
    let up = resting(&["a", "b"]).await;
    let request = json!({"action": "start", "ids": ["b", "ghost", "a"]});
    let answer = up.post("/api/bulk/instances", &request).await.ok();
    assert_eq!(went(&answer), [("b", true), ("ghost", false), ("a", true)]);
    assert_eq!(answer["results"][1]["problem"]["status"], 404);
    for id in ["a", "b"] {
        assert_eq!(up.show(id).await["status"], "running");
    }
    let request = json!({"action": "remove", "ids": ["a", "b"], "purge": true});
    assert_eq!(
        went(&up.post("/api/bulk/instances", &request).await.ok()),
        [("a", true), ("b", true)]
    );
    assert!(!up.home().join("instances/a").exists() && !up.home().join("instances/b").exists());
}

#[tokio::test]
async fn what_makes_no_sense_begins_nothing() {
    let up = resting(&["a"]).await;
    for (request, said) in [
        (json!({"action": "explode", "ids": ["a"]}), "action: an instance cannot"),
        (json!({"action": "start", "ids": ["a", "../x"]}), "ids: instance id"),
        (
            json!({"action": "start", "ids": ["a", "a"]}),
            "ids: \"a\" is named twice",
        ),
        (json!({"action": "start", "ids": []}), "ids: name 1 to"),
        (
            json!({"action": "start", "ids": ["a"], "purge": true}),
            "purge: says nothing of",
        ),
    ] {
        let (status, detail) = refusal(&up.post("/api/bulk/instances", &request).await);
        assert!(
            [404, 422].contains(&status) && detail.contains(said),
            "{request}: {status} {detail}"
        );
    }
    assert_eq!(up.show("a").await["status"], "created");
}

#[tokio::test]
async fn a_template_comes_to_all_but_those_whose_conflict_nobody_decided() {
    let up = resting(&["a", "b"]).await;
    let config = async |id: &str| {
        let read = up.get(&format!("/api/instances/{id}/config")).await.ok();
        read["content"].as_str().unwrap().to_owned()
    };
    let mine = config("a").await.replace("200/minute", "100/minute");
    up.put("/api/instances/a/config", &json!({"content": mine})).await.ok();
    let template = up.get("/api/templates/native/openclaw.json").await.ok();
    let new = template["content"]
        .as_str()
        .unwrap()
        .replace("200/minute", "300/minute");
    up.put("/api/templates/native/openclaw.json", &json!({"content": new}))
        .await
        .ok();

    let request = json!({"action": "sync", "ids": ["a", "ghost", "b"]});
    let answer = up.post("/api/bulk/instances", &request).await.ok();
    assert_eq!(went(&answer), [("a", false), ("ghost", false), ("b", true)]);
    assert_eq!(answer["results"][0]["problem"]["code"], "conflicts");
    assert_eq!(answer["results"][1]["problem"]["status"], 404);
    assert_eq!(config("a").await, mine);
    assert!(config("b").await.contains("300/minute"));
    let alone = up.post("/api/instances/b/sync", &json!({})).await;
    assert_eq!(alone.status, 404, "one alone is synced at config/sync: {alone:?}");
}

#[tokio::test]
async fn several_or_all_are_named_on_the_command_line() {
    let up = resting(&["a", "b", "c"]).await;
    let answer = up.creel_json(&["instance", "start", "a", "c"]).await;
    assert_eq!(went(&answer), [("a", true), ("c", true)]);
    assert_eq!(up.show("b").await["status"], "created");
    let answer = up.creel_json(&["instance", "stop", "--all"]).await;
    assert_eq!(went(&answer), [("a", true), ("b", true), ("c", true)]);
    assert_eq!(up.show("a").await["status"], "stopped");
    let failed = up.creel(&["instance", "start", "a", "ghost"]).await;
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    // Each is told as it would be alone.
    let alone = text(&up.creel(&["instance", "start", "a"]).await.stdout);
    let first = alone.lines().next().unwrap();
    assert!(first.starts_with("a is running at http://"), "{alone}");
    assert!(text(&failed.stdout).starts_with(&format!("{first}\n")), "{failed:?}");
    assert_eq!(
        text(&failed.stderr),
        "creel: ghost: there is no instance \"ghost\"\ncreel: start: 1 of 2 failed\n"
    );
    let stopped = text(&up.creel(&["instance", "stop", "--all"]).await.stdout);
    for line in ["a is stopped", "b is stopped", "c is stopped"] {
        assert!(stopped.lines().any(|said| said == line), "{stopped}");
    }
    let (code, said) = up.creel_refuses(&["instance", "start"]).await;
    assert!(code == Some(2) && said.contains("--all"), "{said}");
    let (code, said) = up.creel_refuses(&["instance", "start", "a", "--all"]).await;
    assert!(code == Some(2) && said.contains("exclude each other"), "{said}");
    let kept = up.creel(&["instance", "rm", "a", "b"]).await;
    assert_eq!(
        text(&kept.stdout),
        "removed a, its data is kept\nremoved b, its data is kept\n"
    );
    let answer = up.creel_json(&["instance", "rm", "a", "b", "--purge"]).await;
    assert_eq!(went(&answer), [("a", true), ("b", true)]);
    assert_eq!(
        up.get("/api/instances").await.ok()["instances"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

fn text(stream: &[u8]) -> String {
    String::from_utf8_lossy(stream).into_owned()
}

fn refusal(answer: &Answer) -> (u16, String) {
    let (status, _) = answer.problem();
    (status, answer.json()["detail"].as_str().unwrap().to_owned())
}
