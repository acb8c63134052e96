//! `creel plan`: by what the fleet at hand really uses, or by the figures of the bench.

use creel_tests::http::Answer;
use creel_tests::up::Up;
use creel_tests::wait::until;
use serde_json::Value;

#[tokio::test]
async fn what_runs_is_what_is_reckoned_with() {
    let up = Up::start().await;
    let bench = up.get("/api/plan/capacity?users=100").await.ok();
    assert_eq!(
        (&bench["figures"]["measured"], &bench["own"]["instances"]),
        (&0.into(), &100.into())
    );
    assert!(
        bench["figures"]["source"].as_str().unwrap().contains("make bench"),
        "{bench}"
    );
    up.create("a").await;
    let measured = until("a measurement", || async {
        let plan = up.get("/api/plan/capacity?users=100").await.ok();
        (plan["figures"]["measured"] == 1).then_some(plan)
    })
    .await;
    let each = measured["figures"]["memory_bytes"].as_u64().unwrap();
    assert_eq!(measured["own"]["memory_bytes"], 100 * each);
    assert_eq!(measured["shared"]["gateways"], serde_json::json!({"low": 2, "high": 3}));

    let text = up
        .creel(&["plan", "cost", "--instances", "10", "--machine-price", "40"])
        .await;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("Railway, as is usual     10") && text.contains("30.00-50.00"),
        "{text}"
    );
    assert!(
        text.contains("assumed:\n  - one instance: 1 native instance of this fleet"),
        "{text}"
    );
}

#[tokio::test]
async fn without_a_control_plane_the_figures_of_the_bench_are_said_to_be_that() {
    let builder = Up::builder();
    let output = builder
        .creel(&[
            "plan",
            "capacity",
            "--users",
            "500",
            "--runtime",
            "openclaw",
            "--cpus",
            "8",
            "--memory",
            "32g",
            "--json",
        ])
        .await;
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(plan["figures"]["measured"], 0);
    // 24 GiB for 841 MiB each.
    assert_eq!(
        (&plan["own"]["on_one_machine"], &plan["own"]["machines"]),
        (&29.into(), &18.into())
    );
    assert_eq!(plan["shared"]["redis"], "with Sentinel");
    let assumed = plan["assumptions"].to_string();
    assert!(
        assumed.contains("asleep keeps 33 MiB in memory and has 808 MiB in swap") && assumed.contains("--only asleep"),
        "{assumed}"
    );
    let asleep = async |swap: &str| {
        let mut arguments =
            "plan capacity --users 50 --runtime openclaw --asleep 90 --cpus 64 --memory 8g --json --swap"
                .split(' ')
                .collect::<Vec<_>>();
        arguments.push(swap);
        let output = builder.creel(&arguments).await;
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["own"].clone()
    };
    // Those asleep are in swap, and in memory where there is none.
    let (none, enough) = (asleep("0").await, asleep("64g").await);
    assert_eq!(
        (&none["on_one_machine"], &none["bound_by"]),
        (&7.into(), &"swap".into())
    );
    assert_eq!(
        (&enough["on_one_machine"], &enough["bound_by"]),
        (&53.into(), &"memory".into())
    );
    assert!(!builder.home().exists(), "a plan makes nothing");
    for (arguments, said) in [
        (
            ["plan", "capacity", "--users", "0"],
            "--users is \"0\": give a whole number from 1 to",
        ),
        (["plan", "cost", "--instances", "many"], "--instances is \"many\""),
    ] {
        let output = builder.creel(&arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(2) && stderr.contains(said),
            "{arguments:?}: {stderr}"
        );
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_gets_one_clear_line() {
    let up = Up::start().await;
    for (query, said) in [
        ("capacity", "users is missing"),
        ("capacity?users=x", "users is \"x\"; it must be a whole number"),
        ("capacity?users=1&asleep=101", "asleep: must be 0 to 100"),
        ("capacity?users=1&runtime=python", "runtime: "),
        ("cost?instances=1&cpu_price=cheap", "cpu_price is \"cheap\""),
        ("cost?instances=1&price=1", "\"price\" is no parameter"),
    ] {
        let (status, detail) = refusal(&up.get(&format!("/api/plan/{query}")).await);
        assert!(
            [400, 422].contains(&status) && detail.contains(said),
            "{query}: {status} {detail}"
        );
    }
}

fn refusal(answer: &Answer) -> (u16, String) {
    let (status, _) = answer.problem();
    (status, answer.json()["detail"].as_str().unwrap().to_owned())
}
