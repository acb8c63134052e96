//! Defaults, file, environment and command line, over each other.

use std::path::Path;
use std::time::Duration;

use creel_config::{
    Api, AuthMode, Bind, DmScope, GatewayConfig, Level, Loaded, Locations, LogFormat, LogOutput, McpTransport,
    Overrides, Secret, load,
};
use tempfile::TempDir;

use crate::{config, env, loaded};

#[test]
fn an_empty_file_is_all_defaults() {
    let config = config("{}", &[]);
    assert_eq!(
        (config.gateway.port, config.gateway.bind, config.gateway.auth.mode),
        (18789, Bind::Loopback, AuthMode::None)
    );
    assert_eq!(config.gateway.address().to_string(), "127.0.0.1:18789");
    assert!(config.gateway.chat_completions);
    let limits = &config.gateway.limits;
    assert_eq!((limits.requests_per_minute, limits.connections), (200, 100));
    assert_eq!(
        (limits.websocket_timeout, limits.heartbeat),
        (Duration::from_secs(3600), Duration::from_secs(30))
    );
    assert!(config.models.providers.is_empty() && config.mcp.servers.is_empty() && config.agents.entries.is_empty());
    assert_eq!(config.agents.defaults.model, None);
    assert_eq!(
        (config.logging.level, config.logging.format),
        (Level::Info, LogFormat::Text)
    );
    assert!(config.instance_id.ends_with("-18789"));
}

/// The template of the deployment guide for small offices, as it stands there.
#[test]
fn the_first_template_that_users_had_still_loads() {
    let text = r#"{
    // OpenClaw 网关配置
    "gateway": {
        "mode": "local",
        "token": "",
        "port": 18789
    },
    // 智能体配置
    "agents": {
        "defaults": {
            "model": "gpt-4",
            "sandbox": {
                "mode": "non-main",
                "scope": "agent"
            }
        }
    },
    // 渠道配置
    "channels": [],
    // 工具配置
    "tools": {
        "defaults": ["*"]
    }
}
"#;
    let config = config(text, &[]);
    assert_eq!(config.agents.defaults.model.as_deref(), Some("gpt-4"));
    assert_eq!(config.gateway.auth.mode, AuthMode::None);
}

/// What a text says, and the keys of it that nothing is done with.
#[track_caller]
fn with_idle(text: &str, vars: &[(&str, &str)]) -> (GatewayConfig, Vec<String>) {
    let Loaded { config, warnings } = crate::loaded(text, vars);
    let messages = warnings.into_iter().map(|warning| warning.message);
    let idle = messages.filter(|message| !message.contains("dmScope")).map(|message| {
        let key = message.strip_suffix("` has no effect on the native gateway (yet)");
        key.unwrap_or_else(|| panic!("{message}"))[1..].to_owned()
    });
    let idle = idle.collect();
    (config, idle)
}

