//! Providers, models, agents and tools.

use creel_config::{Api, Secret};

use crate::{config, warns, warns_in};

#[test]
fn keys_in_the_environment_make_providers() {
    let found = config(
        "{}",
        &[
            ("OPENAI_API_KEY", "sk-o"),
            ("ANTHROPIC_API_KEY", "sk-a"),
            ("ANTHROPIC_BASE_URL", "http://proxy/"),
        ],
    );
    assert_eq!(found.agents.defaults.model.as_deref(), Some("openai/gpt-4o-mini"));
    let openai = &found.models.providers["openai"];
    assert_eq!(
        (openai.base_url.as_str(), openai.api),
        ("https://api.openai.com/v1", Api::OpenaiCompletions)
    );
    assert_eq!(openai.api_key, Some(Secret::from("sk-o")));
    let anthropic = &found.models.providers["anthropic"];
    assert_eq!(
        (anthropic.base_url.as_str(), anthropic.api),
        ("http://proxy", Api::AnthropicMessages)
    );

    let only = config("{}", &[("ANTHROPIC_API_KEY", "sk-a")]);
    assert_eq!(
        only.agents.defaults.model.as_deref(),
        Some("anthropic/claude-sonnet-4-6")
    );
    let seed = config(
        "{}",
        &[
            ("OPENROUTER_API_KEY", "sk"),
            ("MODEL_NAME", "openrouter/stepfun/step-3.5-flash:free"),
        ],
    );
    let (name, _, model) = seed.models.resolve("openrouter/stepfun/step-3.5-flash:free").unwrap();
    assert_eq!((name, model), ("openrouter", "stepfun/step-3.5-flash:free"));
}

#[test]
fn the_environment_only_completes_providers_of_the_file() {
    let text =
        "{models: {providers: {openai: {baseUrl: 'http://own/v1', models: [{id: 'm'}]}, anthropic: {apiKey: 'file'}}}}";
    let found = config(
        text,
        &[
            ("OPENAI_API_KEY", "sk-o"),
            ("OPENAI_BASE_URL", "http://not/v1"),
            ("ANTHROPIC_API_KEY", "sk-a"),
        ],
    );
    let (openai, anthropic) = (&found.models.providers["openai"], &found.models.providers["anthropic"]);
    assert_eq!(
        (openai.base_url.as_str(), openai.api_key.as_ref().unwrap().expose()),
        ("http://own/v1", "sk-o")
    );
    assert_eq!(
        (anthropic.api, anthropic.api_key.as_ref().unwrap().expose()),
        (Api::AnthropicMessages, "file")
    );
    assert_eq!(found.agents.defaults.model.as_deref(), Some("openai/m"));
    let marker = config(
        "{models: {providers: {p: {baseUrl: 'http://x', apiKey: 'P_KEY'}}}}",
        &[("P_KEY", "sk-p")],
    );
    assert_eq!(marker.models.providers["p"].api_key, Some(Secret::from("sk-p")));
}

#[test]
fn what_native_does_not_speak_is_left_out_with_a_warning() {
    warns(
        "{models: {providers: {g: {baseUrl: 'http://x', api: 'google-generative-ai'}}}, mcp: {servers: {s: {url: 'http://x', transport: 'sse'}}}}",
        &[
            "1:53: `models.providers.g.api` is a protocol that the native runtime does not speak; the provider is left out",
            "1:128: `mcp.servers.s.transport` is \"sse\", which the native runtime does not speak; the server is left out",
        ],
    );
}

#[test]
fn models_are_found_by_any_name_that_is_plain() {
    let text = "{models: {providers: {a: {baseUrl: 'http://a', models: [{id: 'x'}]}, b: {baseUrl: 'http://b', models: [{id: 'y/z'}]}}}}";
    let models = config(text, &[]).models;
    let found = |name: &'static str| {
        models
            .resolve(name)
            .map(|(id, _, model)| (id.to_owned(), model.to_owned()))
    };
    assert_eq!(found("b/other"), Some(("b".into(), "other".into())));
    assert_eq!(found("x"), Some(("a".into(), "x".into())));
    assert_eq!(found("y/z"), Some(("b".into(), "y/z".into())));
    assert_eq!(found("unknown"), None);
    let one = config("{models: {providers: {a: {baseUrl: 'http://a'}}}}", &[]).models;
    assert_eq!(
        one.resolve("unknown").map(|(id, _, model)| (id, model)),
        Some(("a", "unknown"))
    );
    // The part before the slash is a provider's name, and there is none of it.
    assert_eq!(one.resolve("b/unknown"), None);
}

