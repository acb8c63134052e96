//! A gateway for many users, and what a user may configure.

use std::time::Duration;

use creel_config::{Endpoints, GatewayConfig, MultiTenant, check_user};

use crate::{config, env, fails};

const GLOBAL: &str = r#"{
  multiTenant: {enabled: true, cloudBackendUrl: 'http://backend/', serviceToken: 'secret', userIdleTimeoutMs: 5, quotas: {turns: 2}},
  models: {providers: {p: {baseUrl: 'http://models', apiKey: '${KEY}', models: [{id: 'm'}, {id: 'n'}]}}},
  agents: {defaults: {model: 'p/m', systemPrompt: 'Be brief.', maxToolRounds: 4}},
}"#;

fn global() -> (GatewayConfig, MultiTenant) {
    let config = config(GLOBAL, &[("KEY", "sk-1")]);
    let tenants = config.multi_tenant.clone().expect("it is on");
    (config, tenants)
}

fn of_user(text: &str) -> Result<GatewayConfig, String> {
    let (global, tenants) = global();
    let env = env(&[("KEY", "sk-1"), ("OTHER", "of the gateway")]);
    tenants
        .base
        .with_user(&global, text, &env, tenants.user_endpoints)
        .map_err(|error| error.to_string())
}

#[test]
fn has_the_defaults_of_the_documents() {
    let (_, tenants) = global();
    assert_eq!(tenants.cloud_backend_url, "http://backend");
    assert_eq!(tenants.service_token.expose(), "secret");
    assert_eq!(tenants.workspace_root.to_str(), Some("/var/lib/openclaw/workspaces"));
    assert_eq!(tenants.config_root.to_str(), Some("/var/lib/openclaw/configs"));
    assert_eq!(tenants.template_path.to_str(), Some("/etc/openclaw/template"));
    assert_eq!((tenants.max_cached_users, tenants.quotas.turns), (1_000, 2));
    assert_eq!(tenants.user_idle_timeout, Duration::from_millis(5));
    assert_eq!(tenants.sync_interval, Duration::from_secs(60));
    let monitor = &tenants.monitor;
    assert_eq!(
        (
            monitor.memory_bytes >> 20,
            monitor.active_users_percent,
            monitor.sync_failures
        ),
        (512, 80, 3)
    );
}

#[test]
fn off_is_not_looked_at() {
    assert_eq!(
        config("{multiTenant: {enabled: false, cloudBackendUrl: 7}}", &[]).multi_tenant,
        None
    );
    assert_eq!(config("{multiTenant: {}}", &[]).multi_tenant, None);
}

#[test]
fn says_what_is_missing() {
    fails(
        "{multiTenant: {enabled: true}}",
        &[],
        "openclaw.json:1:15: `multiTenant.cloudBackendUrl` is missing: users and their configurations come from there",
    );
    fails(
        "{multiTenant: {enabled: true, cloudBackendUrl: 'backend'}}",
        &[],
        "openclaw.json:1:48: `multiTenant.cloudBackendUrl` must begin with http:// or https://",
    );
    fails(
        "{multiTenant: {enabled: true, cloudBackendUrl: 'http://b'}}",
        &[],
        "openclaw.json:1:15: `multiTenant.serviceToken` is missing: give it, or set OPENCLAW_SERVICE_TOKEN",
    );
}

#[test]
fn the_environment_has_the_service_token() {
    let config = config(
        GLOBAL,
        &[("KEY", "sk-1"), ("OPENCLAW_SERVICE_TOKEN", "of the environment")],
    );
    assert_eq!(
        config.multi_tenant.unwrap().service_token.expose(),
        "of the environment"
    );
}

