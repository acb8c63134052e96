//! Instances put to sleep and woken: by hand, by who calls, and real upstream among them.

use creel_testkit::provider::{Provider, Reply};
use creel_testkit::swap::Swap;
use creel_tests::scripts::openclaw;
use creel_tests::up::Up;
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::{Value, json};

/// What `/proc` says of a process: `T` is stopped.
fn state(pid: i32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.chars().next().unwrap()
}

/// Waits until a process that sleeps is stopped: one that waits for a disk has been told, and stops when it goes on.
async fn is_stopped(pid: i32) {
    until("the process to be stopped", || async {
        (state(pid) == 'T').then_some(())
    })
    .await;
}

async fn chat(up: &Up, id: &str) -> Value {
    let request = json!({"model": "openclaw", "messages": [{"role": "user", "content": "hi"}]});
    up.post(&format!("/api/instances/{id}/chat/completions"), &request)
        .await
        .ok()
}

#[tokio::test]
async fn by_hand_and_by_who_calls() {
    let up = Up::start().await;
    let made = up.creel_json(&["instance", "create", "a", "--idle", "sleep:30"]).await;
    assert_eq!(made["instance"]["idle"], json!({"policy": "sleep", "minutes": 30}));
    let instance = up.instance("a", made["token"].as_str().unwrap()).await;
    let pid = up.pid("a").await;

    let slept = up.creel_json(&["instance", "sleep", "a"]).await;
    assert_eq!(
        (&slept["status"], &slept["desired"]),
        (&json!("sleeping"), &json!("sleeping"))
    );
    is_stopped(pid).await;
    let counted = up.get("/api/system/status").await.ok()["instances"].clone();
    assert_eq!(
        (&counted["sleeping"], &counted["other"]),
        (&json!(1), &json!(0)),
        "{counted}"
    );
    assert!(chat(&up, "a").await["choices"][0]["message"]["content"].is_string());
    assert_eq!(up.show("a").await["status"], "running", "the console's chat wakes it");

    up.post("/api/instances/a/sleep", &json!({})).await.ok();
    assert!(
        instance.says("hello").await.contains("hello"),
        "so does who has its token"
    );
    assert_eq!(up.status_is("a", "running").await["pid"], pid);

    up.post("/api/instances/a/sleep", &json!({})).await.ok();
    let woken = up.creel_json(&["instance", "wake", "a"]).await;
    assert_eq!((&woken["status"], &woken["pid"]), (&json!("running"), &json!(pid)));
}

#[tokio::test]
async fn it_sleeps_on_when_its_control_plane_dies() {
    let up = Up::start().await;
    let instance = up.create("a").await;
    let pid = up.pid("a").await;
    up.post("/api/instances/a/sleep", &json!({})).await.ok();
    let builder = up.kill().await;
    is_stopped(pid).await;
    let up = builder.start().await;
    assert_eq!(up.status_is("a", "sleeping").await["pid"], pid);
    assert_eq!(state(pid), 'T', "adopted, and not woken");
    assert!(instance.says("hello").await.contains("hello"));
    assert_eq!(up.status_is("a", "running").await["pid"], pid);
}

#[tokio::test]
async fn a_change_is_whole_or_none() {
    let up = Up::start().await;
    up.create("a").await;
    let changed = up
        .creel_json(&[
            "instance", "change", "a", "--idle", "stop:5", "--name", "Ann", "--memory", "256m",
        ])
        .await;
    assert_eq!(changed["idle"], json!({"policy": "stop", "minutes": 5}));
    assert_eq!(
        (&changed["name"], &changed["memory_limit_bytes"]),
        (&json!("Ann"), &json!(256 << 20))
    );
    assert!(
        changed["message"].as_str().unwrap().contains("next start"),
        "{changed:#}"
    );

    // What is taken away: the default of its runtime holds then, as `creel up` has it.
    for (limit, now) in [("300m", json!(300 << 20)), ("none", json!(1 << 30))] {
        let changed = up
            .creel_json(&["instance", "change", "a", "--memory", limit, "--cpus", "0.5"])
            .await;
        assert_eq!((&changed["memory_limit_bytes"], &changed["cpus"]), (&now, &json!(0.5)));
    }
    let changed = up.creel_json(&["instance", "change", "a", "--cpus", "none"]).await;
    assert_eq!(changed.get("cpus"), None, "{changed:#}");

    let before = up.show("a").await;
    let patch = |body: Value| up.call(Method::PATCH, "/api/instances/a").json(&body);
    for wrong in [
        json!({"name": "Bob", "idle": {"policy": "doze", "minutes": 5}}),
        json!({"name": "Bob", "idle": {"policy": "sleep", "minutes": 0}}),
        json!({"name": "Bob", "cpus": 0}),
        json!({"name": "Bob", "memory_limit_bytes": 1}),
        json!({"name": "", "idle": {"policy": "always"}}),
        json!({"name": "Bob", "port": 1}),
        json!({"name": "Bob", "idle": {"policy": "always", "minutes": 5}}),
        json!({}),
    ] {
        let refused = patch(wrong.clone()).await;
        assert!(matches!(refused.problem().0, 400 | 422), "{wrong}: {refused:?}");
    }
    let after = up.show("a").await;
    assert_eq!((&after["name"], &after["idle"]), (&before["name"], &before["idle"]));

    for (arguments, said) in [
        (&["instance", "change", "a"][..], "--idle"),
        (
            &["instance", "change", "a", "--memory", "1m"],
            "--memory: must be between",
        ),
        (&["instance", "change", "a", "--idle", "doze"], "sleep:MINUTES"),
        (&["instance", "create", "b", "--idle", "sleep:0"], "sleep:MINUTES"),
    ] {
        let (code, line) = up.creel_refuses(arguments).await;
        assert!(code == Some(2) && line.contains(said), "{arguments:?}: {line}");
    }
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    for action in ["sleep", "wake"] {
        let refused = up.post(&format!("/api/instances/a/{action}"), &json!({})).await;
        assert_eq!(refused.problem(), (409, "not_running".to_owned()));
    }
    let telegram = json!({"id": "bot", "channels": [{"type": "telegram", "config": {"botToken": "1:x"}}], "idle": {"policy": "sleep", "minutes": 5}});
    let refused = up.post("/api/instances", &telegram).await;
    assert_eq!(refused.problem(), (422, "stays_on".to_owned()));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("telegram") && detail.contains("stays on"), "{detail}");
}