#[test]
fn plain_names_are_asked_of_whose_they_are() {
    let keys = [("OPENAI_API_KEY", "sk-o"), ("ANTHROPIC_API_KEY", "sk-a")];
    let found = |vars: &[(&str, &str)], name: &'static str| {
        let models = config("{}", vars).models;
        models.resolve(name).map(|(id, _, model)| format!("{id}/{model}"))
    };
    for (name, whose) in [
        ("gpt-4", Some("openai/gpt-4")),
        ("o3-mini", Some("openai/o3-mini")),
        ("chatgpt-4o-latest", Some("openai/chatgpt-4o-latest")),
        ("claude-opus-4-1", Some("anthropic/claude-opus-4-1")),
        ("ours", None),
        ("", None),
    ] {
        assert_eq!(found(&keys, name).as_deref(), whose, "{name}");
    }
    let (openai, anthropic) = (&keys[..1], &keys[1..]);
    assert_eq!(found(anthropic, "gpt-4"), None, "it is not Anthropic's");
    assert_eq!(found(openai, "claude-opus-4-1"), None);
    assert_eq!(found(openai, "new-one").as_deref(), Some("openai/new-one"));
    let proxy = [
        ("OPENAI_API_KEY", "sk-o"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:4000/v1"),
    ];
    let behind_it = found(&proxy, "claude-opus-4-1");
    assert_eq!(
        behind_it.as_deref(),
        Some("openai/claude-opus-4-1"),
        "a proxy may have it"
    );
    let listing = "{models: {providers: {a: {baseUrl: 'http://a', models: [{id: 'm1'}]}}}}";
    let models = config(listing, &[]).models;
    assert_eq!(models.resolve("m2"), None, "it lists what it has");
    assert!(models.resolve("a/m2").is_some(), "but may be asked for more");
}

#[test]
fn a_model_of_nobody_is_a_warning_at_its_place() {
    let text = "{
  models: {providers: {a: {baseUrl: 'http://a'}, b: {baseUrl: 'http://b'}}},
  agents: {
    defaults: {model: {primary: 'a/1', fallbacks: ['c/1', 'b/1']}},
    entries: {x: {model: 'gpt'}, y: {model: {primary: 'gpt', fallbacks: ['d/1', 'b/2']}}},
  },
}";
    warns(
        text,
        &[
            "4:52: `agents.defaults.model.fallbacks[0]`: model \"c/1\" is of no configured provider (there are a, b); it is not tried",
            "5:26: `agents.entries.x.model`: model \"gpt\" is of no configured provider (there are a, b); \
             nobody answers: name one as provider/model",
            "5:55: `agents.entries.y.model.primary`: model \"gpt\" is of no configured provider (there are a, b); b/2 answers instead",
            "5:74: `agents.entries.y.model.fallbacks[0]`: model \"d/1\" is of no configured provider (there are a, b); it is not tried",
        ],
    );
}

#[test]
fn who_answers_instead_is_said_once() {
    let seed = "{agents: {defaults: {model: 'gpt-4'}}}";
    let anthropic = [("ANTHROPIC_API_KEY", "sk-a")];
    let instead = "model \"gpt-4\" is of no configured provider (there are anthropic); anthropic/claude-sonnet-4-6 answers instead";
    warns_in(
        seed,
        &anthropic,
        &[&format!("1:29: `agents.defaults.model`: {instead}")],
    );
    let named = [("ANTHROPIC_API_KEY", "sk-a"), ("MODEL_NAME", "gpt-4")];
    warns_in(seed, &named, &[&format!("1:1: environment: MODEL_NAME: {instead}")]);
    config(seed, &[("OPENAI_API_KEY", "sk-o")]);
    let demo = "{agents: {defaults: {model: 'demo/demo'}}}";
    let instead = "is of no configured provider (there are openai); openai/gpt-4o-mini answers instead";
    let key = [("OPENAI_API_KEY", "sk-o")];
    let expected = format!("1:29: `agents.defaults.model`: model \"demo/demo\" {instead}");
    warns_in(demo, &key, &[&expected]);
    let models = config("{}", &key).models;
    let (provider, _, model) = &models.chain(Some("demo/demo"), &[])[0];
    assert_eq!((*provider, &**model), ("openai", "gpt-4o-mini"));
}

