//! HTTP as a scenario speaks it: `gateway.post("/api/v1/chat", json!({…})).await.status`.

use std::pin::Pin;
use std::sync::OnceLock;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::sse::Events;
use crate::wait::within;

/// A client that follows no proxy and no redirect.
///
/// # Panics
/// If the system has no randomness.
pub fn client() -> reqwest::Client {
    built(plain())
}

/// The same, which is at this address of the machine: all of 127.0.0.0/8 are.
///
/// # Panics
/// Like it.
pub fn client_from(address: std::net::IpAddr) -> reqwest::Client {
    built(plain().local_address(address))
}

fn plain() -> reqwest::ClientBuilder {
    static TLS: OnceLock<()> = OnceLock::new();
    TLS.get_or_init(|| {
        // An error means that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

fn built(builder: reqwest::ClientBuilder) -> reqwest::Client {
    builder.build().expect("a client without certificates cannot fail")
}

/// A request that is sent when it is awaited.
pub struct Call {
    what: String,
    builder: RequestBuilder,
    token: Option<String>,
}

impl Call {
    pub fn new(client: &reqwest::Client, method: Method, url: &str, token: &str) -> Self {
        let what = format!("answer to {method} {url}");
        Self {
            what,
            builder: client.request(method, url),
            token: Some(token.to_owned()),
        }
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self {
            builder: self.builder.json(body),
            ..self
        }
    }

    /// A body as it is, that says it is JSON.
    #[must_use]
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.header("content-type", "application/json")
            .map(|builder| builder.body(body))
    }

    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.map(|builder| builder.header(name, value))
    }

    #[must_use]
    pub fn with_key(self, idempotency_key: &str) -> Self {
        self.header("idempotency-key", idempotency_key)
    }

    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    #[must_use]
    pub fn without_token(self) -> Self {
        Self { token: None, ..self }
    }

    /// Sends it and reads the answer's events.
    ///
    /// # Panics
    /// If the answer is no event stream.
    pub async fn events(self) -> Events {
        Events::of(self.send().await.expect("a server answers")).await
    }

    fn map(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self {
            builder: change(self.builder),
            ..self
        }
    }

    async fn send(self) -> reqwest::Result<reqwest::Response> {
        let builder = match self.token {
            Some(token) => self.builder.bearer_auth(token),
            None => self.builder,
        };
        within(&self.what, builder.send()).await
    }

    async fn answer(self) -> Answer {
        let what = self.what.clone();
        let response = self.send().await.unwrap_or_else(|error| panic!("no {what}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = within(&what, response.text())
            .await
            .unwrap_or_else(|error| panic!("half of {what}: {error:?}"));
        Answer { status, headers, text }
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.answer())
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// # Panics
    /// If the body is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's text, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The JSON of a success.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Status and code of a problem, in which its other parts are as they must be (RFC 9457).
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        for part in ["title", "detail"] {
            assert!(
                problem[part]
                    .as_str()
                    .is_some_and(|text| !text.is_empty() && !text.contains('\n')),
                "{self:?}"
            );
        }
        (self.status, problem["code"].as_str().unwrap_or_default().to_owned())
    }
}
