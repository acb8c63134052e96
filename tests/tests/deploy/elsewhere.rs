//! One instance on Railway or Kubernetes: what it is run with is accepted by whom it is for.

use std::fs;

use creel_tests::scripts::kubernetes_validate;
use creel_tests::up::Up;

use crate::{judged, place, render, rendered};

const FEISHU: [&str; 4] = [
    "--channel",
    "feishu",
    "--channel-config",
    r#"{"appId":"cli_1","appSecret":"plum"}"#,
];

#[tokio::test]
async fn kubernetes_accepts_the_manifests_of_both_runtimes() {
    let (_kept, path) = place();
    for runtime in ["native", "openclaw"] {
        let file = path(&format!("{runtime}.yaml"));
        let arguments = ["kubernetes", "zhangsan", "--runtime", runtime, "--out", &file];
        rendered(&Up::builder(), &[&arguments[..], &FEISHU].concat()).await;
        let (held, said) = judged(kubernetes_validate().to_str().unwrap(), &["--strict", &file]).await;
        assert!(held, "{said}");
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("plum"), "{text}");
        for part in [
            "replicas: 1",
            "type: Recreate",
            "name: openclaw-zhangsan",
            "path: /readyz",
            "runAsNonRoot: true",
            "drop: [ALL]",
            "#   FEISHU_APP_SECRET",
            "${FEISHU_APP_SECRET}",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[tokio::test]
async fn railway_gets_the_file_of_one_instance_without_its_secrets() {
    let (_kept, path) = place();
    let file = path("railway.toml");
    let arguments = [
        "railway",
        "zhangsan",
        "--model",
        "openrouter/stepfun/step-3.5-flash:free",
        "--out",
        &file,
    ];
    rendered(&Up::builder(), &[&arguments[..], &FEISHU].concat()).await;
    let read = "import sys, tomllib; t = tomllib.load(open(sys.argv[1], 'rb')); print(t['build']['builder'], \
                t['deploy']['restartPolicyType'], t['env']['FEISHU_ENABLED'], t['env']['DINGTALK_ENABLED'], t['env']['MODEL_NAME'])";
    let (held, said) = judged("/usr/bin/python3", &["-c", read, &file]).await;
    assert!(held, "{said}");
    assert_eq!(
        said.trim(),
        "dockerfile always true false openrouter/stepfun/step-3.5-flash:free"
    );
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# openclaw-zhangsan-feishu on Railway") && !text.contains("plum"),
        "{text}"
    );
    let refused = render(&Up::builder(), &["railway", "zhangsan", "--channel", "feishu"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(2) && said.contains("appId is missing"),
        "{said}"
    );
}
