//! The files themselves.

use std::fs;

use creel_tests::binary::creel;
use creel_tests::up::Up;
use serde_json::Value;

use crate::{judged, place, render, rendered};

const GATEWAY: [&str; 2] = ["--gateway", "10.0.0.5:18789"];

#[tokio::test]
async fn systemd_accepts_the_unit_and_finds_it_hardened() {
    let (_kept, path) = place();
    let unit = path("creel-gateway.service");
    let binary = creel().display().to_string();
    rendered(&Up::builder(), &["systemd", "--binary", &binary, "--out", &unit]).await;
    // A word that systemd does not know is a warning only.
    assert_eq!(
        judged("systemd-analyze", &["verify", &unit]).await,
        (true, String::new())
    );
    let text = fs::read_to_string(&unit).unwrap();
    for line in [
        "NoNewPrivileges=true",
        "ProtectSystem=strict",
        "ProtectHome=true",
        "ReadWritePaths=/var/lib/openclaw",
        "Restart=always",
        "User=openclaw",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    // In tenths: from 0, confined, to 100, as exposed as can be.
    let (held, said) = judged(
        "systemd-analyze",
        &["security", "--offline=true", "--threshold=20", &unit],
    )
    .await;
    assert!(held, "{said}");
}

#[tokio::test]
async fn systemd_accepts_the_control_planes_unit_too() {
    for (limits, lines) in [
        (None, ["KillMode=process", "Delegate=no", "ProtectControlGroups=true"]),
        (
            Some("--limits"),
            [
                "KillMode=mixed",
                "Delegate=cpu memory pids",
                "ProtectControlGroups=false",
            ],
        ),
    ] {
        let (_kept, path) = place();
        let unit = path("creel.service");
        let binary = creel().display().to_string();
        let mut arguments = vec![
            "systemd-up",
            "--binary",
            &binary,
            "--console",
            "10.0.0.5:8000",
            "--out",
            &unit,
        ];
        arguments.extend(limits);
        rendered(&Up::builder(), &arguments).await;
        assert_eq!(
            judged("systemd-analyze", &["verify", &unit]).await,
            (true, String::new())
        );
        let text = fs::read_to_string(&unit).unwrap();
        let start = format!("ExecStart={binary} up --console 10.0.0.5:8000 --llm 127.0.0.1:4000");
        let same = [
            "User=creel",
            "ReadWritePaths=/var/lib/creel",
            "ProtectSystem=strict",
            &start,
        ];
        for line in same.iter().chain(&lines) {
            assert!(text.lines().any(|found| found == *line), "{line}: {text}");
        }
        let (held, said) = judged(
            "systemd-analyze",
            &["security", "--offline=true", "--threshold=30", &unit],
        )
        .await;
        assert!(held, "{said}");
    }
}

#[tokio::test]
async fn compose_accepts_its_file_and_asks_for_the_token() {
    let (_kept, path) = place();
    let creel = Up::builder();
    rendered(
        &creel,
        &[
            "compose-gateway",
            "--image",
            "registry.example.com/creel:1",
            "--out",
            &path(""),
        ],
    )
    .await;
    let file = path("compose.yaml");
    let (held, said) = judged("docker-compose", &["-f", &file, "config"]).await;
    assert!(held, "{said}");
    for part in [
        "registry.example.com/creel:1",
        "gateway",
        "health",
        "openclaw-workspaces",
        "no-new-privileges",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let mut without = tokio::process::Command::new("docker-compose");
    without
        .args(["-f", &file, "config"])
        .env_remove("OPENCLAW_SERVICE_TOKEN");
    let output = without.output().await.unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("OPENCLAW_SERVICE_TOKEN"));
    assert!(
        fs::read_to_string(path("Dockerfile"))
            .unwrap()
            .contains("COPY creel /creel")
    );
}

#[tokio::test]
async fn nothing_is_written_over_unless_that_is_asked_for() {
    let (_kept, path) = place();
    let creel = Up::builder();
    fs::write(path("creel-rules.yml"), "mine\n").unwrap();
    let out = path("");
    let arguments = [&["prometheus"], &GATEWAY[..], &["--out", &out]].concat();
    let refused = render(&creel, &arguments).await;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("creel-rules.yml is there already") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(path("creel-rules.yml")).unwrap(), "mine\n");
    assert!(!fs::exists(path("prometheus.yml")).unwrap(), "all or nothing");
    rendered(&creel, &[&arguments[..], &["--force"]].concat()).await;
    assert!(
        fs::read_to_string(path("creel-rules.yml"))
            .unwrap()
            .contains("CreelDown")
    );
    let lost = render(&creel, &["systemd", "--out", &path("no/where/x.service")]).await;
    let said = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(
        lost.status.code() == Some(2) && said.contains("there is no directory"),
        "{said}"
    );
}

