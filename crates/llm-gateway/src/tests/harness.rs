//! A gateway of a test's own: `House::new(&provider).start().await`, then calls as a client makes them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use creel_testkit::provider::Provider as Fake;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::catalog::{Budgets, Catalog, Key, Limits, Model, Provider, Route, Strategy};
use crate::gateway::Gateway;
use crate::key::VirtualKey;
use crate::ledger::memory::MemoryBooks;
use crate::ledger::{JournalConfig, Ledger, Micros, PurseId};
use crate::price::{Multiplier, Price};
use crate::settings::Settings;
use crate::style::Style;

/// One micro-credit a token, either way.
pub const PRICE: Price = Price {
    input: 1_000_000,
    cached_input: None,
    cache_write: None,
    output: 1_000_000,
    call: 0,
};

/// What a gateway of a test is made of.
pub struct House {
    pub catalog: Catalog,
    pub settings: Settings,
    pub credits: i64,
    now: i64,
    key: VirtualKey,
}

/// A running one.
pub struct Running {
    pub gateway: Gateway,
    pub books: Arc<MemoryBooks>,
    pub key: String,
    credits: i64,
    _journal: tempfile::TempDir,
}

impl House {
    /// One model, `m1`, at an OpenAI-style provider; `c1` at an Anthropic-style one: both of them the same fake.
    pub fn new(fake: &Fake) -> Self {
        let key = VirtualKey::mint().unwrap();
        let mut house = Self {
            catalog: Catalog::default(),
            settings: Settings {
                threads: 1,
                ..Settings::default()
            },
            credits: 1_000_000,
            now: 0,
            key: key.clone(),
        };
        house.catalog.keys.insert(key.hash(), Arc::new(plain_key()));
        house.model("m1", &[provider("openai", Style::Openai, &fake.openai_url())]);
        house.model("c1", &[provider("anthropic", Style::Anthropic, &fake.anthropic_url())]);
        house
    }

    /// Lists a model under this name at these providers, by priority.
    pub fn model(&mut self, name: &str, providers: &[Provider]) {
        let route = |(priority, provider): (usize, &Provider)| Route {
            provider: Arc::new(copy(provider)),
            model: name.to_owned(),
            weight: 1,
            priority: priority as u32,
        };
        let model = Model {
            name: name.into(),
            is_listed: true,
            routes: providers.iter().enumerate().map(route).collect(),
            strategy: Strategy::Weighted,
            price: Some(PRICE),
            max_output: 1_000,
        };
        self.catalog.models.insert(name.to_owned(), Arc::new(model));
    }

    /// A listed model, to be changed and put back.
    pub fn unlisted(&mut self, name: &str) -> Model {
        let model = self.catalog.models.remove(name).unwrap();
        Arc::into_inner(model).unwrap()
    }

    pub fn key(mut self, change: impl FnOnce(&mut Key)) -> Self {
        let mut key = plain_key();
        change(&mut key);
        self.catalog.keys.insert(self.key.hash(), Arc::new(key));
        self
    }

    pub fn credits(mut self, credits: i64) -> Self {
        self.credits = credits;
        self
    }

    /// When it begins, by the clock of the books, in milliseconds since the Unix epoch.
    pub fn at(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub async fn start(self) -> Running {
        let books = Arc::new(MemoryBooks::default());
        books.set_time(self.now);
        books.grant("alice", Micros(self.credits));
        let journal = tempfile::TempDir::new().unwrap();
        let ledger = Ledger::open(JournalConfig::new(journal.path()), books.clone())
            .await
            .unwrap();
        let gateway = Gateway::start(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            self.settings,
            self.catalog,
            ledger,
        )
        .unwrap();
        Running {
            gateway,
            books,
            key: self.key.expose().to_owned(),
            credits: self.credits,
            _journal: journal,
        }
    }
}

fn plain_key() -> Key {
    Key {
        id: "k1".into(),
        user: Some("alice".into()),
        instance: None,
        models: None,
        aliases: BTreeMap::new(),
        limits: Limits::default(),
        budgets: Budgets::default(),
        multiplier: Multiplier::default(),
        expires_at: None,
        state: Arc::default(),
    }
}

pub fn provider(name: &str, style: Style, url: &str) -> Provider {
    Provider::new(name, style, url, Some("sk-provider-secret")).unwrap()
}

fn copy(provider: &Provider) -> Provider {
    Provider {
        name: provider.name.clone(),
        style: provider.style,
        base: provider.base.clone(),
        headers: provider.headers.clone(),
        has_responses: provider.has_responses,
        any_model: provider.any_model,
        health: Arc::default(),
    }
}

impl Running {
    pub async fn client(&self) -> Client {
        Client::connect(self.gateway.address(), &self.key).await
    }

    /// What was charged, once all is in the books.
    pub async fn spent(self) -> i64 {
        let Self {
            gateway,
            books,
            credits,
            _journal,
            ..
        } = self;
        gateway.stop().await;
        assert_eq!(books.held(), Micros::ZERO, "nothing is left reserved");
        let settled: i64 = books.settled().iter().map(|call| call.cost.0).sum();
        let left = books.balance(&PurseId::Account("alice".into()));
        assert_eq!(credits - left.0, settled, "what was charged is what is gone");
        settled
    }
}

/// One connection of a client.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    key: String,
    headers: HeaderMap,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub async fn connect(address: SocketAddr, key: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self {
            sender,
            key: key.to_owned(),
            headers: HeaderMap::new(),
        }
    }

    /// Sends this header with every call.
    pub fn says(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub async fn begin(&mut self, path: &str, body: impl Into<Bytes>) -> http::Response<Incoming> {
        let mut request = Request::post(path)
            .header("host", "gateway")
            .header("authorization", format!("Bearer {}", self.key))
            .body(Full::new(body.into()))
            .unwrap();
        request.headers_mut().extend(self.headers.clone());
        self.sender.ready().await.unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(http::Method::GET, path, headers).await
    }

    pub async fn ask(&mut self, method: http::Method, path: &str) -> Answer {
        self.send(method, path, &[]).await
    }

    async fn send(&mut self, method: http::Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "gateway")
            .header("authorization", format!("Bearer {}", self.key));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.ready().await.unwrap();
        let response = self
            .sender
            .send_request(request.body(Full::default()).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Answer {
        let (head, body) = self.begin(path, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The data of its events.
    pub fn events(&self) -> Vec<String> {
        let data = crate::sse::events(&self.body).filter_map(crate::sse::data);
        data.map(|data| String::from_utf8(data.into_owned()).unwrap()).collect()
    }
}
