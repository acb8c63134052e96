//! Tokens, variables, and doors that stay shut.

use creel_config::{AuthMode, Secret, check};
use tempfile::TempDir;

use crate::{config, env, fails, origin};

#[test]
fn a_door_is_never_left_open() {
    fails(
        "{\n  gateway: {bind: 'lan'}}",
        &[],
        "openclaw.json:2:12: the gateway would listen on 0.0.0.0 for everybody, with no token; set gateway.auth.token or \
         OPENCLAW_GATEWAY_TOKEN, or bind to \"loopback\"",
    );
    fails(
        "{gateway: {bind: '192.0.2.1', auth: {mode: 'none', token: 't'}}}",
        &[],
        "openclaw.json:1:11: the gateway would listen on 192.0.2.1 for everybody, with no token; set gateway.auth.token or \
         OPENCLAW_GATEWAY_TOKEN, or bind to \"loopback\"",
    );
    fails(
        "{gateway: {auth: {mode: 'token', token: ' '}}}",
        &[],
        "openclaw.json:1:11: gateway.auth.mode is \"token\", but there is no token; set gateway.auth.token or OPENCLAW_GATEWAY_TOKEN",
    );
    assert!(
        check("{}", origin(), &env(&[("GATEWAY_AUTH_MODE", "password")]))
            .unwrap_err()
            .message
            .contains("no password")
    );
    assert!(check("{}", origin(), &env(&[("GATEWAY_BIND", "lan")])).is_err());
    assert_eq!(
        config("{gateway: {token: 'old', bind: 'lan'}}", &[]).gateway.auth.mode,
        AuthMode::Token
    );
    assert_eq!(
        config("{gateway: {auth: {password: 'p'}}}", &[]).gateway.auth.mode,
        AuthMode::Password
    );
    assert_eq!(
        config("{gateway: {bind: 'custom', customBindHost: '127.0.0.3'}}", &[])
            .gateway
            .bind
            .address()
            .to_string(),
        "127.0.0.3"
    );
}

#[test]
fn variables_in_texts() {
    let text = "{gateway: {auth: {token: 'x-${T}'}}, env: {vars: {U: 'inline', T: 'not this'}},\n\
                agents: {defaults: {model: '${U}/$${T}', systemPrompt: '${lower}'}}}";
    let config = crate::loaded(text, &[("T", "secret")]).config;
    assert_eq!(config.gateway.auth.token, Some(Secret::from("x-secret")));
    assert_eq!(config.agents.defaults.model.as_deref(), Some("inline/${T}"));
    assert_eq!(config.agents.defaults.system_prompt.as_deref(), Some("${lower}"));
    fails(
        "{gateway: {auth: {token: '${NOPE}'}}}",
        &[],
        "openclaw.json:1:26: `gateway.auth.token` needs the environment variable NOPE, which is not set",
    );
}

#[test]
fn secrets_are_followed_and_never_shown() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("s.json"), "{a: {'b/c': 'top-secret'}}").unwrap();
    std::fs::write(dir.path().join("one"), "single-secret\n").unwrap();
    let text = |reference: &str| {
        format!(
            "{{gateway: {{auth: {{token: {reference}}}}}, secrets: {{providers: {{
            f: {{source: 'file', path: 's.json', mode: 'json'}}, one: {{source: 'file', path: '{}/one', mode: 'singleValue'}}}},
            defaults: {{file: 'f'}}}}}}",
            dir.path().display()
        )
    };
    let path = dir.path().join("openclaw.json");
    let token = |reference: &str| check(&text(reference), &path, &env(&[("T", "env-secret")]));
    for (reference, expected) in [
        ("{source: 'env', provider: 'default', id: 'T'}", "env-secret"),
        ("{source: 'file', provider: 'f', id: '/a/b~1c'}", "top-secret"),
        ("{source: 'file', provider: 'default', id: '/a/b~1c'}", "top-secret"),
        ("{source: 'file', provider: 'one', id: 'value'}", "single-secret"),
    ] {
        let loaded = token(reference).unwrap();
        assert_eq!(loaded.config.gateway.auth.token.as_ref().unwrap().expose(), expected);
        assert!(!format!("{loaded:?}").contains("-secret"));
    }
    for (reference, expected) in [
        (
            "{source: 'env', id: 'NOPE'}",
            "needs the environment variable NOPE, which is not set",
        ),
        (
            "{source: 'file', provider: 'g', id: '/a'}",
            "names the secret provider \"g\", which `secrets.providers` does not define",
        ),
        ("{source: 'file', provider: 'f', id: '/x'}", "where no text is"),
        (
            "{source: 'exec', provider: 'v', id: 'x'}",
            "uses a secret of the source \"exec\", which the native runtime does not have",
        ),
        ("{source: 'vault', id: 'x'}", "has the unknown source \"vault\""),
        (
            "{id: 'x'}",
            "must be a text, or a reference with source, provider and id",
        ),
    ] {
        let error = token(reference).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("openclaw.json:1:26: `gateway.auth.token` "),
            "{error}"
        );
        assert!(error.message.contains(expected), "{error}");
    }
    std::fs::write(dir.path().join("s.json"), "{a: top-secret}").unwrap();
    let error = token("{source: 'file', provider: 'f', id: '/a'}").unwrap_err();
    assert!(
        error.message.ends_with("s.json, which is broken at line 1, column 5"),
        "{error}"
    );
}

#[test]
fn a_file_of_secrets_that_never_ends_holds_nobody() {
    let dir = TempDir::new().unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    std::os::unix::fs::symlink(&pipe, dir.path().join("link")).unwrap();
    std::fs::write(dir.path().join("large"), "x".repeat(2 << 20)).unwrap();
    for (path, problem) in [
        ("pipe", "it is no regular file"),
        ("link", "it is no regular file"),
        ("/dev/zero", "it is no regular file"),
        (".", "it is no regular file"),
        ("large", "it is larger than 1 MiB"),
        ("none", "No such file or directory"),
    ] {
        let text = format!(
            "{{gateway: {{auth: {{token: {{source: 'file', id: 'value'}}}}}}, secrets: {{providers: {{
            default: {{path: '{path}', mode: 'singleValue'}}}}}}}}"
        );
        let error = check(&text, &dir.path().join("openclaw.json"), &env(&[])).unwrap_err();
        assert!(error.to_string().contains(problem), "{path}: {error}");
    }
}
