//! Two instances side by side share nothing: one tries to get at the other's.

use creel_testkit::provider::Provider;
use creel_tests::scripts::fixture;
use creel_tests::up::{Instance, Up};
use serde_json::json;

/// Runs a shell command inside an instance, by an MCP server that the model calls: what a user's own tool could do.
struct Intruder {
    up: Up,
    provider: Provider,
    instance: Instance,
}

impl Intruder {
    async fn start() -> Self {
        let provider = Provider::start().await;
        let up = Up::start().await;
        let instance = up.create("intruder").await;
        let server = std::fs::read_to_string(fixture("shell_server.py")).unwrap();
        let workspace = up.home().join("instances/intruder/data/workspace");
        std::fs::write(workspace.join("shell_server.py"), server).unwrap();
        let config = json!({
            "models": {"providers": {"fake": {"baseUrl": provider.openai_url(), "api": "openai-completions", "models": [{"id": "m1"}]}}},
            "agents": {"defaults": {"model": "fake/m1"}},
            "mcp": {"servers": {"shell": {"command": "/usr/bin/python3", "args": ["shell_server.py"]}}},
        });
        up.put(
            "/api/instances/intruder/config",
            &json!({"content": config.to_string()}),
        )
        .await
        .ok();
        up.post("/api/instances/intruder/restart", &json!({})).await.ok();
        Self { up, provider, instance }
    }

    /// What the command printed, or that it failed.
    async fn runs(&self, command: &str) -> String {
        let asked = self.provider.requests().len();
        self.provider
            .tool_call("shell__run", &json!({"command": command}).to_string())
            .reply("done");
        assert_eq!(self.instance.says("go").await, "done");
        let second = self.provider.received(asked + 1).await.json();
        let messages = second["messages"].as_array().unwrap().clone();
        messages.last().unwrap()["content"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn one_instance_cannot_get_at_another() {
    let intruder = Intruder::start().await;
    let victim = intruder.up.create("victim").await;
    victim.says("my secret is plum").await;
    let pid = intruder.up.pid("victim").await;
    let home = intruder.up.home();
    let home = home.display();

    // It works at all: its own files are its own.
    assert!(intruder.runs("echo mine > own.txt; cat own.txt").await.contains("mine"));
    for attempt in [
        format!("cat {home}/instances/victim/data/openclaw.json"),
        format!("ls {home}/instances/victim"),
        format!("grep -r plum {home}/instances/victim"),
        format!("echo x > {home}/instances/victim/data/workspace/agent/IDENTITY.md"),
        format!("cat {home}/secrets/admin-token"),
        format!("cat {home}/secrets/master.key"),
        format!("strings {home}/creel.db || cat {home}/creel.db"),
        format!("cat /proc/{pid}/environ"),
        format!("ls /proc/{pid}/cwd/"),
        format!("cat /proc/{pid}/root{home}/instances/victim/data/openclaw.json"),
        format!("kill -9 {pid}"),
        "touch /tmp/creel-was-here".to_owned(),
        "cat /etc/shadow".to_owned(),
        "cat /root/.bashrc".to_owned(),
    ] {
        let answer = intruder.runs(&attempt).await;
        assert!(answer.starts_with("failed"), "{attempt}: {answer}");
        assert!(
            !answer.contains("plum") && !answer.contains(&victim.token),
            "{attempt}: {answer}"
        );
    }
    let environment = intruder.runs("env").await;
    assert!(
        !environment.contains("TOKEN") && !environment.contains(&intruder.instance.token),
        "{environment}"
    );
    assert_eq!(intruder.up.pid("victim").await, pid, "it was not touched");
    assert!(victim.says("hello").await.contains("hello"));
}

#[tokio::test]
async fn a_token_opens_its_own_instance_only() {
    let up = Up::start().await;
    let (one, other) = (up.create("one").await, up.create("other").await);
    assert_ne!(one.token, other.token);
    assert_eq!(one.get("/v1/models").with_token(&other.token).await.status, 401);
    one.says("hello").await;
    assert_eq!(other.get("/api/v1/sessions").await.ok()["sessions"], json!([]));
}

#[tokio::test]
async fn nothing_at_rest_or_on_show_holds_a_token() {
    let up = Up::builder().env("OPENAI_API_KEY", "sk-operator-key").start().await;
    let instance = up.create("a").await;
    let pid = up.pid("a").await;
    let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let shown = up.show("a").await.to_string();
    let log = up.get("/api/instances/a/logs").await.text;
    for secret in [instance.token.as_str(), "sk-operator-key"] {
        for place in [&arguments, &shown, &log, &up.log().so_far()] {
            assert!(!place.contains(secret), "{place}");
        }
        let found = tokio::process::Command::new("grep")
            .args(["-rl", secret])
            .arg(up.home())
            .output()
            .await
            .unwrap();
        assert!(
            found.status.code() == Some(1) && found.stdout.is_empty(),
            "{}",
            String::from_utf8_lossy(&found.stdout)
        );
    }
}

#[tokio::test]
async fn what_is_made_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let up = Up::start().await;
    up.create("a").await;
    let home = up.home();
    let mode = |path: &str| std::fs::metadata(home.join(path)).unwrap().permissions().mode() & 0o777;
    for directory in [
        "",
        "secrets",
        "instances",
        "instances/a",
        "instances/a/data",
        "instances/a/data/workspace",
        "instances/a/logs",
    ] {
        assert_eq!(mode(directory), 0o700, "{directory}");
    }
    for file in [
        "creel.db",
        "secrets/admin-token",
        "secrets/master.key",
        "instances/a/instance.env",
        "instances/a/data/openclaw.json",
    ] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}