#[tokio::test]
async fn no_value_gets_out_of_its_place() {
    let creel = Up::builder();
    for arguments in [
        &["systemd", "--user", "root\nExecStartPre=/bin/sh"] as &[&str],
        &["systemd", "--data", "/var/lib/x /etc"],
        &["systemd", "--binary", "/usr/bin/creel;id"],
        &["systemd", "--config", "/etc/%h/x"],
        &["systemd", "--bind", "0.0.0.0 --auth none"],
        &["systemd-up", "--user", "root\nExecStartPre=/bin/sh"],
        &["systemd-up", "--data", "/var/lib/x /etc"],
        &["systemd-up", "--console", "0.0.0.0:8000 --first-port 1"],
        &["systemd-up", "--llm", "localhost:4000"],
        &["nginx", "--server-name", "a; }", "--gateway", "h:1"],
        &["nginx", "--server-name", "a", "--gateway", "h:1 down; server evil:1"],
        &[
            "nginx",
            "--server-name",
            "a",
            "--gateway",
            "h:1",
            "--certificate",
            "/a;b",
        ],
        &["prometheus", "--gateway", "h:1\"]\n  evil: [\""],
        &["prometheus", "--gateway", "h:1", "--rules", "/a\n- /b"],
        &["compose-gateway", "--image", "a\n    privileged: true"],
        &["compose-gateway", "--publish", "127.0.0.1:1\"\n"],
        &["compose-gateway", "--image", "${HOME}"],
        &["compose", "--timezone", "UTC\n    privileged: true"],
        &["compose", "--timezone", "Mars/X"],
        &["railway", "alice", "--timezone", "Mars/X"],
        &["kubernetes", "alice", "--timezone", "Mars/X"],
        &["systemd", "--data", "/"],
        &["systemd-up", "--data", "/home"],
    ] {
        let refused = render(&creel, arguments).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            refused.status.code() == Some(2) && refused.stdout.is_empty(),
            "{arguments:?}: {refused:?}"
        );
        assert!(said.lines().count() == 1 && said.contains("give "), "{said}");
    }
}

#[tokio::test]
async fn a_template_in_the_home_takes_the_place_of_ours() {
    let creel = Up::builder();
    let own = creel.home().join("templates/deploy");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("creel.conf"), "# ours\nserver {{gateway}};\n").unwrap();
    let arguments = [
        "nginx",
        "--server-name",
        "a",
        "--gateway",
        "h:1",
        "--gateway",
        "[::1]:2",
    ];
    assert_eq!(
        rendered(&creel, &arguments).await,
        "# ours\nserver h:1;\nserver [::1]:2;\n"
    );
    let printed: Value =
        serde_json::from_str(&rendered(&creel, &[&arguments[..], &["--json"]].concat()).await).unwrap();
    assert_eq!(printed["files"][0]["name"], "creel.conf");
    fs::write(own.join("creel.conf"), "\n{{gatway}}\n").unwrap();
    let refused = render(&creel, &arguments).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(2) && said.contains("creel.conf:2:1: nothing is called {{gatway}}"),
        "{said}"
    );
}
