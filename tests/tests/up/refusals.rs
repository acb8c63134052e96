//! What the command line says when it cannot do what was asked: one line on standard error, and an exit code.

use std::process::Output;

use creel_tests::stranger::Stranger;
use creel_tests::up::{Builder, Up};
use serde_json::Value;

/// The one line that was said, and the exit code.
#[track_caller]
fn refusal(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.stdout.is_empty() && said.lines().count() == 1, "{output:?}");
    (output.status.code(), said.trim_end().to_owned())
}

#[tokio::test]
async fn a_slip_gets_one_line_with_what_was_meant() {
    let creel = Up::builder();
    for (arguments, said) in [
        (
            &["instanc", "list"] as &[&str],
            "creel: there is no command `creel instanc`; did you mean instance? see `creel --help`",
        ),
        (
            &["instance", "create", "--chanel", "feishu", "a"],
            "creel: unexpected argument --chanel; did you mean --channel? see `creel instance create --help`",
        ),
        (
            &["help", "nothing"],
            "creel: there is no command `creel nothing`; see `creel --help`",
        ),
        (
            &["up", "--console", "8000"],
            "creel: --console is \"8000\": give an IP address and a port, such as 127.0.0.1:8000",
        ),
    ] {
        assert_eq!(refusal(&creel.creel(arguments).await), (Some(2), said.to_owned()));
    }
}

