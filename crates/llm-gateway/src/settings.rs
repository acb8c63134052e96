//! What an operator can set of the gateway as a whole. Everything else is in the records.

use std::time::Duration;

use crate::key::KeyHash;
use crate::relay::Bounds;
use crate::upstream::Patience;

/// What becomes of a model without a price, where somebody would have to pay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unpriced {
    /// Nobody can be charged by surprise, and nobody can spend what is not counted.
    #[default]
    Refuse,
    /// It costs nothing.
    Free,
}

impl std::str::FromStr for Unpriced {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "free" => Ok(Self::Free),
            _ => Err(format!(
                "\"{text}\": a model without a price is refused or free: refuse, free"
            )),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that serve, each with its own listener and connections.
    pub threads: usize,
    /// Connections of clients at a time, on each thread.
    pub connections: usize,
    /// Bytes of a request's body. Anthropic takes 32 MB: <https://docs.anthropic.com/en/api/overview#request-size-limits>.
    pub max_body: usize,
    /// Bytes of a reply that is translated whole.
    pub max_reply: usize,
    /// The longest pause within a request.
    pub client_patience: Duration,
    /// For how long a client may take nothing of its answer.
    pub client_stall: Duration,
    /// For how long a connection is kept for the next request.
    pub client_idle: Duration,
    pub provider: Patience,
    pub reply: Bounds,
    /// Attempts for one call, all providers together.
    pub attempts: usize,
    pub unpriced: Unpriced,
    /// SHA-256 of the token that `/metrics` wants. A virtual key does not open it: it tells what others use. `None`: it stays shut.
    pub metrics_token: Option<KeyHash>,
    /// For how long running calls may go on when the gateway stops.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, |threads| threads.get().min(8)),
            connections: 10_000,
            max_body: 32 * 1024 * 1024,
            max_reply: 32 * 1024 * 1024,
            client_patience: Duration::from_secs(30),
            client_stall: Duration::from_secs(120),
            client_idle: Duration::from_secs(90),
            provider: Patience {
                connect: Duration::from_secs(10),
                head: Duration::from_secs(600),
            },
            reply: Bounds {
                idle: Duration::from_secs(300),
                total: Duration::from_secs(3_600),
            },
            attempts: 3,
            unpriced: Unpriced::default(),
            metrics_token: None,
            grace: Duration::from_secs(30),
        }
    }
}
