//! A model provider: OpenAI's chat completions and embeddings, Anthropic's messages, and the list of models, streaming or not, as both
//! companies publish them; with a script of replies, and with every kind of misbehaviour on demand.
//!
//! ```no_run
//! # async fn example() {
//! use creel_testkit::provider::{Provider, Reply};
//!
//! let provider = Provider::start().await;
//! provider.tool_call("weather", r#"{"city":"Kyiv"}"#).reply("It is sunny.");
//! provider.then(Reply::status(429).retry_after("1"));
//! // … point a client at provider.openai_url() or provider.anthropic_url() …
//! assert_eq!(provider.received(0).await.json()["model"], "m1");
//! # }
//! ```
//!
//! Requests that the real API would refuse are refused with 400, and what a client sent can be looked at afterwards.

mod anthropic;
mod body;
mod check;
mod embeddings;
mod exchange;
mod gate;
mod models;
mod openai;
mod reply;
mod server;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

pub use exchange::{End, Exchange};
pub use gate::Gate;
pub use reply::Reply;
pub use server::{listen, serve};
pub use tls::{Authority, Certificate};

use server::Server;

/// A running provider. Dropping it closes its port and all connections.
pub struct Provider {
    address: SocketAddr,
    /// Of its URLs.
    origin: String,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

impl Provider {
    /// Listens on a free loopback port, and greets whoever asks until it is told what to say.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Listens on this address: for a provider that comes back where it was.
    ///
    /// # Panics
    /// If the address is taken.
    pub fn start_at(address: SocketAddr) -> Self {
        Self::start_with(address, None)
    }

    /// [`Self::start`] with TLS. Its URLs name it `localhost`.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start_secure(certificate: Certificate) -> Self {
        Self::start_with(SocketAddr::from(([127, 0, 0, 1], 0)), Some(certificate))
    }

    fn start_with(address: SocketAddr, certificate: Option<Certificate>) -> Self {
        let listener = listen(address, false).expect("a loopback port can be listened on");
        let address = listener.local_addr().expect("a listening socket has an address");
        let origin = match &certificate {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let server = Arc::new(Server::recording());
        let task = tokio::spawn(Arc::clone(&server).run(listener, certificate));
        Self {
            address,
            origin,
            server,
            task,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Base URL for OpenAI-style clients.
    pub fn openai_url(&self) -> String {
        format!("{}/v1", self.origin)
    }

    /// Base URL for Anthropic-style clients.
    pub fn anthropic_url(&self) -> String {
        self.origin.clone()
    }

    /// Answers the next request that has no answer yet with this.
    pub fn then(&self, reply: Reply) -> &Self {
        self.server.script(reply);
        self
    }

    /// [`Self::then`] with a text.
    pub fn reply(&self, text: &str) -> &Self {
        self.then(Reply::text(text))
    }

    /// [`Self::then`] with a call of one tool; `arguments` is JSON text.
    pub fn tool_call(&self, name: &str, arguments: &str) -> &Self {
        self.then(Reply::tool_call(name, arguments))
    }

    /// Answers with this whatever is not in the script.
    pub fn always(&self, reply: Reply) -> &Self {
        self.answer_with(move |_| reply.clone())
    }

    /// Lets a function answer what is not in the script: for clients whose order is not known.
    pub fn answer_with(&self, answer: impl Fn(&Exchange) -> Reply + Send + Sync + 'static) -> &Self {
        self.server.set_default(Box::new(answer));
        self
    }

    /// From now on, refuses requests without this key (401).
    pub fn require_key(&self, key: &str) -> &Self {
        self.server.require_key(key);
        self
    }

    /// All that was asked so far, oldest first.
    pub fn requests(&self) -> Vec<Arc<Exchange>> {
        self.server.exchanges()
    }

    /// The request number `n`, counted from 0; waits for it.
    pub async fn received(&self, n: usize) -> Arc<Exchange> {
        self.server.exchange(n).await
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Closes the port and all connections. From then on connecting is refused.
    pub async fn stop(mut self) {
        self.task.abort();
        // It was cancelled: that is all it can say.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}