#[tokio::test]
async fn machines_are_told_in_json() {
    let creel = Up::builder();
    for arguments in [
        &["--json", "instanc"] as &[&str],
        &["instance", "create", "--json"],
        &["--json"],
        &["instance", "--json"],
    ] {
        let (code, said) = refusal(&creel.creel(arguments).await);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((code, &said["code"]), (Some(2), &2.into()));
        assert!(
            said["error"].as_str().is_some_and(|error| error.contains("see `creel")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_bad_variable_is_named_itself() {
    for (name, value, arguments) in [
        ("CREEL_NATIVE_MEMORY", "much", &["up"] as &[&str]),
        ("CREEL_URL", "foo", &["instance", "list"]),
        ("CREEL_URL", "ftp://127.0.0.1:8000", &["instance", "logs", "-f", "a"]),
        ("CREEL_TOKEN", "two\nlines", &["instance", "list"]),
        ("CREEL_TIMEOUT", "soon", &["instance", "list"]),
        ("OPENCLAW_PROFILE", "../x", &["gateway", "status"]),
        ("GATEWAY_BIND", "moon", &["gateway", "run"]),
    ] {
        let creel = Up::builder().env("CREEL_TOKEN", "x").env(name, value);
        let (code, said) = refusal(&creel.creel(arguments).await);
        assert!(code == Some(2) && said.contains(name), "{code:?} {said}");
        assert!(!said.contains("openclaw.json"), "{said}");
    }
}

#[tokio::test]
async fn a_start_that_fails_changes_nothing() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let creel = Up::builder();
    let in_use = |option: &str| format!("creel: {address} is in use by another program; choose another with {option}");
    for (console, llm, said) in [
        ("127.0.0.1:0", &*address, in_use("--llm")),
        (&*address, "127.0.0.1:0", in_use("--console")),
    ] {
        let failed = creel.creel(&["up", "--console", console, "--llm", llm]).await;
        assert_eq!(refusal(&failed), (Some(2), said));
        assert!(!creel.home().exists(), "no home is made");
    }
    for (name, value) in [("CREEL_DATABASE_URL", "moon"), ("OPENAI_BASE_URL", "moon")] {
        let failed = creel
            .clone()
            .env(name, value)
            .creel(&["up", "--console", "127.0.0.1:0"])
            .await;
        assert_eq!(refusal(&failed).0, Some(2), "{name}");
        assert!(!creel.home().exists(), "no home is made: {name}");
    }
    let up = creel.start().await;
    up.log().line_with("  Password  ").await;
    let noted = std::fs::read_to_string(up.home().join("console.url")).unwrap();
    let creel = up.kill().await;
    let failed = creel
        .creel(&["up", "--console", "127.0.0.1:0", "--llm", &address])
        .await;
    assert_eq!(refusal(&failed), (Some(2), in_use("--llm")));
    let after = std::fs::read_to_string(creel.home().join("console.url")).unwrap();
    assert_eq!(after, noted, "commands are sent where they were");
}

#[tokio::test]
async fn a_name_that_would_be_another_path_is_asked_of_nobody() {
    let up = Up::start().await;
    for arguments in [
        &["instance", "show", ".."] as &[&str],
        &["instance", "rm", "", "--purge"],
        &["instance", "logs", ".", "-f"],
        &["user", "rm", ".."],
        &["instance", "config", "get", ""],
    ] {
        let (code, said) = refusal(&up.creel(arguments).await);
        assert!(code == Some(2) && said.contains("\" is the name of nothing"), "{said}");
    }
}

#[tokio::test]
async fn whoever_types_the_name_alone_is_shown_what_there_is() {
    // A variable that stands for an option is set here.
    let output = Up::builder().creel(&[]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(said.contains("Usage: creel") && said.contains("  up "), "{said}");
    assert!(!said.contains("sandbox-exec"), "{said}");
}

/// `creel instance …` where this is at the other end.
async fn asked(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    refusal(&at(url).creel(arguments).await)
}

fn at(url: &str) -> Builder {
    Up::builder().env("CREEL_TOKEN", "x").env("CREEL_URL", url)
}

#[tokio::test]
async fn a_backend_that_takes_requests_and_is_silent_is_given_up() {
    let silent = Stranger::silent().await;
    for arguments in [
        &["instance", "list"] as &[&str],
        &["instance", "start", "a"],
        &["instance", "logs", "a", "-f"],
    ] {
        let (code, said) = refusal(&at(&silent.url()).env("CREEL_TIMEOUT", "1").creel(arguments).await);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&silent.url()) && said.contains("CREEL_TIMEOUT"), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_creel_is_said_to_be_none() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ] {
        let stranger = Stranger::saying(answer).await;
        let (code, said) = asked(&stranger.url(), &["instance", "list"]).await;
        assert!(
            code == Some(1) && said.contains("set CREEL_URL to the console's address"),
            "{said}"
        );
        let (code, said) = asked(&stranger.url(), &["instance", "logs", "-f", "a"]).await;
        assert!(
            code == Some(1) && said.contains("set CREEL_URL to the console's address"),
            "{said}"
        );
    }
    let noise = Stranger::saying("220 mail.example.com ESMTP\r\n").await;
    let (code, said) = asked(&noise.url(), &["instance", "list"]).await;
    assert!(code == Some(1) && said.contains("set CREEL_URL"), "{said}");
}

#[tokio::test]
async fn nobody_at_the_address_is_said_with_the_reason() {
    let (code, said) = asked("http://127.0.0.1:9", &["instance", "list"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("refused") && said.contains("creel up"), "{said}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_said_to_be_from_where() {
    let up = Up::start().await;
    let creel = Up::builder_of(&up).env("CREEL_URL", up.url());
    let (code, said) = refusal(
        &creel
            .clone()
            .env("CREEL_TOKEN", "wrong")
            .creel(&["instance", "list"])
            .await,
    );
    assert!(
        code == Some(1) && said.ends_with("the token was read from CREEL_TOKEN"),
        "{said}"
    );
    let file = up.home().join("secrets/admin-token");
    std::fs::write(&file, "of-another-home\n").unwrap();
    let (code, said) = refusal(&creel.creel(&["instance", "list"]).await);
    assert!(
        code == Some(1) && said.ends_with(&format!("read from {}", file.display())),
        "{said}"
    );
}

#[tokio::test]
async fn completions_are_scripts_of_their_shells() {
    let creel = Up::builder();
    for (shell, part) in [
        ("bash", "complete -F _creel"),
        ("zsh", "#compdef creel"),
        ("fish", "complete -c creel"),
    ] {
        let script = creel.creel(&["completions", shell]).await;
        let script = String::from_utf8_lossy(&script.stdout).into_owned();
        assert!(script.contains(part), "{shell}");
        for offered in [
            "native openclaw",
            "process docker railway",
            "feishu dingtalk",
            "always sleep:30 stop:30",
        ] {
            let all = offered
                .split(' ')
                .all(|name| script.contains(&name.replace(':', "\\:")) || script.contains(name));
            assert!(all, "{shell}: {offered}");
        }
    }
}
