//! What the backend's server does with connections and with requests that are none.

use creel_tests::up::Up;
use creel_tests::wait::{until, within};
use futures_util::stream;
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What the backend serves at a time.
const CONNECTIONS: usize = 1024;

async fn connect(up: &Up) -> TcpStream {
    connect_to(up.url()).await
}

async fn connect_to(url: &str) -> TcpStream {
    let address = url.trim_start_matches("http://");
    within("connection", TcpStream::connect(address)).await.unwrap()
}

#[tokio::test]
async fn what_is_no_http_is_told_so_by_every_server() {
    let up = Up::start().await;
    for (url, told) in [
        (up.url().to_owned(), r#""code":"bad_request""#),
        (up.llm_url().to_owned(), r#""type":"invalid_request_error""#),
    ] {
        let mut connection = connect_to(&url).await;
        connection.write_all(b"GARBAGE\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        within("end of the connection", connection.read_to_string(&mut answer))
            .await
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(
            answer.contains("cannot be read as a request of HTTP/1.1") && answer.contains(told),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn in_a_crowd_probes_get_through_and_who_is_silent_is_hung_up_on() {
    let files = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: files,
        maximum: files,
    };
    setrlimit(Resource::Nofile, all).expect("up to the hard limit");
    let up = Up::start().await;
    let mut crowd = Vec::new();
    for _ in 0..CONNECTIONS {
        crowd.push(connect(&up).await);
    }
    assert_eq!(up.get("/api/health").await.status, 200);
    let refused = up.get("/api/instances").await;
    assert_eq!(refused.problem(), (429, "too_many_connections".into()));
    assert_eq!(
        (refused.header("retry-after"), refused.header("connection")),
        ("1", "close")
    );
    // One over the limit that does not ask must not take a probe's place.
    let mut silent = connect(&up).await;
    let mut said = Vec::new();
    within("end of the connection", silent.read_to_end(&mut said))
        .await
        .unwrap();
    drop(crowd);
    until("room", || async {
        (up.get("/api/instances").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_request_of_50_mb() {
    let up = Up::start().await;
    let announced = up.call(Method::POST, "/api/instances").body(vec![b' '; 50 << 20]).await;
    assert_eq!(announced.problem(), (413, "too_large".into()));
    let chunks = stream::iter((0..800).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 << 10])));
    let unannounced = up
        .call(Method::POST, "/api/instances")
        .body(reqwest::Body::wrap_stream(chunks))
        .await;
    assert_eq!(unannounced.problem(), (413, "too_large".into()));
    assert_eq!(up.get("/api/health").await.status, 200);
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let up = Up::start().await;
    up.create("a").await;
    for (method, path, status) in [
        (Method::GET, "/api/instances/a/logs?tail=many", 400),
        (Method::GET, "/api/activity?limit=-1", 400),
        (Method::DELETE, "/api/instances/a?purge=perhaps", 400),
        (Method::GET, "/api/instances/%FF", 400),
        (Method::GET, "/api/instances/a/logs/stream", 400),
        (Method::POST, "/api/instances/a/logs", 405),
        (Method::PATCH, "/api/health", 405),
        (Method::POST, "/", 405),
        (Method::GET, "/api/instances/a/nothing", 405),
        (Method::GET, "/api/nothing", 404),
        (Method::GET, "/assets/nothing.js", 404),
        (Method::POST, "/api/instances/a/explode", 404),
    ] {
        let answer = up.call(method.clone(), path).await;
        assert_eq!(answer.problem().0, status, "{method} {path}: {answer:?}");
    }
    assert_eq!(up.show("a").await["status"], json!("running"));
}