#[test]
fn a_configuration_of_upstream_loads() {
    let text = r#"{
        $schema: "https://openclaw.ai/schema.json",
        gateway: { mode: "local", bind: "lan", port: 18800, auth: { mode: "token", token: "t" }, reload: { mode: "hybrid" },
            controlUi: { allowedOrigins: ["*"] }, trustedProxies: [], tls: { enabled: false },
            http: { endpoints: { chatCompletions: { enabled: false, images: { allowUrl: true } } } } },
        agents: {
            defaults: { workspace: "~/w", model: { primary: "corp/m1", fallbacks: ["corp/m2"] }, models: { "corp/m1": {} },
                timeoutSeconds: 90, heartbeat: { every: "0m" } },
            entries: { main: { default: true, name: "Main", model: "corp/m2", identity: { emoji: "🦞" } } } },
        models: { mode: "merge", catalogRefresh: { enabled: false }, providers: { corp: {
            baseUrl: "http://127.0.0.1:9/v1/", apiKey: "k", api: "openai-completions", headers: { "X-Tenant": "a" },
            models: [{ id: "m1", name: "M1", reasoning: true, input: ["text", "image"], cost: { input: 0, output: 0 },
                contextWindow: 128000, maxTokens: 4096, compat: { supportsUsageInStreaming: true } }, { id: "m2" }] } } },
        mcp: { servers: {
            files: { command: "npx", args: ["-y", "files"], env: { ROOT: "/", N: 3, ON: true }, cwd: "~/f" },
            web: { url: "https://mcp.example.com", transport: "streamable-http", headers: { Authorization: "Bearer x" },
                requestTimeoutMs: 5000, toolFilter: { include: ["a*"], exclude: ["b"] } },
            off: { enabled: false, command: "nope" } } },
        session: { dmScope: "per-channel-peer", reset: { mode: "daily" } },
        logging: { level: "debug", consoleLevel: "warn", consoleStyle: "json", file: "/tmp/x.log" },
        channels: { telegram: { enabled: false, botToken: "${NOT_SET}" } }, plugins: {}, hooks: {}, cron: {}, browser: {},
        skills: {}, ui: {}, update: {}, discovery: {}, commands: {}, messages: {}, secrets: {}, env: {}, tools: {},
    }"#;
    let (config, idle) = with_idle(text, &[("HOME", "/home/a")]);
    let expected = "gateway.reload gateway.controlUi agents.defaults.models agents.defaults.heartbeat \
        agents.entries.main.identity models.providers.corp.models[0].compat session.reset logging.file";
    assert_eq!(idle.join(" "), expected);
    let gateway = &config.gateway;
    assert_eq!(
        (gateway.address().to_string().as_str(), gateway.chat_completions),
        ("0.0.0.0:18800", false)
    );
    assert!(gateway.auth.token.as_ref().unwrap().matches("t"));
    let agents = &config.agents;
    assert_eq!(agents.defaults.workspace.as_deref(), Some(Path::new("/home/a/w")));
    assert_eq!(
        (agents.defaults.model.as_deref(), agents.defaults.fallbacks.len()),
        (Some("corp/m1"), 1)
    );
    assert_eq!(agents.defaults.timeout, Duration::from_secs(90));
    assert_eq!(
        (
            agents.entries["main"].model.as_deref(),
            &agents.entries["main"].fallbacks
        ),
        (Some("corp/m2"), &None)
    );
    let (name, corp, model) = config.models.resolve("corp/m1").unwrap();
    assert_eq!(
        (name, corp.base_url.as_str(), corp.api, model),
        ("corp", "http://127.0.0.1:9/v1", Api::OpenaiCompletions, "m1")
    );
    let model = corp.model("m1").unwrap();
    assert_eq!(
        (model.context_window, model.max_tokens, model.images, model.reasoning),
        (Some(128_000), Some(4096), Some(true), true)
    );
    assert_eq!(
        (
            corp.model("m2").unwrap().name.as_str(),
            corp.model("m2").unwrap().images
        ),
        ("m2", None)
    );
    assert_eq!(corp.headers["X-Tenant"].expose(), "a");
    assert_eq!(config.mcp.servers.len(), 2);
    let McpTransport::Stdio {
        command,
        args,
        env,
        cwd,
    } = &config.mcp.servers["files"].transport
    else {
        panic!()
    };
    assert_eq!(
        (command.as_str(), args.len(), cwd.as_deref()),
        ("npx", 2, Some(Path::new("/home/a/f")))
    );
    assert_eq!((env["N"].expose(), env["ON"].expose()), ("3", "true"));
    let web = &config.mcp.servers["web"];
    assert!(matches!(&web.transport, McpTransport::Http { url, .. } if url == "https://mcp.example.com"));
    assert_eq!(
        (web.request_timeout, web.include.len(), web.exclude.len()),
        (Some(Duration::from_secs(5)), 1, 1)
    );
    assert_eq!(config.session.dm_scope, DmScope::PerChannelPeer);
    assert_eq!(
        (config.logging.level, config.logging.format),
        (Level::Warn, LogFormat::Json)
    );
}

