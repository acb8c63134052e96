//! Mistakes are pointed at.

use crate::{fails, warns, warns_in};

#[test]
fn unknown_keys_are_pointed_at() {
    warns(
        "{\n  gateway: {\n    prot: 1,\n    colour: 'red',\n  },\n  getaway: {},\n  x: 1,\n}",
        &[
            "3:5: unknown key `gateway.prot`; did you mean `gateway.port`?",
            "4:5: unknown key `gateway.colour`; it has no effect",
            "6:3: unknown key `getaway`; did you mean `gateway`?",
            "7:3: unknown key `x`; it has no effect",
        ],
    );
    warns(
        "{agents: {defaults: {modell: 'x', model: {primry: 'x'}}, entries: {a: {nmae: 'x'}}}}",
        &[
            "1:22: unknown key `agents.defaults.modell`; did you mean `agents.defaults.model`?",
            "1:43: unknown key `agents.defaults.model.primry`; did you mean `agents.defaults.model.primary`?",
            "1:72: unknown key `agents.entries.a.nmae`; did you mean `agents.entries.a.name`?",
        ],
    );
    warns(
        "{models: {providers: {p: {baseUrl: 'http://x', apikey: 'k', models: [{id: 'm', maxToken: 1}]}}},\n\
         mcp: {servers: {s: {command: 'c', argv: []}}}, session: {dmscope: 'main'}, logging: {levl: 'info'}}",
        &[
            "1:48: unknown key `models.providers.p.apikey`; did you mean `models.providers.p.apiKey`?",
            "1:80: unknown key `models.providers.p.models[0].maxToken`; did you mean `models.providers.p.models[0].maxTokens`?",
            "2:35: unknown key `mcp.servers.s.argv`; did you mean `mcp.servers.s.args`?",
            "2:58: unknown key `session.dmscope`; did you mean `session.dmScope`?",
            "2:86: unknown key `logging.levl`; did you mean `logging.level`?",
        ],
    );
}

/// Who wrote a file of nothing else need not be told of all of it, nor wait for it.
#[test]
fn of_many_unknown_keys_the_first_are_told() {
    let keys: String = (0..20_000).map(|key| format!("k{key}:1,\n")).collect();
    let mut expected: Vec<String> = (0..100)
        .map(|key| format!("{}:1: unknown key `k{key}`; it has no effect", key + 2))
        .collect();
    expected.push("102:1: there is more to warn of than the 100 that are told".to_owned());
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    warns(&format!("{{\n{keys}}}"), &expected);
}

