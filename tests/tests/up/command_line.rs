//! `creel instance …`: what people type.

use creel_tests::up::Up;

#[tokio::test]
async fn the_first_conversation() {
    let up = Up::start().await;
    let created = up.creel_json(&["instance", "create", "zhangsan"]).await;
    assert_eq!(created["instance"]["status"], "running");
    assert_eq!(created["token"].as_str().unwrap().len(), 64);
    let list = up.creel_json(&["instance", "list"]).await;
    assert_eq!(list["instances"][0]["id"], "zhangsan");
    for action in ["stop", "start", "restart", "init"] {
        let shown = up.creel_json(&["instance", action, "zhangsan"]).await;
        assert_eq!(shown["status"], if action == "stop" { "stopped" } else { "running" });
    }
    let logs = up.creel(&["instance", "logs", "zhangsan"]).await;
    assert!(
        String::from_utf8_lossy(&logs.stdout).contains("gateway ready"),
        "{logs:?}"
    );
    let table = up.creel(&["instance", "list"]).await;
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.starts_with("ID") && table.contains("zhangsan  running  native"),
        "{table}"
    );
    up.creel_json(&["instance", "rm", "zhangsan", "--purge"]).await;
    assert!(!up.home().join("instances/zhangsan").exists());
}

#[tokio::test]
async fn the_configuration_is_changed_with_its_comments_kept() {
    let up = Up::start().await;
    up.create("a").await;
    up.creel_json(&[
        "instance",
        "config",
        "set",
        "a",
        "agents.defaults.model",
        "openai/gpt-4o",
    ])
    .await;
    assert_eq!(
        up.creel_json(&["instance", "config", "get", "a", "agents.defaults.model"])
            .await,
        "openai/gpt-4o"
    );
    let text = up.creel(&["instance", "config", "get", "a"]).await;
    assert!(
        String::from_utf8_lossy(&text.stdout).contains("// The model that answers"),
        "{text:?}"
    );
    let (code, said) = up
        .creel_refuses(&["instance", "config", "set", "a", "gateway.port", "many"])
        .await;
    assert_eq!(code, Some(2));
    assert!(said.contains("gateway.port"), "{said}");
}

#[tokio::test]
async fn an_editor_that_breaks_it_changes_nothing_and_loses_nothing() {
    let up = Up::builder().env("EDITOR", "echo '{ broken' >").start().await;
    up.create("a").await;
    let before = up.creel(&["instance", "config", "get", "a"]).await.stdout;
    let edited = up.creel(&["instance", "config", "edit", "a"]).await;
    assert_eq!(edited.status.code(), Some(2), "{edited:?}");
    let said = String::from_utf8_lossy(&edited.stderr).into_owned();
    let kept = said
        .lines()
        .find_map(|line| line.strip_prefix("your text is kept in "))
        .unwrap();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "{ broken\n");
    std::fs::remove_file(kept).unwrap();
    assert_eq!(up.creel(&["instance", "config", "get", "a"]).await.stdout, before);
}

#[tokio::test]
async fn bad_input_gets_one_line_and_exit_code_2() {
    let up = Up::start().await;
    up.create("taken").await;
    for (arguments, part) in [
        (&["instance", "create", "../x"] as &[&str], "is not allowed"),
        (&["instance", "create", "taken"], "is taken"),
        (
            // CREEL_HOME is set, and nobody has to type what it says.
            &["instance", "create"],
            " instance create <ID>; see",
        ),
        (&["plan", "capacity", "--users", "0"], "from 1 to 1000000"),
        (&["plan", "cost", "--instances", "1000001"], "from 1 to 1000000"),
        (&["instance", "show", "nobody"], "no instance"),
        (&["instance", "start", "no/body"], "is not allowed"),
        (&["instance", "create", "b", "--memory", "much"], "--memory"),
        (&["instance", "create", "b", "--memory", "-1g"], "--memory -1g"),
        (&["instance", "create", "b", "--memory", "99999999g"], "between 16m and"),
        (&["instance", "create", "b", "--cpus", "-1"], "--cpus -1"),
        (&["instance", "create", "b", "--cpus", "many"], "--cpus many"),
        (&["instance", "create", "b", "--cpus", "1e9"], "the cores of this host"),
        (&["instance", "create", "b", "--channel", "icq"], "icq"),
        (
            &[
                "instance",
                "create",
                "b",
                "--channel",
                "feishu",
                "--channel-config",
                "{",
            ],
            "--channel-config",
        ),
        (&["instance", "config", "get", "taken", "no.such.key"], "no.such.key"),
    ] {
        let (code, said) = up.creel_refuses(arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    assert_eq!(
        up.creel_json(&["instance", "list"]).await["instances"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_start_on_another_port_says_so() {
    let up = Up::start().await;
    up.create("a").await;
    let port = up.show("a").await["port"].as_u64().unwrap();
    up.creel_json(&["instance", "stop", "a"]).await;
    let _thief = std::net::TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    let started = up.creel(&["instance", "start", "a"]).await;
    let said = String::from_utf8_lossy(&started.stdout).into_owned();
    assert!(
        said.contains(&format!("port {port} was taken by another program; now on ")),
        "{said}"
    );
    // It is news of this start alone.
    up.creel_json(&["instance", "stop", "a"]).await;
    assert!(up.show("a").await["message"].is_null());
}

#[tokio::test]
async fn a_start_that_failed_says_what_to_do() {
    let up = Up::start().await;
    up.create("a").await;
    up.creel_json(&["instance", "stop", "a"]).await;
    std::fs::write(
        up.home().join("instances/a/data/openclaw.json"),
        "{ gateway: { mode: 5 } }",
    )
    .unwrap();
    let failed = up.creel(&["instance", "start", "a"]).await;
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(
        said.contains("creel instance logs a") && said.contains("creel instance start a"),
        "{said}"
    );
}

#[tokio::test]
async fn without_a_backend_it_says_how_to_start_one() {
    let up = Up::start().await;
    let output = up.creel_at("http://127.0.0.1:9", &["instance", "list"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("creel up"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_log_is_followed_as_it_grows() {
    let up = Up::start().await;
    up.create("a").await;
    let searcher = up.creel_runs(&["instance", "logs", "a", "-f", "--search", "STOPPED"]);
    let follower = up.creel_runs(&["instance", "logs", "a", "-f"]);
    follower.stdout().line_with("gateway ready").await;
    up.creel_json(&["instance", "stop", "a"]).await;
    follower.stdout().line_with("gateway stopped").await;
    searcher.stdout().line_with("gateway stopped").await;
    assert!(!searcher.stdout().so_far().contains("gateway ready"));
}
