//! Credits and usage: what people type, and what a program asks.

use creel_tests::up::Up;
use serde_json::json;

#[tokio::test]
async fn credits_are_given_once_and_accounted_for() {
    let up = Up::start().await;
    let given = up
        .creel_json(&[
            "credits",
            "grant",
            "zhangsan",
            "10.5",
            "--note",
            "for March",
            "--expires",
            "2099-01-01",
        ])
        .await;
    assert_eq!(given["balance"], "10.5");
    up.creel_json(&["credits", "grant", "zhangsan", "0.000001", "--top-up"])
        .await;
    let account = up.creel_json(&["credits", "show", "zhangsan"]).await;
    assert_eq!(
        (&account["balance"], &account["held"]),
        (&json!("10.500001"), &json!("0"))
    );
    assert_eq!(account["grants"][0]["expires_at"], "2099-01-01T00:00:00Z");
    assert_eq!(account["entries"][0]["kind"], "top_up");
    assert_eq!(
        (&account["entries"][1]["credits"], &account["entries"][1]["note"]),
        (&json!("10.5"), &json!("for March"))
    );
    let csv = up.creel(&["credits", "show", "zhangsan", "--csv"]).await;
    let csv = String::from_utf8_lossy(&csv.stdout).into_owned();
    assert!(csv.starts_with("id,at,kind,credits,request,note"), "{csv}");
    assert!(csv.contains(",grant,10.5,,for March"), "{csv}");
    let text = up.creel(&["credits", "show", "zhangsan"]).await;
    assert!(
        String::from_utf8_lossy(&text.stdout).starts_with("balance  10.500001"),
        "{text:?}"
    );
    assert_eq!(up.creel_json(&["credits", "show", "nobody"]).await["balance"], "0");
}

#[tokio::test]
async fn bad_amounts_moments_and_questions_are_refused_in_one_line() {
    let up = Up::start().await;
    for (arguments, said) in [
        (&["credits", "grant", "a", "0"][..], "credits"),
        (&["credits", "grant", "a", "1e9"], "credits"),
        (&["credits", "grant", "a", "1", "--expires", "tomorrow"], "expires_at"),
        (&["credits", "grant", "a", "1", "--expires", "2001-01-01"], "has passed"),
        (&["credits", "grant", "a\nb", "1"], "control characters"),
        (&["usage", "--by", "colour"], "by: "),
        (&["usage", "--from", "2026-02-01", "--to", "2026-01-01"], "from: "),
    ] {
        let (code, line) = up.creel_refuses(arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {line}");
        assert!(
            line.contains(said) && line.trim().lines().count() == 1,
            "{arguments:?}: {line}"
        );
    }
    assert_eq!(up.creel_json(&["credits", "show", "a"]).await["entries"], json!([]));
}

#[tokio::test]
async fn usage_of_nobody_is_empty() {
    let up = Up::start().await;
    let usage = up
        .creel_json(&["usage", "--by", "user", "--from", "2026-01-01", "--to", "2026-02-01"])
        .await;
    assert_eq!(usage["usage"], json!([]));
    assert_eq!(
        (&usage["from"], &usage["by"]),
        (&json!("2026-01-01T00:00:00Z"), &json!("user"))
    );
    let csv = up.creel(&["usage", "--csv"]).await;
    assert!(
        String::from_utf8_lossy(&csv.stdout).starts_with("day,calls,failed,"),
        "{csv:?}"
    );
}
