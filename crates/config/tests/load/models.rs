//! Providers, models, agents and tools.

use creel_config::{Api, Secret};

use crate::{config, loaded, warns};

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
fn a_model_of_nobody_is_a_warning_at_its_place() {
    let text = "{
  models: {providers: {a: {baseUrl: 'http://a'}, b: {baseUrl: 'http://b'}}},
  agents: {
    defaults: {model: {primary: 'a/1', fallbacks: ['c/1', 'b/1']}},
    entries: {x: {model: 'gpt'}},
  },
}";
    warns(
        text,
        &[
            "4:52: `agents.defaults.model.fallbacks[0]`: model \"c/1\" is of no configured provider; there are a, b",
            "5:26: `agents.entries.x.model`: model \"gpt\" is of no configured provider; there are a, b",
        ],
    );
    let found = loaded(
        "{models: {providers: {a: {baseUrl: 'http://a'}}}}",
        &[("MODEL_NAME", "c/1")],
    );
    assert!(found.warnings[0].message.contains("MODEL_NAME"), "{found:?}");
    // With no provider at all the demo answers to every name.
    config("{agents: {defaults: {model: 'gpt-4'}}}", &[]);
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
