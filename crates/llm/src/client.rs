//! The client: sends, and tries again where that is safe.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::reply::ReplyStream;
use crate::request::Request;
use crate::target::{Api, Target};
use crate::transport::Transport;
use crate::{anthropic, backoff, demo, openai};

/// Bounds of a call.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name lookup, TCP and TLS together.
    pub connect_timeout: Duration,
    /// From sending the request to the head of the answer, connecting included.
    pub first_byte_timeout: Duration,
    /// The longest silence within the answer. Providers that think for long send pings or comments meanwhile.
    pub idle_timeout: Duration,
    /// The most bytes that are read of one answer.
    pub max_reply_bytes: u64,
    /// How often a failed call is made again at most; 0 is never.
    pub retries: u32,
    /// The wait before the first repetition; it doubles with each, with jitter.
    pub base_backoff: Duration,
    /// The longest wait. A provider that asks for a longer one (`Retry-After`) gets no repetition: the error is given out
    /// at once, with the wait in it.
    pub max_backoff: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            max_reply_bytes: 32 * 1024 * 1024,
            retries: 2,
            base_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(20),
        }
    }
}

/// Asks models. Cheap to make and to clone; clones share their connections. Use it within one tokio runtime.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    transport: Transport,
}

impl Client {
    /// Touches neither network nor TLS: the first call does.
    pub fn new(options: Options) -> Self {
        let transport = Transport::new(options.connect_timeout);
        Self {
            inner: Arc::new(Inner { options, transport }),
        }
    }

    /// Asks, and returns once the reply's first event is there (it is not lost: the stream begins with it). Until then a
    /// call that failed in passing is made again, see [`Options`]; afterwards never, because the caller has seen half of
    /// a reply. Dropping the future or the stream hangs up.
    pub async fn stream(&self, target: &Target, request: &Request) -> Result<ReplyStream, Error> {
        let Inner { options, transport } = &*self.inner;
        let body = match target.api {
            Api::Demo => return Ok(demo::reply(request)),
            Api::OpenaiCompletions => openai::body(target, request),
            Api::AnthropicMessages => anthropic::body(target, request),
        };
        let call = transport.prepare(target, body)?;
        let options = &Options {
            first_byte_timeout: target.silence.unwrap_or(options.first_byte_timeout),
            idle_timeout: target.silence.unwrap_or(options.idle_timeout),
            ..options.clone()
        };
        let mut attempt = 0;
        loop {
            let error = match transport.send(target, &call, options).await {
                Ok(mut reply) => match reply.first().await {
                    Ok(()) => return Ok(reply),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if attempt == options.retries {
                return Err(error);
            }
            let Some(wait) = backoff::wait(&error, attempt, options) else {
                return Err(error);
            };
            attempt += 1;
            tracing::info!(model = %target.model, kind = error.kind().label(), attempt, wait_ms = wait.as_millis(), "asking the model again");
            tokio::time::sleep(wait).await;
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
