//! The REST API: shapes, refusals, sign-in.

use std::time::{Duration, Instant};

use creel_tests::http::Answer;
use creel_tests::up::Up;
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[tokio::test]
async fn an_instance_from_beginning_to_end() {
    let up = Up::start().await;
    let created = up
        .post("/api/instances", &json!({"id": "zhangsan", "name": "张三"}))
        .await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.json()["token"].as_str().unwrap().len(), 64);
    // The answer is not held back until it runs.
    let instance = &up.status_is("zhangsan", "running").await;
    for (field, value) in [
        ("id", "zhangsan"),
        ("name", "张三"),
        ("runtime", "native"),
        ("driver", "process"),
        ("status", "running"),
    ] {
        assert_eq!(instance[field], value, "{instance:#}");
    }
    let port = instance["port"].as_u64().unwrap();
    assert!(
        port == u64::from(up.first_port()) && instance["url"] == format!("http://127.0.0.1:{port}"),
        "{instance:#}"
    );
    assert!(
        instance["pid"].is_u64() && instance["channels"] == json!([]) && instance["version"].is_string(),
        "{instance:#}"
    );
    assert!(instance["created_at"].as_str().unwrap().ends_with('Z'), "{instance:#}");

    let stopped = up.post("/api/instances/zhangsan/stop", &json!({})).await.ok();
    assert_eq!((&stopped["status"], &stopped["pid"]), (&json!("stopped"), &json!(null)));
    let started = up.post("/api/instances/zhangsan/start", &json!({})).await.ok();
    assert_eq!(started["status"], "running");
    let restarted = up.post("/api/instances/zhangsan/restart", &json!({})).await.ok();
    assert_ne!(restarted["pid"], started["pid"]);
    assert_eq!(
        up.get("/api/instances").await.ok()["instances"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let data = up.home().join("instances/zhangsan/data");
    assert_eq!(up.delete("/api/instances/zhangsan").await.status, 204);
    assert_eq!(up.get("/api/instances/zhangsan").await.problem().0, 404);
    assert!(data.join("openclaw.json").exists(), "the data is kept");
}

#[tokio::test]
async fn purge_removes_the_data_too() {
    let up = Up::start().await;
    up.create("a").await;
    assert_eq!(up.delete("/api/instances/a?purge=true").await.status, 204);
    assert!(!up.home().join("instances/a").exists());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let up = Up::start().await;
    up.create("taken").await;
    let too_long = "a".repeat(41);
    for (request, status) in [
        (json!({"id": "../x"}), 422),
        (json!({"id": "UPPER"}), 422),
        (json!({"id": ""}), 422),
        (json!({"id": too_long}), 422),
        (json!({"id": "taken"}), 409),
        (json!({"id": "b", "runtime": "java"}), 422),
        (json!({"id": "b", "driver": "carrier-pigeon"}), 422),
        (json!({"id": "b", "channels": [{"type": "icq", "config": {}}]}), 422),
        (json!({"id": "b", "port": 99999}), 400),
        (json!({"id": "b", "colour": "red"}), 400),
        (json!({"name": "no id"}), 400),
    ] {
        let answer = up.post("/api/instances", &request).await;
        assert_eq!(answer.problem().0, status, "{request}: {answer:?}");
    }
    assert_eq!(up.get("/api/instances/..%2Fx").await.problem().0, 422);
    assert_eq!(
        up.get("/api/instances").await.ok()["instances"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let made = std::fs::read_dir(up.home().join("instances")).unwrap().count();
    assert_eq!(made, 1, "nothing was left behind");
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let up = Up::start().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let answer = up.post("/api/instances", &json!({"id": "a", "port": port})).await;
    assert_eq!(answer.problem(), (409, "port_in_use".to_owned()));
    assert!(answer.json()["detail"].as_str().unwrap().contains(&port.to_string()));
}

#[tokio::test]
async fn a_broken_configuration_is_refused_with_its_place() {
    let up = Up::start().await;
    up.create("a").await;
    let before = up.get("/api/instances/a/config").await.ok()["content"].clone();
    let broken = up
        .put(
            "/api/instances/a/config",
            &json!({"content": "{\n  gateway: {port: 1,, }\n}"}),
        )
        .await;
    assert_eq!(broken.problem().0, 422);
    assert_eq!(
        (broken.json()["line"].as_u64(), broken.json()["column"].as_u64()),
        (Some(2), Some(21))
    );
    assert_eq!(up.get("/api/instances/a/config").await.ok()["content"], before);

    let text = "// mine\n{ agents: {defaults: {model: 'demo/demo'}}, gatewa: {} }\n";
    let saved = up.put("/api/instances/a/config", &json!({"content": text})).await.ok();
    let warning = saved["warnings"][0]["message"].as_str().unwrap();
    assert!(warning.contains("gatewa"), "{warning}");
    assert_eq!(
        up.get("/api/instances/a/config").await.ok()["content"],
        text,
        "comments are kept"
    );
}

#[tokio::test]
async fn what_a_configuration_says_in_vain_is_said() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    let text = "{\n  gateway: {port: 1234, bind: 'lan', auth: {mode: 'none'}},\n  channels: {feishu: {}},\n}\n";
    let saved = up.put("/api/instances/a/config", &json!({"content": text})).await.ok();
    let places: Vec<_> = saved["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| {
            let said = warning["message"].as_str().unwrap().split('`').nth(1).unwrap();
            (
                said,
                warning["line"].as_u64().unwrap(),
                warning["column"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            ("gateway.port", 2, 19),
            ("gateway.bind", 2, 31),
            ("gateway.auth.mode", 2, 51),
            ("channels.feishu", 3, 14)
        ]
    );
    // And it is true: it is where it was, and asks for its token.
    up.post("/api/instances/a/restart", &json!({})).await.ok();
    assert_eq!(instance.get("/v1/models").await.status, 200);
    assert_eq!(instance.get("/v1/models").with_token("wrong").await.status, 401);
    let file = up.home().join("config.json5");
    std::fs::write(&file, text).unwrap();
    let set = up
        .creel(&["instance", "config", "set", "a", &format!("@{}", file.display())])
        .await;
    let printed = String::from_utf8(set.stdout).unwrap();
    assert!(
        printed.starts_with("warning: 2:19: `gateway.port` has no effect"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_port_that_instances_may_not_have() {
    let up = Up::start().await;
    let refused = up.post("/api/instances", &json!({"id": "a", "port": 80})).await;
    assert_eq!(refused.problem().0, 422);
    assert_eq!(up.get("/api/instances").await.ok()["instances"], json!([]));
}

#[tokio::test]
async fn a_log_is_downloaded_without_the_token() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    // What it says while its log is written over would be lost.
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    let log = up.home().join("instances/a/logs/gateway.log");
    let text = std::fs::read_to_string(&log).unwrap() + &format!("leaked {}\n", instance.token);
    std::fs::write(&log, text).unwrap();
    let downloaded = up.get("/api/instances/a/logs/download").await;
    assert!(downloaded.text.contains("leaked ***\n") && downloaded.text.contains("gateway ready"));
    assert!(!downloaded.text.contains(&instance.token));
}

#[tokio::test]
async fn of_a_log_what_is_asked_for_is_shown() {
    let up = Up::start().await;
    up.create("a").await;
    // Or it may say something itself.
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    let log = up.home().join("instances/a/logs/gateway.log");
    let text = "2026-01-01T00:00:01Z first\n    detail\n2026-01-01T00:00:02Z Second\n2026-01-01T00:00:03Z third\n";
    std::fs::write(&log, text).unwrap();
    let lines = |answer: Value| -> Vec<String> {
        let lines = answer["lines"].as_array().unwrap().iter();
        lines
            .map(|line| line.as_str().unwrap().rsplit(' ').next().unwrap().to_owned())
            .collect()
    };
    let asked = |query: &'static str| up.get(query);
    let since = asked("/api/instances/a/logs?since=2026-01-01T08:00:02%2B08:00")
        .await
        .ok();
    assert_eq!(since["more"], false);
    assert_eq!(lines(since), ["Second", "third"]);
    let found = asked("/api/instances/a/logs?search=SECOND").await.ok();
    assert_eq!(lines(found), ["Second"]);
    let last = asked("/api/instances/a/logs?tail=1").await.ok();
    assert_eq!(last["more"], true);
    assert_eq!(lines(last), ["third"]);
    let refused = asked("/api/instances/a/logs?since=yesterday").await;
    assert_eq!(refused.problem().0, 400);
    assert!(
        refused
            .text
            .contains("give a moment such as 2026-01-31T08:00:00Z, a day such as 2026-01-31, or how long ago"),
        "{refused:?}"
    );
    let shown = up
        .creel(&[
            "instance",
            "logs",
            "a",
            "--since",
            "2026-01-01T00:00:03Z",
            "--search",
            "third",
        ])
        .await;
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "2026-01-01T00:00:03Z third\n");
    // The command line takes what the API takes.
    for (since, found) in [("2026-01-01", 4), ("2026-01-02", 0), ("10m", 0)] {
        let asked = up.get(&format!("/api/instances/a/logs?since={since}")).await.ok();
        let shown = up.creel_json(&["instance", "logs", "a", "--since", since]).await;
        assert_eq!(shown["lines"], asked["lines"], "{since}");
        assert_eq!(shown["lines"].as_array().unwrap().len(), found, "{since}");
    }
    let (code, said) = up.creel_refuses(&["instance", "logs", "a", "--since", "1w"]).await;
    assert!(code == Some(2) && said.contains("90s, 10m, 2h or 1d"), "{said}");
}

#[tokio::test]
async fn init_mends_and_overwrites_nothing() {
    let up = Up::start().await;
    up.create("a").await;
    let data = up.home().join("instances/a/data");
    std::fs::write(data.join("workspace/agent/IDENTITY.md"), "mine").unwrap();
    std::fs::remove_file(data.join("openclaw.json")).unwrap();
    assert_eq!(
        up.post("/api/instances/a/init", &json!({})).await.ok()["status"],
        "running"
    );
    assert!(data.join("openclaw.json").exists());
    assert_eq!(
        std::fs::read_to_string(data.join("workspace/agent/IDENTITY.md")).unwrap(),
        "mine"
    );
}

#[tokio::test]
async fn a_rotated_token_voids_the_old_one() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    assert_eq!(instance.get("/v1/models").await.status, 200);
    let new = up.post("/api/instances/a/token", &json!({})).await.ok()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(instance.get("/v1/models").await.status, 401);
    assert_eq!(instance.get("/v1/models").with_token(&new).await.status, 200);
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_or_a_login() {
    let up = Up::start().await;
    for path in [
        "/api/instances",
        "/api/system/status",
        "/api/activity",
        "/api/events",
        "/api/instances/a/logs",
    ] {
        assert_eq!(up.get(path).without_token().await.problem().0, 401, "{path}");
        assert_eq!(up.get(path).with_token("wrong").await.problem().0, 401, "{path}");
    }
    assert_eq!(up.get("/api/health").without_token().await.status, 200);
    assert_eq!(
        up.get("/api/openapi.json").without_token().await.ok()["openapi"],
        "3.1.0"
    );
}

#[tokio::test]
async fn a_login_needs_its_csrf_token_to_change_something() {
    let up = Up::start().await;
    let login = json!({"username": "admin", "password": creel_tests::up::ADMIN_TOKEN});
    let answer = up.post("/api/login", &login).without_token().await;
    let csrf = answer.ok()["csrf"].as_str().unwrap().to_owned();
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    let as_browser = |call: creel_tests::http::Call| call.without_token().header("cookie", cookie);

    assert_eq!(as_browser(up.get("/api/session")).await.ok()["username"], "admin");
    let create = || as_browser(up.post("/api/instances", &json!({"id": "a", "start": false})));
    assert_eq!(create().await.problem().0, 403);
    assert_eq!(create().header("x-csrf-token", "wrong").await.problem().0, 403);
    assert_eq!(create().header("x-csrf-token", &csrf).await.status, 201);
    let leave = as_browser(up.post("/api/logout", &json!({}))).header("x-csrf-token", &csrf);
    assert_eq!(leave.await.status, 204);
    assert_eq!(as_browser(up.get("/api/session")).await.problem().0, 401);
}

#[tokio::test]
async fn guessing_a_password_is_throttled() {
    let up = Up::start().await;
    let guess = || {
        up.post("/api/login", &json!({"username": "admin", "password": "guess"}))
            .without_token()
    };
    let began = Instant::now();
    let mut counted = 0;
    let refused = loop {
        let answer = guess().await;
        match answer.problem().0 {
            401 => counted += 1,
            _ => break answer,
        }
    };
    assert_eq!(refused.problem().0, 429, "{refused:?}");
    // Ten in a minute: where a machine is too busy for so many, it begins to count anew.
    assert!(
        counted == 10 || counted > 10 && began.elapsed() > Duration::from_secs(60),
        "{counted}"
    );
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn a_chat_goes_through_to_the_instance() {
    let up = Up::start().await;
    up.create("a").await;
    let request = json!({"model": "openclaw", "stream": true, "messages": [{"role": "user", "content": "hello"}]});
    let stream = up.post("/api/instances/a/chat/completions", &request).await;
    assert!(
        stream.text.contains("chat.completion.chunk") && stream.text.ends_with("data: [DONE]\n\n"),
        "{stream:?}"
    );
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    assert_eq!(
        up.post("/api/instances/a/chat/completions", &request).await.problem(),
        (409, "not_running".to_owned())
    );
}

#[tokio::test]
async fn the_console_reads_its_own_conversations_again_and_no_others() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    let request = json!({"model": "openclaw", "messages": [{"role": "user", "content": "hello"}]});
    for session in ["console-1", "web-1"] {
        up.post("/api/instances/a/chat/completions", &request)
            .header("x-openclaw-session-key", session)
            .await
            .ok();
    }
    let read = up.get("/api/instances/a/chat/sessions/console-1").await.ok();
    assert_eq!(read["messages"][0]["content"], "hello", "{read:#}");
    assert_eq!(read["messages"][1]["role"], "assistant", "{read:#}");
    assert_eq!(instance.get("/api/v1/sessions/web-1").await.status, 200);
    for other in ["web-1", "console-2", "console-%2e%2e"] {
        let path = format!("/api/instances/a/chat/sessions/{other}");
        assert_eq!(up.get(&path).await.problem(), (404, "not_found".to_owned()), "{other}");
    }
}

#[tokio::test]
async fn an_event_carries_what_its_sentence_is_made_of() {
    let up = Up::start().await;
    up.create("a").await;
    let port = up.show("a").await["port"].clone();
    let running = until("the event", || async {
        let shown = up.get("/api/activity").await.ok();
        let mut events = shown["events"].as_array().unwrap().iter();
        events.find(|event| event["kind"] == "instance.running").cloned()
    })
    .await;
    assert_eq!(running["data"]["port"], port, "{running:#}");
    assert!(running["data"]["pid"].is_u64(), "{running:#}");
}

#[tokio::test]
async fn a_configuration_that_was_changed_elsewhere_is_not_written_over() {
    let up = Up::start().await;
    up.create("a").await;
    let read = up.get("/api/instances/a/config").await;
    let seen = read.header("etag").to_owned();
    let put = |text: &str| up.put("/api/instances/a/config", &json!({"content": text}));
    let first = put("{} // first").header("if-match", &seen).await;
    assert_eq!(first.status, 200, "{first:?}");
    let late = put("{} // second").header("if-match", &seen).await;
    assert_eq!(late.problem(), (412, "changed_elsewhere".to_owned()));
    let now = up.get("/api/instances/a/config").await;
    assert_eq!(now.ok()["content"], "{} // first");
    assert_eq!(now.header("etag"), first.header("etag"));
    assert_eq!(
        put("{} // third").await.status,
        200,
        "who names no version is not asked"
    );
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    let up = Up::start().await;
    let mut events = up.get("/api/events").events().await;
    up.create("a").await;
    let seen = events.next_named("instance").await;
    assert_eq!(seen["id"], "a");
    assert_eq!(events.next_named("activity").await["instance"], "a");
    // What it uses is measured later, and told without being asked for.
    while !events.next_named("instance").await["memory_used_bytes"].is_u64() {}
    up.delete("/api/instances/a").await;
    assert_eq!(events.next_named("removed").await["id"], "a");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let up = Up::start().await;
    assert_eq!(up.get("/api/nothing").await.problem().0, 404);
    assert_eq!(up.call(Method::DELETE, "/api/system/status").await.problem().0, 405);
    let page = up.get("/instances/a").without_token().header("host", "localhost").await;
    assert!(page.text.contains("<html"), "the console shows its own pages: {page:?}");
}

#[tokio::test]
async fn what_the_binary_carries_packed_is_sent_so_or_readable() {
    let up = Up::start().await;
    for (path, start) in [
        ("/", "<!doctype html>"),
        ("/docs", "<!doctype html>"),
        ("/api/openapi.json", "{"),
    ] {
        let ask = |method| up.call(method, path).without_token().header("host", "localhost");
        let told = |answer: &Answer| {
            let names = ["content-type", "content-encoding", "vary", "content-length"];
            names.map(|name| answer.header(name).to_owned())
        };
        let plain = ask(Method::GET).await;
        let [kind, coding, vary, length] = told(&plain);
        assert!(plain.text.to_lowercase().starts_with(start), "{path}: {plain:?}");
        assert_eq!((&*coding, &*vary), ("", "accept-encoding"), "{path}");
        assert_eq!(length, plain.text.len().to_string(), "{path}");
        assert_eq!(told(&ask(Method::HEAD).await), told(&plain), "{path}");
        let packed = ask(Method::GET).header("accept-encoding", "br, gzip").await;
        let [same, coding, vary, less] = told(&packed);
        assert_eq!((&*coding, &*vary, same), ("gzip", "accept-encoding", kind), "{path}");
        assert!(less.parse::<usize>().unwrap() < plain.text.len(), "{path}: {less}");
    }
}

#[tokio::test]
async fn the_console_and_the_instances_have_no_host_in_common() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    assert!(instance.url.starts_with("http://127.0.0.1:"));
    let page = up.get("/instances/a?tab=chat").without_token().await;
    assert_eq!(page.status, 307, "{page:?}");
    let expected = up.url().replace("127.0.0.1", "localhost") + "/instances/a?tab=chat";
    assert_eq!(page.header("location"), expected);
}

#[tokio::test]
async fn a_parameter_that_is_none_or_says_nonsense_gets_one_clear_line() {
    let up = Up::start().await;
    for (path, detail) in [
        (
            "/api/users?limt=5",
            "query: \"limt\" is no parameter; this path takes search, after, limit",
        ),
        (
            "/api/users?limit=x",
            "query: limit is \"x\"; it must be a whole number from 1 to 1000",
        ),
        (
            "/api/users?limit=0",
            "query: limit is \"0\"; it must be a whole number from 1 to 1000",
        ),
        (
            "/api/users?limit=1001",
            "query: limit is \"1001\"; it must be a whole number from 1 to 1000",
        ),
        (
            "/api/users/a/credits?limit=0",
            "query: limit is \"0\"; it must be a whole number from 1 to 1000",
        ),
        (
            "/api/users/a/credits?limit=0&format=csv",
            "query: limit is \"0\"; it must be a whole number from 1 to 4294967295",
        ),
        (
            "/api/activity?limit=501",
            "query: limit is \"501\"; it must be a whole number from 1 to 500",
        ),
        ("/api/usage?by=day&by=user", "query: by is given twice"),
        (
            "/api/instances?status=running",
            "query: \"status\" is no parameter; this path takes none",
        ),
        (
            "/api/instances/a?purge=true",
            "query: \"purge\" is no parameter; this path takes none",
        ),
        (
            "/api/instances/a/logs?tail=-1",
            "query: tail is \"-1\"; it must be a whole number from 0 to 10000",
        ),
        (
            "/api/instances/%ff",
            "path: id is no text; write it in UTF-8, percent-encoded",
        ),
    ] {
        let refused = up.get(path).await;
        assert_eq!(refused.problem(), (400, "bad_request".into()), "{path}");
        assert_eq!(refused.json()["detail"], detail, "{path}");
    }
    up.create("a").await;
    let refused = up.delete("/api/instances/a?purge=yes").await;
    assert_eq!(
        refused.json()["detail"],
        "query: purge is \"yes\"; it must be true or false"
    );
    up.show("a").await;
}

#[tokio::test]
async fn what_an_instance_used_is_told_in_two_spans() {
    let up = Up::start().await;
    up.create("a").await;
    let samples = until("a measurement", || async {
        let stats = up.get("/api/instances/a/stats").await.ok();
        stats["samples"]
            .as_array()
            .filter(|samples| !samples.is_empty())
            .cloned()
    })
    .await;
    let day = up.get("/api/instances/a/stats?span=day").await.ok();
    // Five whole minutes, which began before the first of them.
    let slot = &day["samples"][0];
    let at = |sample: &Value| OffsetDateTime::parse(sample["at"].as_str().unwrap(), &Rfc3339).unwrap();
    assert!(at(slot) <= at(&samples[0]), "{day:#}");
    assert!(
        slot["memory_bytes"].as_u64() >= samples[0]["memory_bytes"].as_u64(),
        "{day:#}"
    );
    let refused = up.get("/api/instances/a/stats?span=year").await;
    assert_eq!(refused.problem().0, 400, "{refused:?}");
}