#[test]
fn the_keys_of_the_cluster_guides_are_known() {
    let (config, idle) = with_idle(
        r#"{ gateway: { mode: "local", bind: "0.0.0.0", auth: { token: "t" }, ha: { enabled: true, role: "primary" },
                lock: { type: "redis" }, sessions: { storage: "redis" }, rateLimit: "10/second", concurrentConnections: 7,
                websocket: { timeout: 1000, maxConnections: 5, heartbeat: 100 }, limits: { maxBodyBytes: 1e6 } },
             multiTenant: { enabled: false }, storage: { dataDir: "/mnt" }, cluster: { enabled: true, instanceId: "node-1" },
             logging: { format: "json", includeInstanceId: true, output: "stdout" } }"#,
        &[],
    );
    assert_eq!(config.instance_id, "node-1");
    let expected = "gateway.ha gateway.lock gateway.sessions gateway.websocket.timeout gateway.websocket.maxConnections \
        storage cluster.enabled";
    assert_eq!(idle.join(" "), expected);
    assert_eq!(config.gateway.bind.address().to_string(), "0.0.0.0");
    let limits = &config.gateway.limits;
    assert_eq!(
        (
            limits.requests_per_minute,
            limits.connections,
            limits.websocket_connections
        ),
        (600, 7, 5)
    );
    assert_eq!(
        (limits.heartbeat, limits.max_body_bytes),
        (Duration::from_millis(100), 1_000_000)
    );
    assert!(config.logging.include_instance_id);
    assert_eq!(
        (config.logging.format, config.logging.output),
        (LogFormat::Json, LogOutput::Stdout)
    );
}

#[test]
fn the_environment_beats_the_file() {
    let vars = [
        ("OPENCLAW_GATEWAY_PORT", "8080"),
        ("GATEWAY_BIND", "lan"),
        ("GATEWAY_AUTH_MODE", "token"),
        ("OPENCLAW_GATEWAY_TOKEN", "from-env"),
        ("MODEL_NAME", "openrouter/stepfun/step-3.5-flash:free"),
        ("DM_SCOPE", "per-peer"),
        ("GATEWAY_RATE_LIMIT", "120/minute"),
        ("GATEWAY_CONCURRENT_CONNECTIONS", "50"),
        ("GATEWAY_WEBSOCKET_TIMEOUT", "60000"),
        ("GATEWAY_WEBSOCKET_MAX_CONNECTIONS", "9"),
        ("GATEWAY_WEBSOCKET_HEARTBEAT", "15000"),
        ("OPENCLAW_INSTANCE_ID", "node-7"),
        ("OPENCLAW_LOG_LEVEL", "trace"),
    ];
    let text =
        "{gateway: {port: 1, auth: {mode: 'none', token: 'file'}, rateLimit: 5}, agents: {defaults: {model: 'a/b'}}}";
    let config = loaded(text, &vars).config;
    assert_eq!(config.gateway.address().to_string(), "0.0.0.0:8080");
    assert_eq!(config.gateway.auth.token.as_ref().unwrap().expose(), "from-env");
    assert_eq!(
        config.agents.defaults.model.as_deref(),
        Some("openrouter/stepfun/step-3.5-flash:free")
    );
    assert_eq!(
        (
            config.session.dm_scope,
            config.instance_id.as_str(),
            config.logging.level
        ),
        (DmScope::PerPeer, "node-7", Level::Trace)
    );
    let limits = &config.gateway.limits;
    assert_eq!(
        (
            limits.requests_per_minute,
            limits.connections,
            limits.websocket_connections
        ),
        (120, 50, 9)
    );
    assert_eq!(
        (limits.websocket_timeout, limits.heartbeat),
        (Duration::from_secs(60), Duration::from_secs(15))
    );
    assert_eq!(
        crate::config("{}", &[("DEBUG", "openclaw:*")]).logging.level,
        Level::Debug
    );
    assert_eq!(
        crate::config("{}", &[("GATEWAY_BIND", " "), ("OPENCLAW_GATEWAY_TOKEN", "")])
            .gateway
            .auth
            .token,
        None
    );
}

#[test]
fn the_command_line_beats_everything() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("openclaw.json");
    std::fs::write(&path, "{gateway: {port: 1, auth: {token: 'file'}}}").unwrap();
    let vars = env(&[
        ("OPENCLAW_STATE_DIR", dir.path().to_str().unwrap()),
        ("OPENCLAW_GATEWAY_PORT", "2"),
    ]);
    let locations = Locations::resolve(&vars, None, false).unwrap();
    let overrides = Overrides {
        port: Some(3),
        bind: Some("0.0.0.0".into()),
        token: Some("flag".into()),
        instance_id: Some("i".into()),
        ..Overrides::default()
    };
    let config = load(&locations, &vars, &overrides).unwrap().config;
    assert_eq!(
        (
            config.gateway.address().to_string().as_str(),
            config.instance_id.as_str()
        ),
        ("0.0.0.0:3", "i")
    );
    assert_eq!(config.gateway.auth.token, Some(Secret::from("flag")));
    let bad = Overrides {
        bind: Some("example.com".into()),
        ..Overrides::default()
    };
    assert_eq!(
        load(&locations, &vars, &bad).unwrap_err().to_string(),
        "command line: --bind is \"example.com\"; it must be \"loopback\", \"lan\", or an IP address such as 0.0.0.0"
    );
}

