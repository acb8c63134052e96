//! What instances are made from, and bringing what changed in it to those that are there.

use std::fs;

use creel_tests::up::Up;
use reqwest::Method;
use serde_json::json;

const PATH: &str = "/api/templates/native/openclaw.json";

/// The native template with another rate limit.
async fn with_rate(up: &Up, rate: &str) -> String {
    let builtin = up.get(PATH).await.ok()["builtin"].as_str().unwrap().to_owned();
    assert!(builtin.contains("200/minute"));
    builtin.replace("200/minute", rate)
}

async fn config(up: &Up, id: &str) -> String {
    let answer = up.get(&format!("/api/instances/{id}/config")).await.ok();
    answer["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_template_is_overridden_and_put_back() {
    let up = Up::start().await;
    let listed = up.creel_json(&["template", "list"]).await;
    let templates = listed["templates"].as_array().unwrap();
    for path in [
        "native/openclaw.json",
        "openclaw/openclaw.json",
        "instance.env",
        "deploy/railway.toml",
        "deploy/kubernetes.yaml",
        "deploy/compose.yaml",
    ] {
        assert!(
            templates.contains(&json!({"path": path, "overridden": false})),
            "{path}: {listed:#}"
        );
    }
    let text = with_rate(&up, "300/minute").await;
    let file = up.home().with_file_name("template.json5");
    fs::write(&file, &text).unwrap();
    let edit = [
        "template",
        "edit",
        "native/openclaw.json",
        &format!("@{}", file.display()),
    ];
    let saved = up.creel_json(&edit).await;
    assert_eq!((&saved["overridden"], &saved["content"]), (&json!(true), &json!(text)));
    let create = up.post("/api/instances", &json!({"id": "a", "start": false})).await;
    assert_eq!(create.status, 201, "{create:?}");
    assert!(config(&up, "a").await.contains("300/minute"));

    let reset = up.delete(PATH).await.ok();
    assert_eq!(
        (&reset["overridden"], &reset["content"]),
        (&json!(false), &reset["builtin"])
    );
    assert_eq!(up.get("/api/templates/../creel.toml").await.status, 404);
    let refused = up.creel_refuses(&["template", "show", "native/none.json"]).await;
    assert!(
        refused.0 == Some(2) && refused.1.contains("there is no template"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_template_with_a_hole_is_one_line_and_nothing_is_made() {
    let up = Up::start().await;
    for (text, line, column, said) in [
        (
            "{\n  x: \"{{nobody}}\",\n}",
            2,
            7,
            "nothing is called {{nobody}}; there are id, name",
        ),
        ("{\n  a: 1,\n  x: {{id\n}", 3, 6, "{{id is no place"),
        ("{\n  x: \"{{id}}\" y: 1,\n}", 2, 15, ""),
    ] {
        let refused = up.put(PATH, &json!({"content": text})).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        let problem = refused.json();
        assert_eq!(
            (&problem["line"], &problem["column"]),
            (&json!(line), &json!(column)),
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        let place = format!("template native/openclaw.json:{line}:{column}: {said}");
        assert!(detail.starts_with(&place) && detail.lines().count() == 1, "{detail}");
        // One that was broken in the home, past the API.
        let own = up.home().join("templates/native");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("openclaw.json"), text).unwrap();
        let (code, told) = up.creel_refuses(&["instance", "create", "a"]).await;
        assert!(code == Some(2) && told.contains(&place), "{told}");
        assert_eq!(up.get("/api/instances/a").await.status, 404);
        let left: Vec<_> = fs::read_dir(up.home().join("instances")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        up.delete(PATH).await.ok();
    }
    up.creel_json(&["instance", "create", "a", "--no-start"]).await;
}

#[tokio::test]
async fn what_changed_in_a_template_comes_to_one_to_some_and_to_all() {
    let up = Up::start().await;
    for id in ["a", "b", "c"] {
        up.creel_json(&["instance", "create", id, "--no-start"]).await;
    }
    // What a person wrote: another limit, a comment, a secret that nobody else is to see.
    let mine = config(&up, "b")
        .await
        .replace("concurrentConnections: 100", "concurrentConnections: 50 /* mine */");
    let mine = mine.replace(
        "agents: {",
        "models: { providers: { corp: { apiKey: \"plum\", baseUrl: \"http://127.0.0.1:1/v1\" } } },\n\n  agents: {",
    );
    up.put("/api/instances/b/config", &json!({"content": mine})).await.ok();
    let text = with_rate(&up, "300/minute").await;
    up.put(PATH, &json!({"content": text})).await.ok();

    let diff = up.get("/api/instances/b/config/diff").await;
    let etag = diff.header("etag").to_owned();
    let diff = diff.ok();
    assert_eq!((&diff["changed"], &diff["conflicts"]), (&json!(true), &json!([])));
    let lines = diff["diff"].as_str().unwrap();
    assert!(
        lines.contains("-    rateLimit: \"200/minute\",\n+    rateLimit: \"300/minute\","),
        "{lines}"
    );
    assert!(!diff.to_string().contains("plum"), "{diff:#}");
    let shown = up.creel(&["instance", "config", "diff", "b"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("+    rateLimit: \"300/minute\",") && !shown.contains("plum"),
        "{shown}"
    );

    let all = up.creel_json(&["instance", "config", "diff", "--all"]).await;
    let differ: Vec<_> = all["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["id"], &one["changed"]))
        .collect();
    let (a, b, c, yes) = (json!("a"), json!("b"), json!("c"), json!(true));
    assert_eq!(differ, [(&a, &yes), (&b, &yes), (&c, &yes)]);

    let synced = up.post("/api/instances/a/config/sync", &json!({})).await.ok();
    assert_eq!(
        (&synced["changed"], &synced["instance"]["id"]),
        (&json!(true), &json!("a"))
    );
    assert_eq!(up.get("/api/instances/a/config/diff").await.ok()["changed"], false);
    let again = up.creel_json(&["instance", "config", "sync", "a", "b"]).await;
    assert_eq!(again["results"][0], json!({"id": "a", "ok": true, "changed": false}));
    let b = config(&up, "b").await;
    assert!(
        b.contains("300/minute") && b.contains("50 /* mine */") && b.contains("plum"),
        "{b}"
    );
    let all = up.creel_json(&["instance", "config", "sync", "--all"]).await;
    let changed: Vec<&serde_json::Value> = all["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["changed"])
        .collect();
    assert_eq!(changed, [false, false, true]);

    // Somebody who is not there keeps nobody else from it.
    up.put(PATH, &json!({"content": with_rate(&up, "400/minute").await}))
        .await
        .ok();
    for action in ["diff", "sync"] {
        let done = up.creel(&["instance", "config", action, "c", "nobody", "a"]).await;
        let (told, refused) = (
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        );
        assert!(
            done.status.code() == Some(1) && refused.starts_with("creel: nobody: there is no instance \"nobody\"\n"),
            "{refused}"
        );
        let at = |id: &str| {
            let starts = [format!("{id}:"), format!("{id} is ")];
            told.lines()
                .position(|line| starts.iter().any(|start| line.starts_with(start)))
        };
        assert!(at("c").is_some() && at("c") < at("a"), "{told}");
    }
    assert!(config(&up, "a").await.contains("400/minute") && config(&up, "b").await.contains("300/minute"));

    // Somebody edited it since it was looked at.
    let late = up
        .post("/api/instances/b/config/sync", &json!({}))
        .header("if-match", &etag)
        .await;
    assert_eq!((late.status, &late.json()["code"]), (412, &json!("changed_elsewhere")));
}

#[tokio::test]
async fn a_conflict_is_refused_until_somebody_says_what_counts() {
    let up = Up::start().await;
    for id in ["a", "b"] {
        up.creel_json(&["instance", "create", id, "--no-start"]).await;
        let mine = config(&up, id).await.replace("200/minute", "100/minute");
        up.put(&format!("/api/instances/{id}/config"), &json!({"content": mine}))
            .await
            .ok();
    }
    let text = with_rate(&up, "300/minute").await;
    up.put(PATH, &json!({"content": text})).await.ok();
    let diff = up.get("/api/instances/a/config/diff").await.ok();
    assert_eq!(diff["conflicts"][0]["path"], "gateway.rateLimit");
    assert_eq!(diff["conflicts"][0]["line"], 7);
    let refused = up.post("/api/instances/a/config/sync", &json!({})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("conflicts")));
    let (code, said) = up.creel_refuses(&["instance", "config", "sync", "a"]).await;
    assert!(
        code == Some(2) && said.contains("gateway.rateLimit") && said.contains("--conflicts keep|template"),
        "{said}"
    );
    assert!(config(&up, "a").await.contains("100/minute"));

    up.creel_json(&["instance", "config", "sync", "a", "--conflicts", "keep"])
        .await;
    up.creel_json(&["instance", "config", "sync", "b", "--conflicts", "template"])
        .await;
    assert!(config(&up, "a").await.contains("100/minute"));
    assert!(config(&up, "b").await.contains("300/minute"));
    // Decided is decided.
    assert_eq!(
        up.get("/api/instances/a/config/diff").await.ok()["conflicts"],
        json!([])
    );
}

#[tokio::test]
async fn who_edits_what_another_edited_meanwhile_is_told() {
    // The editor is somebody who saves, and is slower than the one in the other window.
    let creel = creel_tests::binary::creel().display();
    let slow = format!(
        "f() {{ echo '{{}} // theirs' > \"$1.2\"; {creel} instance config set a \"@$1.2\" >/dev/null; echo '{{}} // mine' > \"$1\"; }}; f"
    );
    let up = Up::builder().env("EDITOR", &slow).start().await;
    up.creel_json(&["instance", "create", "a", "--no-start"]).await;
    let edited = up.creel(&["instance", "config", "edit", "a"]).await;
    let said = String::from_utf8_lossy(&edited.stderr).into_owned();
    assert_eq!(edited.status.code(), Some(1), "{said}");
    assert!(
        said.contains("changed elsewhere") && said.contains("your text is kept in"),
        "{said}"
    );
    assert_eq!(config(&up, "a").await.trim_end(), "{} // theirs");

    let seen = up.get(PATH).await.header("etag").to_owned();
    let put = |text: &str| {
        up.call(Method::PUT, PATH)
            .json(&json!({"content": text}))
            .header("if-match", &seen)
    };
    assert_eq!(put("{} // first").await.status, 200);
    assert_eq!(put("{} // second").await.status, 412);
    assert_eq!(up.get(PATH).await.ok()["content"], "{} // first");
}
