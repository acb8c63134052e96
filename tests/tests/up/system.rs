//! `GET /api/system/status`, `/api/drivers` and `/api/images`: what they say of the container engine, whatever that does.

use creel_testkit::docker::Stranger;
use creel_tests::up::Up;
use creel_tests::wait::until;
use serde_json::Value;

/// The status and what is said of the driver, where the engine answers so; `None`: it does not.
async fn told(answer: Option<&str>) -> (Value, Value) {
    let engine = Stranger::says(answer.map(|answer| {
        let length = answer.len();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{answer}")
    }));
    let up = Up::builder().env("DOCKER_HOST", &engine.host()).start().await;
    let images = up.get("/api/images").await.ok();
    assert!(!images.to_string().contains("\"present\":true"), "{images}");
    // Of one that answers, it may be that its answer took longer than it is waited for.
    let is_told = |docker: &Value| answer.is_none() || !docker.to_string().contains("within 2 s");
    until("what is said of the engine", || async {
        let drivers = up.get("/api/drivers").await.ok();
        let drivers = drivers["drivers"].as_array()?;
        let driver = drivers.iter().find(|driver| driver["driver"] == "docker")?.clone();
        let status = up.get("/api/system/status").await.ok();
        (is_told(&driver) && is_told(&status["docker"])).then_some((status, driver))
    })
    .await
}

#[tokio::test]
async fn an_engine_that_answers_has_a_version() {
    let (status, driver) = told(Some(r#"{"Version":"20.10.24","ApiVersion":"1.41"}"#)).await;
    assert_eq!(
        (&driver["available"], &driver["version"]),
        (&true.into(), &"20.10.24".into())
    );
    let docker = &status["docker"];
    assert_eq!(
        (&docker["available"], &docker["version"]),
        (&true.into(), &"20.10.24".into())
    );
    assert_eq!(docker.get("reason"), None);
    assert_eq!(status["versions"]["docker"], "20.10.24");
}

#[tokio::test]
async fn one_that_says_nothing_does_not_keep_the_rest_waiting() {
    let (status, driver) = told(None).await;
    for docker in [&status["docker"], &driver] {
        assert_eq!(docker["available"], false);
        let reason = docker["reason"].as_str().unwrap();
        assert!(
            reason.contains("does not answer") && reason.contains("within 2 s"),
            "{docker}"
        );
    }
    assert_eq!(status["versions"].get("docker"), None);
    assert!(status["host"]["cpus"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn drivers_and_images_are_listed_and_images_chosen_on_the_command_line() {
    let up = Up::builder()
        .env("DOCKER_HOST", "unix:///nonexistent/engine.sock")
        .start()
        .await;
    let text = async |arguments: &[&str]| {
        let done = up.creel(arguments).await;
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    let drivers = text(&["driver", "list"]).await;
    assert!(
        drivers.contains("process  yes")
            && drivers.contains("docker   no")
            && drivers.contains("/nonexistent/engine.sock"),
        "{drivers}"
    );
    let drivers = up.creel_json(&["driver", "list"]).await;
    assert_eq!(drivers["drivers"][1], up.get("/api/drivers").await.ok()["drivers"][1]);

    const IMAGE: &str = "registry.example.com/acme/creel:1.2";
    let said = text(&["image", "set", "native", IMAGE]).await;
    assert!(
        said.starts_with(&format!("new native instances are made from {IMAGE}\n")),
        "{said}"
    );
    let images = up.creel_json(&["image", "list"]).await;
    assert_eq!(images, up.get("/api/images").await.ok());
    assert!(text(&["image", "list"]).await.contains(&format!("native    {IMAGE}")));
    for (arguments, wrong) in [
        (&["image", "set", "mars", IMAGE][..], "<RUNTIME> is \"mars\""),
        (&["image", "set", "native", "no image"], "image: "),
        (&["image", "set", "native"], "is missing"),
    ] {
        let (code, said) = up.creel_refuses(arguments).await;
        assert!(code == Some(2) && said.contains(wrong), "{said}");
    }
    assert_eq!(up.get("/api/images").await.ok(), images, "a refusal changes nothing");
}

#[tokio::test]
async fn a_stranger_is_no_engine() {
    for answer in ["<!doctype html>", r#"{"ok":true}"#, ""] {
        let (status, driver) = told(Some(answer)).await;
        for docker in [&status["docker"], &driver] {
            assert_eq!((&docker["available"], docker.get("version")), (&false.into(), None));
            let reason = docker["reason"].as_str().unwrap();
            assert!(
                reason.starts_with("what answers on /") && reason.lines().count() == 1,
                "{docker}"
            );
        }
        assert_eq!(status["versions"].get("docker"), None);
    }
}

#[tokio::test]
async fn where_there_is_none_the_reason_names_the_place() {
    let up = Up::builder()
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .start()
        .await;
    let status = up.get("/api/system/status").await.ok();
    let docker = &status["docker"];
    assert_eq!(docker["available"], false);
    assert!(
        docker["reason"].as_str().unwrap().contains("/nonexistent/docker.sock"),
        "{docker}"
    );
    let made = up.creel(&["instance", "create", "a", "--driver", "docker"]).await;
    assert_eq!(made.status.code(), Some(1), "{made:?}");
    assert!(
        String::from_utf8_lossy(&made.stdout).starts_with("a is in error\ntoken"),
        "{made:?}"
    );
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(
        said.contains("/nonexistent/docker.sock") && said.contains("`creel instance start a` tries again"),
        "{said}"
    );
}
