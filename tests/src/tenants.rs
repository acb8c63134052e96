//! A gateway for many users, with a Cloud Backend of its own.

use std::path::PathBuf;

use creel_testkit::cloud::CloudBackend;
use creel_testkit::provider::Provider;
use reqwest::Method;
use serde_json::{Value, json};

use crate::gateway::{Builder, Gateway};
use crate::http::{Answer, Call};
use crate::sse::Events;
use crate::up::Up;

pub const SERVICE_TOKEN: &str = "of-the-service-0123456789";

/// The gateway, whom it asks, and who answers its users.
pub struct Service<C = CloudBackend> {
    pub cloud: C,
    pub provider: Provider,
    pub gateway: Gateway,
}

impl Service {
    /// A service with these users, and their tokens.
    pub async fn of<const N: usize>(users: [&str; N]) -> (Self, [String; N]) {
        Self::with(users, json!({})).await
    }

    /// The same, with more in the global configuration.
    pub async fn with<const N: usize>(users: [&str; N], more: Value) -> (Self, [String; N]) {
        let cloud = CloudBackend::start(SERVICE_TOKEN).await;
        let tokens = users.map(|user| cloud.add(user));
        let provider = Provider::start().await;
        let service = Self::on(cloud, provider, more).await;
        (service, tokens)
    }
}

/// Who is asked what changed.
pub trait Cloud {
    fn address(&self) -> String;
}

impl Cloud for CloudBackend {
    fn address(&self) -> String {
        self.url()
    }
}

impl Cloud for Up {
    fn address(&self) -> String {
        self.url().to_owned()
    }
}

impl<C: Cloud> Service<C> {
    /// A service that asks this backend.
    pub async fn on(cloud: C, provider: Provider, more: Value) -> Self {
        let gateway = builder(&cloud, &provider).config(more).start().await;
        let service = Self {
            cloud,
            provider,
            gateway,
        };
        service.ready().await;
        service
    }

    /// Waits until users are let in.
    pub async fn ready(&self) {
        let is_ready = |answer: &Answer| answer.status == 200;
        self.gateway
            .eventually("readiness", |gateway| gateway.get("/readyz"), is_ready)
            .await;
    }

    /// Drains the gateway and starts it again.
    pub async fn restart(mut self) -> Self {
        self.gateway = self.gateway.restart().await;
        self
    }

    /// Asks the gateway to sync, and waits until it has.
    pub async fn sync(&self) -> Answer {
        self.admin(Method::POST, "/sync").await
    }

    /// A question of whoever runs the service.
    pub fn admin(&self, method: Method, path: &str) -> Call {
        let path = format!("/api/v1/multi-tenant{path}");
        self.gateway.call(method, &path).with_token(SERVICE_TOKEN)
    }

    pub async fn stats(&self) -> Value {
        self.admin(Method::GET, "/stats").await.ok()
    }

    /// `body` of `/api/v1/chat`, as this user.
    pub fn ask(&self, token: &str, body: Value) -> Call {
        self.gateway.ask(body).with_token(token)
    }

    /// A greeting of this user, in a session.
    pub fn greet(&self, token: &str, session: &str) -> Call {
        self.ask(token, json!({"message": "hi", "session_id": session}))
    }

    pub async fn stream(&self, token: &str, session: &str) -> Events {
        let body = json!({"message": "hi", "session_id": session});
        let call = self.gateway.post("/api/v1/chat/stream", &body);
        call.with_token(token).events().await
    }

    /// Status and code of a problem that this user is told when they greet.
    pub async fn refusal(&self, token: &str) -> (u16, String) {
        self.greet(token, "s").await.problem()
    }

    /// Waits until a greeting of this user is answered with this status.
    pub async fn greeted_with(&self, token: &str, status: u16) -> Answer {
        let what = format!("{status} for {token}");
        let greet = |gateway: &Gateway| gateway.ask(json!({"message": "hi"})).with_token(token);
        self.gateway
            .eventually(&what, greet, |answer| answer.status == status)
            .await
    }

    pub fn workspace(&self, user: &str) -> PathBuf {
        self.gateway.builder_again().home().join("workspaces").join(user)
    }
}

/// How such a gateway is started.
pub fn builder(cloud: &impl Cloud, provider: &Provider) -> Builder {
    let builder = Gateway::builder().provider(provider);
    let home = builder.home();
    builder.env("OPENCLAW_SERVICE_TOKEN", SERVICE_TOKEN).config(json!({
        "multiTenant": {
            "enabled": true,
            "cloudBackendUrl": cloud.address(),
            "workspaceRoot": home.join("workspaces"),
            "configRoot": home.join("configs"),
            "templatePath": home.join("template"),
            "syncIntervalMs": 50,
        },
        "gateway": {"rateLimit": "off"},
    }))
}
