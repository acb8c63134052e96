//! Idle connections of one thread, by provider. The one that was used last is used next: few stay warm, the others run out.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::time::{Duration, Instant};

pub type Sender = SendRequest<Full<Bytes>>;

/// Idle connections of a thread to one provider; further ones are closed.
const MOST_IDLE: usize = 256;
/// Providers close idle connections after a minute or more; we do before.
const LONGEST_IDLE: Duration = Duration::from_secs(45);

#[derive(Default)]
pub struct Pool {
    idle: RefCell<HashMap<Arc<str>, Vec<Idle>>>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

/// A connection in use.
pub struct Lease {
    sender: Option<Sender>,
    key: Arc<str>,
    pool: Weak<Pool>,
}

impl Pool {
    /// An idle connection that still lives.
    pub async fn take(self: &Rc<Self>, key: &Arc<str>) -> Option<Lease> {
        loop {
            let Idle { mut sender, since } = self.idle.borrow_mut().get_mut(key)?.pop()?;
            // Its task may just be noticing that the last answer was read, or that the provider hung up.
            if since.elapsed() < LONGEST_IDLE && sender.ready().await.is_ok() {
                return Some(self.lease(key, sender));
            }
        }
    }

    pub fn lease(self: &Rc<Self>, key: &Arc<str>, sender: Sender) -> Lease {
        Lease {
            sender: Some(sender),
            key: Arc::clone(key),
            pool: Rc::downgrade(self),
        }
    }
}

impl Lease {
    pub fn sender(&mut self) -> &mut Sender {
        self.sender
            .as_mut()
            .expect("it is taken by `give_back` alone, which consumes the lease")
    }

    /// The answer was read to its end: the connection may be used again.
    pub fn give_back(mut self) {
        let (Some(sender), Some(pool)) = (self.sender.take(), self.pool.upgrade()) else {
            return;
        };
        if sender.is_closed() {
            return;
        }
        let mut all = pool.idle.borrow_mut();
        let idle = all.entry(Arc::clone(&self.key)).or_default();
        let now = Instant::now();
        // Oldest first: what has run out is at the beginning.
        let fresh = idle
            .iter()
            .position(|idle| now - idle.since < LONGEST_IDLE)
            .unwrap_or(idle.len());
        idle.drain(..fresh);
        if idle.len() < MOST_IDLE {
            idle.push(Idle { sender, since: now });
        }
    }
}