/// Bytes of their own that a process and its children have in memory.
fn resident(pid: i32) -> u64 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let pids = std::iter::once(pid).chain(children.split_whitespace().map(|pid| pid.parse().unwrap()));
    let own = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    pids.filter_map(own).sum::<u64>() << 10
}

/// Pages that a process has waited for a disk to bring, whoever's they are.
fn waited_for(pid: u32) -> u64 {
    const MAJOR_FAULTS: usize = 12;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    // The third field is the first of the rest.
    rest.split_whitespace().nth(MAJOR_FAULTS - 3).unwrap().parse().unwrap()
}

#[tokio::test]
async fn upstream_sleeps_and_goes_on_with_what_was_changed_meanwhile() {
    const NEEDED: u64 = 2 << 30;
    let mut swap = Swap::as_it_is().unwrap();
    let provider = Provider::start().await;
    provider.always(Reply::text("Hello from the model."));
    let up = Up::builder()
        .env("CREEL_OPENCLAW_CACHE", openclaw().to_str().unwrap())
        .start()
        .await;
    let request = json!({"id": "upstream", "runtime": "openclaw", "start": false});
    let created = up.post("/api/instances", &request).await.json();
    let model = |id: &str| {
        json!({"id": id, "name": id, "reasoning": false, "input": ["text"], "contextWindow": 128000, "maxTokens": 4096,
               "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}})
    };
    let corp = json!({
        "baseUrl": provider.openai_url(), "apiKey": "sk-fake", "api": "openai-completions", "models": [model("m1"), model("m2")],
    });
    let set = async |key: &str, value: Value| {
        up.creel_json(&["instance", "config", "set", "upstream", key, &value.to_string()])
            .await;
    };
    set("models.mode", json!("merge")).await;
    set("models.providers.corp", corp).await;
    set("agents.defaults.model.primary", json!("corp/m1")).await;
    up.post("/api/instances/upstream/start", &json!({})).await.ok();
    let instance = up.instance("upstream", created["token"].as_str().unwrap()).await;
    assert_eq!(instance.says("hi").await, "Hello from the model.");
    let pid = up.pid("upstream").await;
    let before = resident(pid);

    let sleep = async || {
        let slept = up.post("/api/instances/upstream/sleep", &json!({})).await.ok();
        assert_eq!(slept["status"], "sleeping");
        slept["message"].clone()
    };
    if Swap::all() == 0 {
        assert_eq!(
            sleep().await,
            "its processes are stopped, but their memory stays in RAM: this host has no swap"
        );
        up.post("/api/instances/upstream/wake", &json!({})).await.ok();
    }
    let made = swap.make_free(&std::env::temp_dir(), NEEDED);
    made.expect("as root, with room for a swap file among the temporary files");
    assert_eq!(sleep().await, Value::Null, "nothing keeps its memory in RAM");
    let left = resident(pid);
    assert!(left < before / 10, "{left} of {before} bytes are left");
    set("agents.defaults.model.primary", json!("corp/m2")).await;
    assert_eq!(
        chat(&up, "upstream").await["choices"][0]["message"]["content"],
        "Hello from the model."
    );
    assert_eq!(
        up.status_is("upstream", "running").await["pid"],
        pid,
        "the same process goes on"
    );
    until("a turn with the other model", || async {
        instance.says("hi").await;
        let asked = provider.requests().last().unwrap().json();
        (asked["model"] == "m2").then_some(())
    })
    .await;

    // What its wake needed is known to whoever comes after, and read ahead for its next one.
    assert_eq!(sleep().await, Value::Null);
    let up = up.kill().await.start().await;
    up.status_is("upstream", "sleeping").await;
    let before = waited_for(up.own_pid());
    up.post("/api/instances/upstream/wake", &json!({})).await.ok();
    // Some 50,000 are read, of which the kernel brings up to eight at a time. Of its own the control plane waits for next to none.
    const MANY: u64 = 300;
    until("pages to be read ahead of who needs them", || async {
        (waited_for(up.own_pid()) >= before + MANY).then_some(())
    })
    .await;
    let instance = up.instance("upstream", created["token"].as_str().unwrap()).await;
    assert_eq!(instance.says("hi").await, "Hello from the model.");
    assert_eq!(up.status_is("upstream", "running").await["pid"], pid);

    up.post("/api/instances/upstream/sleep", &json!({})).await.ok();
    let stopped = up.post("/api/instances/upstream/stop", &json!({})).await.ok();
    assert_eq!(stopped["status"], "stopped");
}
