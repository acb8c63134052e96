//! Starting a gateway, and what keeps one from it: one clear line each, and nothing changed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use creel_testkit::ports;
use creel_tests::gateway::{Builder, Gateway, TOKEN};
use creel_tests::http::{Call, client};
use creel_tests::process::Process;
use serde_json::Value;
use tokio::net::TcpListener;

/// The default template of the instances of an earlier console.
const EARLIER_TEMPLATE: &str = r#"{
    // OpenClaw gateway
    "gateway": {
        "mode": "local",
        "token": "",
        "port": 18789
    },
    // Agents
    "agents": {
        "defaults": {
            "model": "gpt-4",
            "sandbox": {
                "mode": "non-main",
                "scope": "agent"
            }
        }
    },
    // Channels
    "channels": [],
    // Tools
    "tools": {
        "defaults": ["*"]
    }
}
"#;

#[tokio::test]
async fn the_template_of_earlier_consoles_works_as_it_is() {
    let gateway = Gateway::builder().config_text(EARLIER_TEMPLATE).start().await;
    assert_eq!(gateway.chat("hi").await["model"], "demo/demo");
    let ended = {
        gateway.terminate();
        gateway.ended().await
    };
    assert!(
        !ended.stderr.contains("WARN") && !ended.stderr.contains("ERROR"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn no_file_at_all_works_too() {
    let gateway = Gateway::builder().without_config().start().await;
    assert_eq!(gateway.chat("hi").await["model"], "demo/demo");
}

#[tokio::test]
async fn a_file_that_is_named_must_be_there() {
    let (code, message) = Gateway::builder()
        .env("OPENCLAW_CONFIG_PATH", "/nowhere/mine.json5")
        .refused()
        .await;
    assert_eq!(code, Some(2), "{message}");
    assert!(
        message.contains("/nowhere/mine.json5") && message.contains("OPENCLAW_CONFIG_PATH"),
        "{message}"
    );
}

#[tokio::test]
async fn what_nobody_serves_is_a_warning_with_its_place() {
    let gateway = Gateway::builder()
        .config_text(
            "{\n  models: { providers: { fake: { baseUrl: 'http://127.0.0.1:1/v1' } } },\n  agents: { defaults: { model: 'none/m1' } },\n  \
             channels: { feishu: { appId: 'x' } },\n}",
        )
        .start()
        .await;
    let model = gateway.log().line_with("agents.defaults.model").await;
    assert!(
        model.contains("WARN") && model.contains("openclaw.json: 3:32"),
        "{model}"
    );
    let channel = gateway.log().line_with("channels.feishu").await;
    assert!(
        channel.contains("WARN") && channel.contains("openclaw.json: 4:15"),
        "{channel}"
    );
}

#[tokio::test]
async fn a_broken_file_is_named_with_line_and_column() {
    let broken = Gateway::builder().config_text("{\n  gateway: {\n    port: ,\n");
    let place = format!("{}:3:11: ", broken.config_path().display());
    let (code, message) = broken.refused().await;
    assert_eq!(code, Some(2), "{message}");
    // There may be others of this name.
    assert!(message.starts_with(&place), "{message}");
    let (code, message) = Gateway::builder()
        .config_text("{\n  gateway: { port: \"high\" },\n}")
        .refused()
        .await;
    assert_eq!(code, Some(2), "{message}");
    assert!(
        message.contains("openclaw.json:2:20: ") && message.contains("gateway.port"),
        "{message}"
    );
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_a_warning_with_a_hint() {
    let gateway = Gateway::builder()
        .config_text("{\n  gateway: {\n    prot: 18789,\n  },\n}")
        .start()
        .await;
    let warning = gateway.log().line_with("gateway.prot").await;
    assert!(
        warning.contains("WARN") && warning.contains("openclaw.json: 3:5"),
        "{warning}"
    );
    assert!(warning.contains("did you mean `gateway.port`?"), "{warning}");
}

#[tokio::test]
async fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let (code, message) = Gateway::builder().args(&["--port", &port]).refused().await;
    assert_eq!(code, Some(2), "{message}");
    assert!(
        message.starts_with(&format!("127.0.0.1:{port} is in use")) && message.contains("--port"),
        "{message}"
    );
}

#[tokio::test]
async fn two_gateways_on_one_state_directory() {
    let gateway = Gateway::builder().start().await;
    let (code, message) = gateway.builder_again().refused().await;
    assert_eq!(code, Some(2), "{message}");
    assert!(message.contains(&format!("pid {}", gateway.pid())), "{message}");
    assert_eq!(
        gateway.chat("hi").await["model"],
        "demo/demo",
        "the first one does not mind"
    );
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_written() {
    // Where even root cannot make a directory.
    for place in ["/proc/nowhere", "/sys/nowhere"] {
        let (code, message) = Gateway::builder().env("OPENCLAW_STATE_DIR", place).refused().await;
        assert_eq!(code, Some(2), "{message}");
        assert!(
            message.starts_with(place) && message.contains("OPENCLAW_STATE_DIR"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn bad_flags_and_bad_variables() {
    for (arguments, part) in [
        (["--bind", "moon"], "--bind is \"moon\""),
        (["--auth", "maybe"], "--auth is \"maybe\""),
        (["--profile", "../x"], "command line: --profile is \"../x\""),
    ] {
        let (code, message) = Gateway::builder().args(&arguments).refused().await;
        assert!(code == Some(2) && message.contains(part), "{code:?} {message}");
    }
    for (name, value, part) in [
        ("GATEWAY_RATE_LIMIT", "lots", "GATEWAY_RATE_LIMIT is \"lots\""),
        (
            "OPENAI_BASE_URL",
            "localhost:1",
            "OPENAI_BASE_URL must begin with http:// or https://",
        ),
        (
            "ANTHROPIC_API_KEY",
            "a\nb",
            "ANTHROPIC_API_KEY has characters that no HTTP header may have",
        ),
    ] {
        let (code, message) = Gateway::builder().env(name, value).refused().await;
        assert!(code == Some(2) && message.contains(part), "{code:?} {message}");
    }
}

#[tokio::test]
async fn a_variable_that_is_no_text_opens_no_door() {
    let gateway = Gateway::builder();
    for name in ["OPENCLAW_GATEWAY_TOKEN", "GATEWAY_AUTH_MODE", "ANTHROPIC_BASE_URL"] {
        let mut command = gateway.command(&["gateway", "run", "--port", "0"]);
        command.env(name, OsStr::from_bytes(b"caf\xe9"));
        let ended = Process::start(command).ended().await;
        assert_eq!(
            (ended.code(), ended.stderr.trim()),
            (
                Some(2),
                &*format!("creel: environment: {name} is no UTF-8 text; set it anew, or unset it")
            ),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_profile_has_a_home_of_its_own() {
    let by_flag = Gateway::builder().args(&["--profile", "work"]).start().await;
    let by_variable = Gateway::builder().env("OPENCLAW_PROFILE", "work").start().await;
    let dev = Gateway::builder().args(&["--dev"]).start().await;
    for (gateway, directory) in [
        (by_flag, ".openclaw-work"),
        (by_variable, ".openclaw-work"),
        (dev, ".openclaw-dev"),
    ] {
        let session = gateway
            .ask(serde_json::json!({"message": "hi"}))
            .without_token()
            .await
            .ok()["session_id"]
            .clone();
        let sessions = gateway
            .builder_again()
            .home()
            .join(directory)
            .join("workspace/sessions");
        let file = sessions.join(format!("{}.jsonl", session.as_str().unwrap_or_default()));
        assert!(file.is_file(), "{}", file.display());
    }
}

#[tokio::test]
async fn the_dev_profile_has_a_port_of_its_own() {
    let builder = Gateway::builder();
    // Whoever has the port, this one must be the one that is asked for.
    let _taken = TcpListener::bind("127.0.0.1:19001").await;
    let refused = Process::start(builder.command(&["gateway", "run", "--dev"]))
        .ended()
        .await;
    assert_eq!(refused.code(), Some(2));
    assert!(refused.stderr.contains("127.0.0.1:19001 is in use"), "{refused:?}");
}

#[tokio::test]
async fn variables_say_where_everything_is() {
    let builder = Gateway::builder().without_config();
    let home = builder.home();
    fs::write(
        home.join("mine.json5"),
        "{ agents: { defaults: { systemPrompt: 'hi' } }, gateway: { auth: { token: 'x' } } }",
    )
    .expect("the home can be written");
    let gateway = builder
        .env("OPENCLAW_CONFIG_PATH", &home.join("mine.json5").to_string_lossy())
        .env("OPENCLAW_STATE_DIR", &home.join("state").to_string_lossy())
        .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        .start()
        .await;
    gateway.chat_in("s1", "hi").await;
    assert!(home.join("state/workspace/sessions/s1.jsonl").is_file());
    assert!(!home.join(".openclaw/workspace").exists());
}

/// Stops what runs in the background, however the test ends.
struct Stopped<'a>(&'a Builder);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        // An error means that nothing runs any more.
        let _ = self.0.command(&["gateway", "stop"]).as_std_mut().output();
    }
}

#[tokio::test]
async fn in_the_background() {
    let builder = Gateway::builder().without_config().env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
    let _stopped = Stopped(&builder);
    let creel = |arguments: &[&str]| Process::start(builder.command(arguments)).ended();
    let started = creel(&["--json", "gateway", "start", "--port", "0"]).await;
    assert_eq!(started.code(), Some(0), "{started:?}");
    let said: Value = serde_json::from_str(&started.stdout).expect("JSON");
    let (pid, url) = (&said["pid"], said["url"].as_str().expect("an address"));
    assert_eq!(said["started"], true);
    let sessions = Call::new(
        &client(),
        reqwest::Method::GET,
        &format!("{url}/api/v1/sessions"),
        TOKEN,
    );
    assert_eq!(sessions.await.status, 200, "it is ready, and outlives who started it");
    let again = creel(&["--json", "gateway", "start"]).await;
    let again_said: Value = serde_json::from_str(&again.stdout).expect("JSON");
    assert_eq!((&again_said["pid"], &again_said["started"]), (pid, &Value::Bool(false)));
    let status = creel(&["gateway", "status"]).await;
    assert!(
        status.stdout.starts_with(&format!("running at {url}, pid {pid}, ")),
        "{status:?}"
    );
    let log = builder.state_dir().join("logs/gateway.log");
    assert!(fs::read_to_string(&log).is_ok_and(|log| log.contains("gateway ready")));
    assert_eq!(creel(&["gateway", "stop"]).await.code(), Some(0));
    assert!(creel(&["gateway", "status"]).await.stdout.starts_with("not running, "));
}

#[tokio::test]
async fn what_cannot_start_in_the_background_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let builder = Gateway::builder();
    let start = |builder: &Builder, arguments: &[&str]| {
        let arguments: Vec<&str> = ["gateway", "start"].iter().chain(arguments).copied().collect();
        Process::start(builder.command(&arguments)).ended()
    };
    for (ended, part) in [
        (
            start(&builder, &["--port", &port]).await,
            "is in use by another program",
        ),
        (start(&builder, &["--bind", "lan"]).await, "gateway.auth.token"),
        (
            start(&builder.clone().env("OPENCLAW_STATE_DIR", "/proc/nowhere"), &[]).await,
            "OPENCLAW_STATE_DIR",
        ),
    ] {
        assert_eq!((ended.code(), ended.stderr.lines().count()), (Some(2), 1), "{ended:?}");
        assert!(
            ended.stderr.starts_with("creel: ") && ended.stderr.contains(part),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn a_health_check_needs_no_other_client() {
    // Of a range that nobody else is given, so that nobody else is there when it is gone.
    let port = ports::range().to_string();
    let everywhere = ["--bind", "0.0.0.0", "--port", &port];
    let gateway = Gateway::builder().args(&everywhere).start().await;
    let creel = |arguments: &[&str]| Process::start(gateway.builder_again().command(arguments)).ended();
    let live = creel(&["gateway", "health"]).await;
    assert!(
        live.code() == Some(0) && live.stdout.starts_with("live at http://127.0.0.1:"),
        "{live:?}"
    );
    let ready = creel(&["gateway", "health", "--ready", "--json"]).await;
    assert!(
        ready.code() == Some(0) && ready.stdout.contains("\"status\":\"ready\""),
        "{ready:?}"
    );
    let builder = gateway.kill().await;
    let gone = Process::start(builder.command(&["gateway", "health"])).ended().await;
    assert_eq!((gone.code(), gone.stderr.lines().count()), (Some(1), 1), "{gone:?}");
}

#[tokio::test]
async fn status_and_stop_find_the_gateway_of_their_home() {
    let gateway = Gateway::builder().start().await;
    let creel = |arguments: &[&str]| Process::start(gateway.builder_again().command(arguments)).ended();
    let status = creel(&["--json", "gateway", "status"]).await;
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    assert_eq!(
        (&status["running"], &status["pid"]),
        (&Value::Bool(true), &gateway.pid().into())
    );
    let stop = creel(&["gateway", "stop"]).await;
    assert_eq!(
        (stop.code(), stop.stdout),
        (Some(0), format!("stopped pid {}\n", gateway.pid()))
    );
    let again = creel(&["gateway", "stop"]).await;
    assert_eq!(again.code(), Some(2));
    assert!(again.stderr.starts_with("creel: no gateway runs on "), "{again:?}");
    assert_eq!(gateway.ended().await.code(), Some(0));
}
