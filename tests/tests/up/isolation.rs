//! Two instances side by side share nothing: one tries to get at the other's.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use creel_testkit::provider::Provider;
use creel_tests::mcp;
use creel_tests::scripts::fixture;
use creel_tests::up::{Instance, Up};
use creel_tests::wait::until;
use serde_json::json;

/// Runs a shell command inside an instance, by an MCP server that the model calls: what a user's own tool could do.
struct Intruder {
    up: Up,
    provider: Provider,
    instance: Instance,
}

impl Intruder {
    async fn start() -> Self {
        Self::with(json!({"id": "intruder"})).await
    }

    async fn with(request: serde_json::Value) -> Self {
        let provider = Provider::start().await;
        let up = Up::start().await;
        let instance = up.create_with(request).await;
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
        until("its tools", || async {
            let log = up.get("/api/instances/intruder/logs/download").await.text;
            let (_, since_its_start) = log.rsplit_once("gateway ready")?;
            since_its_start.contains(mcp::CONNECTED).then_some(())
        })
        .await;
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
        format!("cat /proc/{pid}/fd/1"),
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
async fn a_tool_cannot_look_into_its_own_gateway() {
    let intruder = Intruder::start().await;
    let pid = intruder.up.pid("intruder").await;
    const ATTACH: u32 = 16;
    let ptrace = format!("import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace({ATTACH}, {pid}, 0, 0) == -1)");
    for attempt in [
        format!("cat /proc/{pid}/environ"),
        format!("head -c 1 /proc/{pid}/mem"),
        format!("cat /proc/{pid}/maps"),
        format!("readlink /proc/{pid}/fd/1"),
        format!("python3 -c '{ptrace}'"),
    ] {
        let answer = intruder.runs(&attempt).await;
        assert!(answer.starts_with("failed"), "{attempt}: {answer}");
        assert!(!answer.contains(&intruder.instance.token), "{attempt}: {answer}");
    }
    // Creel itself still sees how much it uses.
    until("measurement", || async {
        intruder.up.show("intruder").await["memory_used_bytes"].as_u64()
    })
    .await;
}

/// A service of the host that trusts whoever can connect to its socket, as a Docker engine does.
struct HostSocket {
    path: PathBuf,
    _listener: UnixListener,
}

impl HostSocket {
    fn listen(directory: &str) -> Self {
        let path = PathBuf::from(directory).join(format!("creel-test-{}.sock", std::process::id()));
        let listener = UnixListener::bind(&path).expect("tests run as root");
        Self {
            path,
            _listener: listener,
        }
    }
}

impl Drop for HostSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[tokio::test]
async fn sockets_of_the_host_are_out_of_reach() {
    let sockets = ["/run", "/var/run/lock", "/tmp"].map(HostSocket::listen);
    let intruder = Intruder::start().await;
    let connect = |path: &Path| {
        let path = path.display();
        format!("python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{path}\")'")
    };
    for socket in &sockets {
        let answer = intruder.runs(&connect(&socket.path)).await;
        assert!(
            answer.starts_with("failed") && answer.contains("FileNotFoundError"),
            "{answer}"
        );
        let around = PathBuf::from(format!("/proc/1/root{}", socket.path.display()));
        let answer = intruder.runs(&connect(&around)).await;
        assert!(
            answer.starts_with("failed") && answer.contains("PermissionError"),
            "{answer}"
        );
    }
    // Nor can they be brought back.
    let answer = intruder
        .runs("unshare --user --map-root-user --mount umount /run")
        .await;
    assert!(answer.starts_with("failed"), "{answer}");
    // Names are still resolved, wherever the host keeps its resolver's file.
    assert!(
        intruder
            .runs("cat /etc/resolv.conf && echo there")
            .await
            .ends_with("there\n")
    );
}

#[tokio::test]
async fn a_tool_listens_on_no_port_but_its_own_instances() {
    let intruder = Intruder::start().await;
    intruder.up.create("victim").await;
    let port = intruder.up.show("victim").await["port"].as_u64().unwrap();
    intruder.up.post("/api/instances/victim/stop", &json!({})).await.ok();
    for port in [port, port + 1, 0] {
        for address in ["127.0.0.1", "0.0.0.0"] {
            let listen = format!("python3 -c 'import socket; socket.create_server((\"{address}\", {port}))'");
            let answer = intruder.runs(&listen).await;
            assert!(answer.contains("PermissionError"), "{listen}: {answer}");
        }
    }
    let started = intruder.up.post("/api/instances/victim/start", &json!({})).await.ok();
    assert_eq!(started["port"].as_u64(), Some(port));
}

#[tokio::test]
async fn a_tool_that_takes_all_memory_ends_alone() {
    let intruder = Intruder::with(json!({"id": "intruder", "memory_limit_bytes": 128 << 20})).await;
    let pid = intruder.up.pid("intruder").await;
    let answer = intruder.runs("python3 -c 'bytearray(1 << 30)'").await;
    assert!(
        answer.starts_with("failed -9") || answer.starts_with("failed 137"),
        "{answer}"
    );
    assert_eq!(intruder.up.pid("intruder").await, pid, "its gateway goes on");
}

#[tokio::test]
async fn a_tool_that_multiplies_is_stopped() {
    let intruder = Intruder::start().await;
    let swarm = "import subprocess\nswarm = []\ntry:\n  for _ in range(2000): swarm.append(subprocess.Popen([\"sleep\", \"60\"]))\n\
                 except OSError as error: print(error, len(swarm) < 600)\nfor one in swarm: one.kill()";
    let answer = intruder.runs(&format!("python3 -c '{swarm}'")).await;
    assert_eq!(answer, "[Errno 11] Resource temporarily unavailable True\n");
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
        let found = until("a look into every file", || async {
            let mut grep = tokio::process::Command::new("grep");
            let found = grep.args(["-rl", secret]).arg(up.home()).output().await.unwrap();
            // 2: one was gone by the time it was looked into.
            (found.status.code() != Some(2)).then_some(found)
        })
        .await;
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

#[tokio::test]
async fn who_is_not_root_has_instances_too_and_is_told_what_they_lack() {
    const NOBODY: u32 = 65_534;
    let up = Up::builder().user(NOBODY).start().await;
    let instance = up.create("a").await;
    assert!(instance.says("hello").await.contains("hello"));
    let status = std::fs::read_to_string(format!("/proc/{}/status", up.pid("a").await)).unwrap();
    assert!(status.contains(&format!("Uid:\t{NOBODY}\t{NOBODY}")), "{status}");
    up.log().line_with("no writable cgroup").await;
    let limited = json!({"id": "b", "memory_limit_bytes": 512 << 20});
    let refused = up.post("/api/instances", &limited).await;
    assert_eq!(refused.problem(), (422, "invalid_value".to_owned()));
    up.post("/api/instances/a/stop", &json!({})).await.ok();
    assert_eq!(up.status_is("a", "stopped").await["pid"], json!(null));
}