/// A file that says nothing of it is not named as the culprit.
#[test]
fn whoever_opens_the_door_or_wants_a_token_is_named() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("openclaw.json"), "{gateway: {port: 1}}").unwrap();
    let state = dir.path().to_str().unwrap();
    let advice = "set gateway.auth.token or OPENCLAW_GATEWAY_TOKEN";
    let said = |variables: &[(&str, &str)], bind: Option<&str>, mode: Option<&str>| {
        let vars = env(&[&[("OPENCLAW_STATE_DIR", state)], variables].concat());
        let locations = Locations::resolve(&vars, None, false).unwrap();
        let overrides = Overrides {
            bind: bind.map(str::to_owned),
            auth_mode: mode.map(str::to_owned),
            ..Overrides::default()
        };
        load(&locations, &vars, &overrides).unwrap_err().to_string()
    };
    let open = format!("opens the gateway on 0.0.0.0 for everybody, with no token; {advice}, or bind to \"loopback\"");
    let closed = format!("is \"token\", but there is no token; {advice}");
    for (message, expected) in [
        (said(&[], Some("lan"), None), format!("command line: --bind {open}")),
        (
            said(&[("GATEWAY_BIND", "lan")], None, None),
            format!("environment: GATEWAY_BIND {open}"),
        ),
        (said(&[], None, Some("token")), format!("command line: --auth {closed}")),
        (
            said(&[("GATEWAY_AUTH_MODE", "token")], None, None),
            format!("environment: GATEWAY_AUTH_MODE {closed}"),
        ),
    ] {
        assert_eq!(message, expected);
    }
}

#[test]
fn a_variable_that_names_no_usable_file_is_named_itself() {
    let dir = TempDir::new().unwrap();
    let missing = dir.path().join("missing.json");
    for (file, problem) in [
        (missing.as_path(), "which is not there; make it"),
        (dir.path(), "which cannot be read"),
    ] {
        let file = file.to_str().unwrap();
        for name in ["OPENCLAW_CONFIG_PATH", "OPENCLAW_GLOBAL_CONFIG"] {
            let vars = env(&[("HOME", dir.path().to_str().unwrap()), (name, file)]);
            let locations = Locations::resolve(&vars, None, false).unwrap();
            let found = locations.or_multi_tenant(&vars);
            let error = found
                .and_then(|found| load(&found, &vars, &Overrides::default()))
                .unwrap_err();
            let expected = format!("environment: {name} names {file}, {problem}");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}

#[test]
fn a_missing_file_is_no_error_and_an_unreadable_one_is() {
    let dir = TempDir::new().unwrap();
    let vars = env(&[("OPENCLAW_STATE_DIR", dir.path().to_str().unwrap())]);
    let dev = Locations::resolve(&vars, None, true).unwrap();
    assert_eq!(
        load(&dev, &vars, &Overrides::default()).unwrap().config.gateway.port,
        19001
    );
    std::os::unix::fs::symlink("/nowhere/openclaw.json", &dev.config).unwrap();
    let error = load(&dev, &vars, &Overrides::default()).unwrap_err().to_string();
    assert!(
        error.ends_with("is a link to /nowhere/openclaw.json, which is not there; make it, or remove the link"),
        "{error}"
    );
    std::fs::remove_file(&dev.config).unwrap();
    std::fs::create_dir(&dev.config).unwrap();
    assert!(
        load(&dev, &vars, &Overrides::default())
            .unwrap_err()
            .message
            .starts_with("cannot read ")
    );
    std::fs::remove_dir(&dev.config).unwrap();
    std::fs::write(&dev.config, b"{\n  // caf\xE9\n}").unwrap();
    assert_eq!(
        load(&dev, &vars, &Overrides::default()).unwrap_err().to_string(),
        "openclaw.json:2:9: the byte 0xE9 is no UTF-8; save the file as UTF-8"
    );
    std::fs::write(&dev.config, "{\n  gateway: {\n    port: \n").unwrap();
    assert_eq!(
        load(&dev, &vars, &Overrides::default()).unwrap_err().to_string(),
        "openclaw.json:2:12: this '{' is never closed"
    );
}