#[test]
fn wrong_values_are_pointed_at() {
    for (text, expected) in [
        ("[]", "1:1: the configuration must be an object, {…}, not a list"),
        (
            "{\n  gateway: 1}",
            "2:12: `gateway` is a number; it must be an object, {…}",
        ),
        (
            "{gateway: {port: '80'}}",
            "1:18: `gateway.port` is a string; it must be a whole number",
        ),
        (
            "{gateway: {port: 70000}}",
            "1:18: `gateway.port` is 70000; it must be a whole number from 1 to 65535",
        ),
        (
            "{gateway: {port: 1.5}}",
            "1:18: `gateway.port` is 1.5; it must be a whole number from 1 to 65535",
        ),
        (
            "{gateway: {port: null}}",
            "1:18: `gateway.port` is null; it must be a whole number",
        ),
        (
            "{gateway: {tls: {enabled: true}}}",
            "1:27: `gateway.tls.enabled` is true, and the native runtime speaks no TLS: put a proxy that does before it",
        ),
        (
            "{gateway: {mode: 'remote'}}",
            "1:18: `gateway.mode` must be \"local\": a gateway that runs here is local",
        ),
        (
            "{gateway: {auth: {mode: 'tokn'}}}",
            "1:25: `gateway.auth.mode` is \"tokn\"; it must be one of \"none\", \"token\", \"password\"; did you mean \"token\"?",
        ),
        (
            "{gateway: {auth: {token: 5}}}",
            "1:26: `gateway.auth.token` is a number; it must be a text, or a reference {source, provider, id}",
        ),
        (
            "{gateway: {bind: 'everywhere'}}",
            "1:18: `gateway.bind` is \"everywhere\"; it must be \"loopback\", \"lan\", or an IP address such as 0.0.0.0",
        ),
        (
            "{gateway: {rateLimit: 'often'}}",
            "1:23: `gateway.rateLimit` is \"often\"; write it like \"200/minute\" (or /second, /hour), or \"off\"",
        ),
        (
            "{gateway: {http: {endpoints: {chatCompletions: {enabled: 'yes'}}}}}",
            "1:58: `gateway.http.endpoints.chatCompletions.enabled` is a string; it must be true or false",
        ),
        (
            "{agents: {list: {}}}",
            "1:17: `agents.list` is an object; it must be a list, […]",
        ),
        (
            "{agents: {list: [{name: 'x'}]}}",
            "1:18: `agents.list[0].id` is missing: an agent needs one",
        ),
        (
            "{agents: {defaults: {model: 4}}}",
            "1:29: `agents.defaults.model` is a number; it must be a text",
        ),
        (
            "{agents: {defaults: {model: {fallbacks: ['a', 1]}}}}",
            "1:47: `agents.defaults.model.fallbacks[1]` is a number; it must be a text",
        ),
        (
            "{models: {providers: {p: {}}}}",
            "1:26: `models.providers.p.baseUrl` is missing: where is this provider?",
        ),
        (
            "{models: {providers: {p: {baseUrl: 'x.com'}}}}",
            "1:36: `models.providers.p.baseUrl` must begin with http:// or https://",
        ),
        (
            "{models: {providers: {p: {baseUrl: 'http://'}}}}",
            "1:36: `models.providers.p.baseUrl` names no server",
        ),
        (
            "{models: {providers: {p: {baseUrl: 'http://x', apiKey: 'a\\nb'}}}}",
            "1:56: `models.providers.p.apiKey` has characters that no HTTP header may have, such as a line break",
        ),
        (
            "{models: {providers: {p: {baseUrl: 'http://x', headers: {'a b': 'c'}}}}}",
            "1:65: `models.providers.p.headers.a b` cannot name a header",
        ),
        (
            "{models: {providers: {'a/b': {baseUrl: 'http://x'}}}}",
            "1:30: `models.providers.a/b` has a slash in its name, which ends a provider's; give it another",
        ),
        (
            "{models: {providers: {openclaw: {baseUrl: 'http://x'}}}}",
            "1:33: `models.providers.openclaw` has a name that stands for the agents (`openclaw/ID`); give it another",
        ),
        (
            "{mcp: {servers: {s: {url: 'http://a b'}}}}",
            "1:27: `mcp.servers.s.url` has a blank in it, which no address has",
        ),
        (
            "{mcp: {servers: {s: {url: 'http://x', headers: {A: 'b\\r'}}}}}",
            "1:52: `mcp.servers.s.headers.A` has characters that no HTTP header may have, such as a line break",
        ),
        (
            "{models: {providers: {p: {baseUrl: 'http://x', models: [{}]}}}}",
            "1:57: `models.providers.p.models[0].id` is missing: a model needs one",
        ),
        (
            "{mcp: {servers: {s: {}}}}",
            "1:21: `mcp.servers.s.command` is missing, and so is `url`: give one of them",
        ),
        (
            "{mcp: {servers: {s: {command: 'a', url: 'b'}}}}",
            "1:41: `mcp.servers.s.url` and `command` exclude each other: give one of them",
        ),
        (
            "{session: {dmScope: 'per-per'}}",
            "1:21: `session.dmScope` is \"per-per\"; it must be one of \"main\", \"per-peer\", \"per-channel-peer\", \"per-account-channel-peer\"; did you mean \"per-peer\"?",
        ),
        (
            "{$include: './x.json'}",
            "1:12: `$include` is not read by the native runtime; put what it includes into this file",
        ),
    ] {
        fails(text, &[], &format!("openclaw.json:{expected}"));
    }
}

#[test]
fn wrong_variables_are_named() {
    for (name, value, expected) in [
        (
            "OPENCLAW_GATEWAY_PORT",
            "eighty",
            "is \"eighty\"; it must be a port, 0 to 65535",
        ),
        (
            "GATEWAY_AUTH_MODE",
            "open",
            "is \"open\"; it must be one of \"none\", \"token\", \"password\"",
        ),
        ("GATEWAY_CONCURRENT_CONNECTIONS", "0", "is 0; it must be at least 1"),
        (
            "GATEWAY_WEBSOCKET_TIMEOUT",
            "1h",
            "is \"1h\"; it must be a whole number of milliseconds of at least 1",
        ),
    ] {
        fails("{}", &[(name, value)], &format!("environment: {name} {expected}"));
    }
}

#[test]
fn a_key_that_the_environment_overrules_is_a_warning_at_its_place() {
    let text = "{gateway: {\n  port: 1234,\n  bind: 'lan',\n  auth: {mode: 'none', token: 'other', password: ''},\n}}";
    let env = [
        ("OPENCLAW_GATEWAY_PORT", "18790"),
        ("OPENCLAW_GATEWAY_BIND", "loopback"),
        ("GATEWAY_AUTH_MODE", "token"),
        ("OPENCLAW_GATEWAY_TOKEN", "secret"),
        ("OPENCLAW_GATEWAY_PASSWORD", "secret too"),
    ];
    let first = |key: &str, name: &str| format!("`{key}` has no effect: the environment's {name} goes before it");
    warns_in(
        text,
        &env,
        &[
            &format!("2:9: {}", first("gateway.port", "OPENCLAW_GATEWAY_PORT")),
            &format!("3:9: {}", first("gateway.bind", "OPENCLAW_GATEWAY_BIND")),
            &format!("4:16: {}", first("gateway.auth.mode", "GATEWAY_AUTH_MODE")),
            &format!("4:31: {}", first("gateway.auth.token", "OPENCLAW_GATEWAY_TOKEN")),
        ],
    );
    // The same said twice is no contradiction.
    let same = "{gateway: {port: 18790, bind: 'loopback', auth: {mode: 'token', token: '${OPENCLAW_GATEWAY_TOKEN}'}}}";
    warns_in(same, &env, &[]);
    // Nor is the usual port, which templates carry.
    warns_in("{gateway: {port: 18789, token: ''}}", &env, &[]);
}