#[test]
fn a_user_inherits_and_overrides() {
    let inherited = of_user("{}").unwrap();
    assert_eq!(inherited.agents.defaults.model.as_deref(), Some("p/m"));
    assert_eq!(
        inherited.models.providers["p"].api_key.as_ref().unwrap().expose(),
        "sk-1"
    );
    let own = of_user(r#"{"agents": {"defaults": {"model": "p/n", "maxToolRounds": 99}}}"#).unwrap();
    let defaults = own.agents.defaults;
    assert_eq!(defaults.model.as_deref(), Some("p/n"));
    assert_eq!(defaults.system_prompt.as_deref(), Some("Be brief."));
    assert_eq!(defaults.max_tool_rounds, 4, "limits cannot be raised");
}

#[test]
fn a_user_cannot_take_what_is_the_operators() {
    for (text, place) in [
        ("{gateway: {port: 1}}", "1:2: `gateway` is the operator's"),
        ("{multiTenant: {}}", "1:2: `multiTenant` is the operator's"),
        ("{env: {vars: {A: 'b'}}}", "1:2: `env` is the operator's"),
        (
            "{agents: {defaults: {workspace: '/etc'}}}",
            "1:22: `workspace` is the operator's",
        ),
        (
            "{agents: {entries: {a: {workspace: '../b'}}}}",
            "1:25: `workspace` is the operator's",
        ),
        (
            "{agents: {list: [{id: 'a', cwd: '/'}]}}",
            "1:28: `cwd` is the operator's",
        ),
        (
            "{agents: {defaults: {systemPrompt: '${OTHER}'}}}",
            "1:36: a user's configuration cannot refer to environment",
        ),
        (
            "{mcp: {servers: {s: {command: 'sh'}}}}",
            "1:22: `command` is the operator's",
        ),
        (
            "{mcp: {servers: {s: {url: 'http://10.0.0.1'}}}}",
            "1:18: tool servers are the operator's here",
        ),
        (
            "{models: {providers: {p: {baseUrl: 'http://evil'}}}}",
            "1:23: model providers are the operator's here",
        ),
        (
            "{agents: {defaults: {model: 7}}}",
            "1:29: `agents.defaults.model` is a number; it must be a text",
        ),
        ("{agents:", "1:1: this '{' is never closed"),
        ("[]", "1:1: the configuration must be an object"),
    ] {
        let said = of_user(text).unwrap_err();
        assert!(said.starts_with(&format!("openclaw.json:{place}")), "{text}: {said}");
        assert!(!said.contains("of the gateway"), "{said}");
    }
    let large = format!("{{ui: '{}'}}", "x".repeat(300_000));
    assert!(of_user(&large).unwrap_err().contains("up to 256 KiB"));
}

#[test]
fn no_key_of_the_operators_goes_where_a_user_says() {
    let (global, tenants) = global();
    let env = env(&[("KEY", "sk-1"), ("OPENAI_API_KEY", "sk-2")]);
    let with = |text: &str| tenants.base.with_user(&global, text, &env, Endpoints::Public);
    let said = with("{models: {providers: {p: {baseUrl: 'https://evil'}}}}").unwrap_err();
    assert!(
        said.message.contains("the model provider `p` is the operator's"),
        "{said}"
    );
    let own = with("{models: {providers: {openai: {baseUrl: 'https://evil', models: [{id: 'm'}]}}}}").unwrap();
    assert_eq!(own.models.providers["openai"].api_key, None);
    assert!(own.models.providers["openai"].public_only && !own.models.providers["p"].public_only);
}

#[test]
fn a_user_cannot_have_the_gateway_make_things_without_end() {
    let many = |what: fn(usize) -> String| (0..33).map(what).collect::<Vec<_>>().join(", ");
    for (text, said) in [
        (
            format!(
                "{{agents: {{entries: {{{}}}}}}}",
                many(|number| format!("a{number}: {{}}"))
            ),
            "`agents.entries` has 33 entries",
        ),
        (
            format!(
                "{{agents: {{list: [{}]}}}}",
                many(|number| format!("{{id: 'a{number}'}}"))
            ),
            "`agents.list` has 33 entries",
        ),
        (
            format!(
                "{{mcp: {{servers: {{{}}}}}}}",
                many(|number| format!("s{number}: {{url: 'https://x'}}"))
            ),
            "`mcp.servers` has 33 entries",
        ),
        (
            format!(
                "{{agents: {{defaults: {{model: {{primary: 'p/m', fallbacks: [{}]}}}}}}}}",
                many(|number| format!("'p/m{number}'"))
            ),
            "33 fallbacks",
        ),
    ] {
        let refused = check_user(&text, true).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn private_endpoints_are_of_users_who_may_name_any() {
    let with = |more: &str| {
        let text =
            format!("{{multiTenant: {{enabled: true, cloudBackendUrl: 'http://b', serviceToken: 's', {more}}}}}");
        config(&text, &[]).multi_tenant.expect("it is on").user_endpoints
    };
    assert_eq!(with(""), Endpoints::Operators);
    assert_eq!(with("userEndpoints: true"), Endpoints::Public);
    assert_eq!(with("userEndpoints: true, privateEndpoints: true"), Endpoints::Any);
    fails(
        "{multiTenant: {enabled: true, cloudBackendUrl: 'http://b', serviceToken: 's', privateEndpoints: true}}",
        &[],
        "openclaw.json:1:97: `multiTenant.privateEndpoints` needs `userEndpoints`, which is off",
    );
}

#[test]
fn where_endpoints_are_allowed_secrets_of_others_are_not() {
    let provider = "{models: {providers: {mine: {baseUrl: 'https://x', apiKey: 'k'}}}}";
    assert!(check_user(provider, true).is_ok());
    let stolen = "{models: {providers: {mine: {baseUrl: 'https://x', apiKey: {source: 'file', id: '/k'}}}}}";
    let said = check_user(stolen, true).unwrap_err().to_string();
    assert!(said.contains("cannot refer to secrets"), "{said}");
}
