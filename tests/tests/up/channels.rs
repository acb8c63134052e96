//! Chat platforms of instances: what is asked for each, where it goes, and what is refused.

use std::fs;

use creel_tests::up::Up;
use serde_json::{Value, json};

#[tokio::test]
async fn an_instance_is_made_for_a_person_and_their_platforms() {
    let up = Up::start().await;
    let create = [
        "instance",
        "create",
        "zhangsan",
        "--no-start",
        "--channel",
        "webchat",
        "--channel",
        "feishu",
        "--channel-config",
        r#"{"appId":"cli_example","appSecret":"example-secret"}"#,
        "--channel",
        "dingtalk",
        "--channel-config",
        r#"{"clientId":"ding1","clientSecret":"other-secret"}"#,
    ];
    let made = up.creel_json(&create).await;
    let token = made["token"].as_str().unwrap();
    assert!(
        token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{token}"
    );
    assert_eq!(made["instance"]["name"], "openclaw-zhangsan-webchat-feishu-dingtalk");
    assert_eq!(
        made["instance"]["channels"][1],
        json!({"type": "feishu", "config": {"appId": "cli_example", "appSecret": "${FEISHU_APP_SECRET}"}})
    );
    let warned = made["warnings"].as_array().unwrap();
    assert!(
        warned.len() == 2 && warned[0].as_str().unwrap().starts_with("feishu: "),
        "{warned:?}"
    );
    let environment = fs::read_to_string(up.home().join("instances/zhangsan/instance.env")).unwrap();
    for line in [
        "FEISHU_APP_SECRET=example-secret",
        "DINGTALK_CLIENT_SECRET=other-secret",
    ] {
        assert!(environment.lines().any(|found| found == line), "{line}");
    }
    let other = up.creel_json(&["instance", "create", "b", "--no-start"]).await;
    assert_ne!(other["token"], token);
    assert_eq!(other["instance"]["name"], "b");
    let printed = async |arguments: &[&str]| String::from_utf8(up.creel(arguments).await.stdout).unwrap();
    let table = printed(&["instance", "list"]).await;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][3..5], ["DRIVER", "CHANNELS"], "{table}");
    assert_eq!(rows[1][..5], ["b", "created", "native", "process", "-"], "{table}");
    assert_eq!(rows[2][3..5], ["process", "webchat,feishu,dingtalk"], "{table}");
    let shown = printed(&["instance", "show", "zhangsan"]).await;
    assert!(
        shown
            .lines()
            .any(|line| line == "channels        webchat,feishu,dingtalk"),
        "{shown}"
    );
}

#[tokio::test]
async fn the_table_says_what_each_channel_takes_and_creation_takes_just_that() {
    let up = Up::start().await;
    let listed = up.get("/api/channels").await.ok();
    let channels = listed["channels"].as_array().unwrap();
    let kinds: Vec<&str> = channels
        .iter()
        .map(|channel| channel["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "feishu", "dingtalk", "wecom", "telegram", "discord", "slack", "whatsapp", "webchat"
        ]
    );
    for channel in channels {
        let kind = channel["type"].as_str().unwrap();
        let config: serde_json::Map<String, Value> = channel["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| (field["name"].as_str().unwrap().to_owned(), field["example"].clone()))
            .collect();
        let channels = json!([{"type": kind, "config": config}]);
        let request = json!({"id": kind, "runtime": "openclaw", "channels": channels, "start": false});
        let made = up.post("/api/instances", &request).await;
        assert_eq!(made.status, 201, "{made:?}");
        let key = format!("channels.{kind}.enabled");
        let get = up.creel(&["instance", "config", "get", kind, &key]).await;
        assert_eq!(get.status.success(), kind != "webchat", "{get:?}");
        // Whoever leaves one out is told which.
        for field in channel["fields"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|field| field["required"] == true)
        {
            let mut less = config.clone();
            less.remove(field["name"].as_str().unwrap());
            let refused = up
                .post(
                    "/api/instances",
                    &json!({"id": "x", "channels": [{"type": kind, "config": less}]}),
                )
                .await;
            assert_eq!(refused.status, 422, "{refused:?}");
            let said = refused.json()["detail"].as_str().unwrap().to_owned();
            assert!(
                said.contains(&format!("{kind}: {} is missing", field["name"].as_str().unwrap())),
                "{said}"
            );
        }
    }
    assert_eq!(up.get("/api/instances/x").await.status, 404);
}

#[tokio::test]
async fn a_secret_in_the_wrong_field_is_refused_and_nowhere_repeated() {
    let up = Up::start().await;
    for config in [
        r#"{"appId":"cli_1","appsecret":"plum"}"#,
        r#"{"appId":"plum","appSecret":"cli_1"}"#,
        r#"{"appId":"cli_1","appSecret":["plum"]}"#,
        r#"{"clientId":"a","clientSecret":"plum"}"#,
        r#"{"appId":"cli_1","plum12345":"appSecret"}"#,
    ] {
        let (code, said) = up
            .creel_refuses(&[
                "instance",
                "create",
                "a",
                "--channel",
                "feishu",
                "--channel-config",
                config,
            ])
            .await;
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.trim_end().lines().count() == 1 && said.contains("feishu: "),
            "{said}"
        );
        assert!(!said.contains("plum"), "{said}");
    }
    let (code, said) = up.creel_refuses(&["instance", "create", "a", "--channel", "icq"]).await;
    assert!(
        code == Some(2) && said.contains("--channel: \"icq\"") && said.contains("known are feishu, dingtalk, wecom"),
        "{said}"
    );
    assert!(!up.log().so_far().contains("plum"));
    assert!(!up.home().join("instances/a").exists());
}

/// By upstream's own schema. Those of `dingtalk` and `wecom` come with their plugins, which are not here.
#[tokio::test]
async fn upstream_accepts_the_file_of_every_channel_that_it_has_a_schema_of() {
    let up = Up::start().await;
    let listed = up.get("/api/channels").await.ok();
    let upstream = creel_tests::scripts::openclaw().join("node_modules");
    for channel in listed["channels"].as_array().unwrap() {
        let kind = channel["type"].as_str().unwrap();
        if ["dingtalk", "wecom"].contains(&kind) {
            continue;
        }
        let fields = channel["fields"].as_array().unwrap().iter();
        let config: serde_json::Map<String, Value> = fields
            .map(|field| (field["name"].as_str().unwrap().to_owned(), field["example"].clone()))
            .collect();
        let channels = json!([{"type": kind, "config": config}]);
        let request =
            json!({"id": kind, "runtime": "openclaw", "model": "corp/m1", "channels": channels, "start": false});
        assert_eq!(up.post("/api/instances", &request).await.status, 201);
        let data = up.home().join("instances").join(kind).join("data");
        let mut validate = tokio::process::Command::new(upstream.join("node/bin/node"));
        validate
            .arg(upstream.join("openclaw/openclaw.mjs"))
            .args(["config", "validate"])
            .env("HOME", data.parent().unwrap().join("home"))
            .env("OPENCLAW_STATE_DIR", &data)
            .env("OPENCLAW_CONFIG_PATH", data.join("openclaw.json"))
            .env("OPENCLAW_GATEWAY_TOKEN", "0".repeat(64))
            .env("OPENCLAW_NO_AUTO_UPDATE", "1");
        let environment = fs::read_to_string(data.parent().unwrap().join("instance.env")).unwrap();
        for line in environment.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once('=') {
                validate.env(name, "sample");
            }
        }
        let said = validate.output().await.unwrap();
        let text = [said.stdout, said.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(said.status.success() && text.contains("Config valid"), "{kind}: {text}");
    }
}
