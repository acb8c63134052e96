//! The way to the providers. Every thread has its own: connections are never handed from one thread to another, so that nothing has
//! to be locked.

mod connect;
mod pool;
mod tls;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use thiserror::Error;

use crate::catalog::Base;
use pool::Pool;

pub use pool::Lease;
pub use tls::Tls;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Name lookup, TCP and TLS together.
    pub connect: Duration,
    /// From sending a request to the head of its answer. Without streaming, a provider thinks first and answers then.
    pub head: Duration,
}

/// Why there is no head of an answer.
#[derive(Debug, Error)]
pub enum SendError {
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("no answer within {} seconds", .0.as_secs())]
    Silent(Duration),
    /// On a connection that was used before: the provider may just have closed it.
    #[error("the connection was closed: {0}")]
    Stale(hyper::Error),
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
}

/// This thread's connections.
pub struct Upstream {
    pool: Rc<Pool>,
    tls: Arc<Tls>,
    patience: Patience,
}

impl Upstream {
    pub fn new(tls: Arc<Tls>, patience: Patience) -> Self {
        Self {
            pool: Rc::default(),
            tls,
            patience,
        }
    }

    /// Sends a request on an idle connection or a new one. The answer's body must be read to its end and the lease given back then;
    /// dropping them hangs up, and the provider stops working.
    ///
    /// # Errors
    /// [`SendError`]: there is no answer, not even half of one.
    pub async fn send(
        &self,
        base: &Base,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        let (mut lease, is_new) = match self.pool.take(&base.key).await {
            Some(lease) => (lease, false),
            None => {
                // In a box: few calls connect, and the others' futures are the smaller without it.
                let connecting = Box::pin(connect::connect(base, &self.tls));
                let sender = tokio::time::timeout(self.patience.connect, connecting)
                    .await
                    .map_err(|_| {
                        SendError::Connect(format!("no connection within {} s", self.patience.connect.as_secs()))
                    })?
                    .map_err(SendError::Connect)?;
                (self.pool.lease(&base.key, sender), true)
            }
        };
        let sending = lease.sender().send_request(request);
        match tokio::time::timeout(self.patience.head, sending).await {
            Ok(Ok(response)) => Ok((response, lease)),
            Ok(Err(error)) if is_new => Err(SendError::Broken(error)),
            Ok(Err(error)) => Err(SendError::Stale(error)),
            Err(_) => Err(SendError::Silent(self.patience.head)),
        }
    }
}