#[test]
fn with_no_provider_a_provider_that_was_forgotten_is_named() {
    // The demo answers to every plain name, and to its own.
    config("{agents: {defaults: {model: 'gpt-4'}}}", &[]);
    config("{agents: {defaults: {model: 'demo/demo'}}}", &[]);
    let demo = "is of no configured provider (there is none); the built-in demo answers, which is no model";
    warns(
        "{agents: {defaults: {model: 'openai/gpt-4'}}}",
        &[&format!("1:29: `agents.defaults.model`: model \"openai/gpt-4\" {demo}")],
    );
    warns_in(
        "{}",
        &[("MODEL_NAME", "openrouter/x/y")],
        &[&format!(
            "1:1: environment: MODEL_NAME: model \"openrouter/x/y\" {demo}"
        )],
    );
}

#[test]
fn a_channel_that_nobody_serves_is_a_warning_at_its_place() {
    let no_answer = "is not served by the native runtime: messages there get no answer";
    warns(
        "{channels: {\n  feishu: {appId: 'x'}, webchat: {},\n  telegram: {enabled: false}, defaults: {},\n}}",
        &[&format!("2:3: channel `channels.feishu` {no_answer}")],
    );
    warns(
        "{channels: [{type: 'feishu'}]}",
        &[&format!("1:13: channel `channels[0]` {no_answer}")],
    );
    config("{channels: []}", &[]);
}

#[test]
fn legacy_agents_are_read_and_entries_beat_them() {
    let text = "{agents: {list: [{id: 'a', name: 'old'}, {id: 'b', model: {primary: 'm', fallbacks: []}}], entries: {a: {name: 'new'}}}}";
    let agents = config(text, &[]).agents;
    assert_eq!(agents.entries["a"].name.as_deref(), Some("new"));
    assert_eq!(
        (agents.entries["b"].model.as_deref(), &agents.entries["b"].fallbacks),
        (Some("m"), &Some(vec![]))
    );
}

#[test]
fn what_is_known_but_not_done_is_said_where_it_stands() {
    warns(
        "{
  gateway: {ha: {enabled: true}, lock: {type: 'file'}, auth: {rateLimit: {max: 3}}, http: {securityHeaders: {hsts: 1}}},
  agents: {defaults: {compaction: {mode: 'safeguard'}, sandbox: {mode: 'all', docker: {image: 'x'}}}, entries: {x: {default: true}}},
  session: {dmScope: 'per-peer', reset: {mode: 'daily'}},
  tools: {deny: ['exec']}, models: {mode: 'replace'}, env: {shellEnv: {enabled: true}},
  mcp: {servers: {s: {command: 'c', sslVerify: false, oauth: {x: 1}}}},
  storage: {type: 's3'}, hooks: {enabled: true},
}",
        &[
            "2:13: `gateway.ha` has no effect on the native gateway (yet)",
            "2:34: `gateway.lock` has no effect on the native gateway (yet)",
            "2:63: `gateway.auth.rateLimit` has no effect on the native gateway (yet)",
            "2:92: `gateway.http.securityHeaders` has no effect on the native gateway (yet)",
            "3:23: `agents.defaults.compaction` has no effect on the native gateway (yet)",
            "3:72: `agents.defaults.sandbox.mode` does not hold for MCP servers: they run beside the native gateway, with its rights",
            "3:79: `agents.defaults.sandbox.docker` has no effect on the native gateway (yet)",
            "3:126: `agents.entries.x.default` has no effect on the native gateway (yet)",
            "4:22: `session.dmScope` sorts the direct messages of channels, and the native gateway serves none (yet)",
            "4:34: `session.reset` has no effect on the native gateway (yet)",
            "5:11: `tools.deny` has no effect on the native gateway (yet)",
            "5:43: `models.mode` has no effect on the native gateway (yet)",
            "5:71: `env.shellEnv` has no effect on the native gateway (yet)",
            "6:37: `mcp.servers.s.sslVerify` has no effect on the native gateway (yet)",
            "6:55: `mcp.servers.s.oauth` has no effect on the native gateway (yet)",
            "7:3: `storage` has no effect on the native gateway (yet)",
            "7:26: `hooks` has no effect on the native gateway (yet)",
        ],
    );
    // It asks for nothing, or for what is so anyway.
    config(
        "{hooks: {}, cron: {enabled: false}, plugins: [], tools: {defaults: ['*']}, models: {mode: 'merge'}, \
         agents: {defaults: {sandbox: {mode: 'non-main', scope: 'agent'}}, entries: {main: {default: true}}}}",
        &[],
    );
}
