//! Two gateways for many users on shared workspaces, behind nginx.

use creel_testkit::cloud::CloudBackend;
use creel_testkit::ports;
use creel_testkit::provider::{Gate, Provider, Reply};
use creel_tests::gateway::Gateway;
use creel_tests::nginx::Nginx;
use creel_tests::stranger::Stranger;
use creel_tests::tenants::{SERVICE_TOKEN, builder};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Cluster {
    cloud: CloudBackend,
    provider: Provider,
    gateways: [Gateway; 2],
    nginx: Nginx,
    /// Where both keep their users' workspaces.
    _shared: TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let cloud = CloudBackend::start(SERVICE_TOKEN).await;
        let provider = Provider::start().await;
        let shared = TempDir::new().unwrap();
        // Of a range that nobody else is given, so that nobody else is there when one is gone.
        let ports = ports::range();
        let node = async |port: u16| {
            let root = json!({"multiTenant": {"workspaceRoot": shared.path().join("workspaces")}});
            let builder = builder(&cloud, &provider).config(root);
            let gateway = builder.args(&["--port", &port.to_string()]).start().await;
            let ready = |gateway: &Gateway| gateway.get("/readyz");
            gateway
                .eventually("readiness", ready, |answer| answer.status == 200)
                .await;
            gateway
        };
        let gateways = [node(ports).await, node(ports + 1).await];
        let nginx = Nginx::before(&[gateways[0].address(), gateways[1].address()]).await;
        Self {
            cloud,
            provider,
            gateways,
            nginx,
            _shared: shared,
        }
    }

    /// Registers users, whom both gateways know when this returns, and gives their tokens.
    async fn users(&self, count: usize) -> Vec<(String, String)> {
        let users = (0..count).map(|number| format!("user{number}"));
        let users: Vec<_> = users
            .map(|id| (self.cloud.add(&id), id))
            .map(|(token, id)| (id, token))
            .collect();
        for gateway in &self.gateways {
            admin(gateway, Method::POST, "/sync").await;
        }
        users
    }

    /// Which of the gateways have a user loaded.
    async fn homes(&self, user: &str) -> [bool; 2] {
        let loaded =
            async |gateway: &Gateway| admin(gateway, Method::GET, &format!("/users/{user}")).await["loaded"] == true;
        [loaded(&self.gateways[0]).await, loaded(&self.gateways[1]).await]
    }
}

async fn admin(gateway: &Gateway, method: Method, path: &str) -> Value {
    let path = format!("/api/v1/multi-tenant{path}");
    gateway.call(method, &path).with_token(SERVICE_TOKEN).await.ok()
}

#[tokio::test]
async fn a_user_is_always_sent_to_the_same_gateway_and_users_are_spread() {
    let cluster = Cluster::start().await;
    let users = cluster.users(32).await;
    for round in 0..3 {
        for (_, token) in &users {
            let body = json!({"message": "hi", "session_id": format!("s{round}")});
            // However the client writes the scheme.
            let scheme = ["Bearer", "bearer", "BEARER"][round];
            let call = cluster.nginx.post("/api/v1/chat", "", &body).without_token();
            call.header("authorization", &format!("{scheme} {token}")).await.ok();
        }
    }
    let mut at_first = 0;
    for (user, _) in &users {
        let homes = cluster.homes(user).await;
        assert!(homes[0] != homes[1], "{user}: {homes:?}");
        at_first += usize::from(homes[0]);
    }
    assert!(
        (1..users.len()).contains(&at_first),
        "{at_first} of {} at one",
        users.len()
    );
}

#[tokio::test]
async fn when_a_gateway_is_gone_its_users_go_on_at_the_other() {
    let cluster = Cluster::start().await;
    let users = cluster.users(8).await;
    let say = |token: &str| {
        let body = json!({"message": "hi", "session_id": "s"});
        cluster.nginx.post("/api/v1/chat", token, &body)
    };
    for (_, token) in &users {
        say(token).await.ok();
    }
    let Cluster {
        gateways: [first, second],
        nginx,
        ..
    } = &cluster;
    first.terminate();
    let gone = || async {
        tokio::net::TcpStream::connect(first.address())
            .await
            .is_err()
            .then_some(())
    };
    creel_tests::wait::until("the gateway to be gone", gone).await;
    for (user, token) in &users {
        // The message is not lost, nor said twice: no gateway took it before the one that answers.
        say(token).await.ok();
        let path = "/api/v1/sessions/s";
        let session = nginx.call(Method::GET, path, token).await.ok();
        assert_eq!(session["messages"].as_array().map(Vec::len), Some(4), "{user}");
        assert_eq!(
            admin(second, Method::GET, &format!("/users/{user}")).await["loaded"],
            true
        );
    }
}

#[tokio::test]
async fn a_stream_comes_through_piece_by_piece() {
    let cluster = Cluster::start().await;
    let users = cluster.users(1).await;
    let gate = Gate::closed();
    cluster.provider.then(Reply::pieces(["one ", "two"]).gated(&gate));
    let body = json!({"message": "hi"});
    let mut events = cluster
        .nginx
        .post("/api/v1/chat/stream", &users[0].1, &body)
        .events()
        .await;
    gate.pass(1);
    // The second piece has not left the provider yet.
    assert_eq!(events.delta().await, "one ");
    gate.pass(1);
    assert_eq!(events.last("done").await["reply"], "one two");
}

#[tokio::test]
async fn what_is_for_whoever_runs_the_service_is_not_for_the_world() {
    let cluster = Cluster::start().await;
    for path in [
        "/metrics",
        "/api/v1/metrics",
        "/api/v1/multi-tenant/stats",
        "/api/v1/multi-tenant/users",
    ] {
        assert_eq!(
            cluster.nginx.call(Method::GET, path, SERVICE_TOKEN).await.status,
            404,
            "{path}"
        );
    }
    assert_eq!(cluster.nginx.call(Method::GET, "/healthz", "").await.status, 200);
    let moved = cluster.nginx.plain("/a?b=c").await;
    let port = cluster.nginx.https_port();
    assert_eq!(
        (moved.status, moved.header("location")),
        (308, &*format!("https://localhost:{port}/a?b=c"))
    );
}

/// An upgrade and what follows it go both ways, whatever the gateway behind it speaks.
#[tokio::test]
async fn a_connection_is_upgraded_where_the_client_asks_for_it() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    let upstream = Stranger::echoing(answer).await;
    let url = upstream.url();
    let nginx = Nginx::before(&[url.trim_start_matches("http://")]).await;
    let mut socket = nginx.upgraded("/ws").await;
    let request = upstream.request().await.to_lowercase();
    assert!(
        request.contains("connection: upgrade\r\n") && request.contains("upgrade: websocket\r\n"),
        "{request}"
    );
    socket.write_all(b"ping").await.unwrap();
    let mut echo = [0; 4];
    creel_tests::wait::within("the echo", socket.read_exact(&mut echo))
        .await
        .unwrap();
    assert_eq!(&echo, b"ping");
}
