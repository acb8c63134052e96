//! An LLM Gateway as a part of `creel up`, before a fake provider: set up over REST, asked as any client asks.

use std::path::Path;

use creel_testkit::provider::Provider;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::http::{Call, client};
use crate::process::{Ended, Process};
use crate::up::{ADMIN_TOKEN, Builder, Up};
use crate::wait::within;

/// What the fake provider must be shown; clients never see it.
pub const PROVIDER_KEY: &str = "sk-of-the-provider";

pub struct Llm {
    pub up: Up,
    /// A virtual key without limits, that nobody pays for.
    pub key: String,
}

impl Llm {
    /// `m1` and `c1` are models of the fake provider: one spoken to in OpenAI's style, one in Anthropic's.
    pub async fn of(provider: &Provider) -> Self {
        Self::start(provider, Up::builder()).await
    }

    pub async fn start(provider: &Provider, builder: Builder) -> Self {
        provider.require_key(PROVIDER_KEY);
        let up = builder.start().await;
        for (model, name, style, url) in [
            ("m1", "one", "openai", provider.openai_url()),
            ("c1", "two", "anthropic", provider.anthropic_url()),
        ] {
            let request = json!({"style": style, "base_url": url, "api_key": PROVIDER_KEY});
            up.put(&format!("/api/llm/providers/{name}"), &request).await.ok();
            let request = json!({"routes": [{"provider": name}]});
            up.put(&format!("/api/llm/models/{model}"), &request).await.ok();
        }
        // One micro-credit a token, either way.
        up.put("/api/llm/prices/*", &json!({"input": "1", "output": "1"}))
            .await
            .ok();
        let mut llm = Self { up, key: String::new() };
        llm.key = llm.key_with(json!({})).await;
        llm
    }

    /// Makes a virtual key on these terms; it can be used when this returns.
    pub async fn key_with(&self, terms: Value) -> String {
        let made = self.up.post("/api/llm/keys", &terms).await;
        assert_eq!(made.status, 201, "{made:?}");
        let key = made.json()["secret"].as_str().expect("a new key is shown").to_owned();
        crate::wait::until("the key to be known", || async {
            (self.call(Method::GET, "/v1/models").with_token(&key).await.status == 200).then_some(())
        })
        .await;
        key
    }

    pub fn url(&self) -> &str {
        self.up.llm_url()
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(&client(), method, &format!("{}{path}", self.url()), &self.key)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// What all calls have cost, in micro-credits, by the gateway's own metrics.
    pub async fn cost(&self) -> u64 {
        let metrics = self.call(Method::GET, "/metrics").with_token(ADMIN_TOKEN).await.text;
        let costs = metrics
            .lines()
            .filter(|line| line.starts_with("creel_llm_cost_micro_credits_total{"));
        costs
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}

/// Another process of the same gateway: `creel llm run` on the same records, with a journal of its own.
pub struct Node {
    process: Process,
    pub url: String,
}

impl Node {
    /// # Panics
    /// If it does not become ready.
    pub async fn start(up: &Up, journal: &Path) -> Self {
        Self::start_in(up, journal, &[]).await
    }

    /// # Panics
    /// If it does not become ready.
    pub async fn start_in(up: &Up, journal: &Path, environment: &[(&'static str, String)]) -> Self {
        let started = Self::try_start(up, journal, environment).await;
        started.unwrap_or_else(|ended| panic!("creel llm run ended: {ended:?}"))
    }

    /// One that may have to give way to another.
    ///
    /// # Errors
    /// It has ended.
    pub async fn try_start(up: &Up, journal: &Path, environment: &[(&'static str, String)]) -> Result<Self, Ended> {
        let journal = journal.display().to_string();
        let arguments = ["llm", "run", "--listen", "127.0.0.1:0", "--json", "--journal", &journal];
        let mut process = up.creel_runs_in(environment, &arguments);
        let Ok(line) = within("ready line", process.stdout_mut().first_line()).await else {
            return Err(process.ended().await);
        };
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        let url = ready["llm"].as_str().expect("it has an address").to_owned();
        Ok(Self { process, url })
    }

    pub fn call(&self, method: Method, path: &str, key: &str) -> Call {
        Call::new(&client(), method, &format!("{}{path}", self.url), key)
    }

    /// `kill -9`
    pub async fn kill(mut self) -> Ended {
        self.process.kill_now();
        self.process.ended().await
    }

    /// Ctrl-C, and the end that follows.
    pub async fn interrupt(self) -> Ended {
        self.process.signal(Signal::INT);
        self.process.ended().await
    }
}
