//! Prometheus: its configuration, and rules that name what there is and raise when they should.

use std::fs;

use creel_testkit::provider::Provider;
use creel_tests::llm::Llm;
use creel_tests::tenants::{SERVICE_TOKEN, Service};
use creel_tests::up::{ADMIN_TOKEN, Up};
use reqwest::Method;
use serde_json::json;

use crate::{judged, place, rendered};

/// What the rules must make of what they see.
const EXPECTED: &str = r#"
rule_files: [creel-rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'creel_gateway_alert{instance="a", alert="memory"}'
        values: '0 1 1'
      - series: 'creel_gateway_alert{instance="a", alert="sync_failures"}'
        values: '0 0 0'
      - series: 'up{job="creel-gateway", instance="b"}'
        values: '1 0 0 0'
      - series: 'creel_gateway_requests_total{instance="a", status="500"}'
        values: '0+10x20'
      - series: 'creel_gateway_requests_total{instance="a", status="200"}'
        values: '0+90x20'
    alert_rule_test:
      - {eval_time: 0m, alertname: CreelGatewayMemory, exp_alerts: []}
      - eval_time: 1m
        alertname: CreelGatewayMemory
        exp_alerts:
          - exp_labels: {severity: warning, instance: a, alert: memory}
            exp_annotations:
              summary: "a uses more memory than multiTenant.monitor.memoryMb"
              do: "lower multiTenant.maxCachedUsers or userIdleTimeoutMs, or add a gateway"
      - {eval_time: 2m, alertname: CreelGatewaySync, exp_alerts: []}
      - {eval_time: 1m, alertname: CreelDown, exp_alerts: []}
      - eval_time: 2m
        alertname: CreelDown
        exp_alerts:
          - exp_labels: {severity: critical, job: creel-gateway, instance: b}
            exp_annotations:
              summary: "creel-gateway at b does not answer, or does not know the token"
      - eval_time: 10m
        alertname: CreelGatewayErrors
        exp_alerts:
          - exp_labels: {severity: warning, instance: a}
            exp_annotations:
              summary: "more than 5 % of the requests at a fail by the gateway's or a provider's fault"
"#;

#[tokio::test]
async fn prometheus_accepts_it_and_the_rules_raise() {
    let (_kept, path) = place();
    let token = path("token");
    fs::write(&token, "x").unwrap();
    let (rules, out) = (path("creel-rules.yml"), path(""));
    let arguments = [
        "prometheus",
        "--gateway",
        "10.0.0.5:18789",
        "--gateway",
        "[fd00::5]:18789",
        "--llm",
        "10.0.0.6:4000",
        "--rules",
        &rules,
        "--service-token-file",
        &token,
        "--admin-token-file",
        &token,
        "--out",
        &out,
    ];
    rendered(&Up::builder(), &arguments).await;
    let (held, said) = judged("promtool", &["check", "config", &path("prometheus.yml")]).await;
    assert!(held, "{said}");
    fs::write(path("expected.yml"), EXPECTED).unwrap();
    let (held, said) = judged("promtool", &["test", "rules", &path("expected.yml")]).await;
    assert!(held, "{said}");
}

/// Names of the metrics that the rules read.
fn read_by(rules: &str, prefix: &str) -> Vec<String> {
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut names: Vec<String> = words
        .filter(|word| word.starts_with(prefix))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether these metrics, as they are scraped, have a family of this name.
fn has(metrics: &str, name: &str) -> bool {
    let family = name.trim_end_matches("_total");
    metrics
        .lines()
        .any(|line| line.starts_with(&format!("# TYPE {family} ")))
}

#[tokio::test]
async fn the_rules_name_metrics_that_there_are() {
    let rules = rendered(&Up::builder(), &["prometheus", "--gateway", "a:1"]).await;
    let (service, [alice]) = Service::of(["alice"]).await;
    service.greet(&alice, "s").await.ok();
    let metrics = service.gateway.get("/metrics").with_token(SERVICE_TOKEN).await.text;
    let names = read_by(&rules, "creel_gateway_");
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        assert!(has(&metrics, &name), "{name}: {metrics}");
    }
    for alert in ["memory", "active_users", "sync_failures"] {
        assert!(
            metrics.contains(&format!("creel_gateway_alert{{alert=\"{alert}\"}}")),
            "{metrics}"
        );
    }
    assert!(metrics.contains("status=\"200\""), "{metrics}");

    // A provider that is gone, and a key that is none: what has not happened has no metric.
    let llm = Llm::of(&Provider::start().await).await;
    let request = json!({"model": "m1", "messages": [{"role": "user", "content": "hi"}]});
    assert_ne!(llm.post("/v1/chat/completions", &request).await.status, 200);
    assert_eq!(
        llm.post("/v1/chat/completions", &request)
            .with_token("sk-creel-x")
            .await
            .status,
        401
    );
    let metrics = llm.call(Method::GET, "/metrics").with_token(ADMIN_TOKEN).await.text;
    for name in read_by(&rules, "creel_llm_") {
        assert!(has(&metrics, &name), "{name}: {metrics}");
    }
}
