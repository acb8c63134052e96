//! What a client asked, and what became of the answer.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::sync::watch;

/// One request.
#[derive(Debug)]
pub struct Exchange {
    pub method: Method,
    /// With its query, if any.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    end: watch::Sender<Option<End>>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All that the script had to say was handed to the network.
    Answered,
    /// The client went away before.
    HungUp,
}

impl Exchange {
    pub(super) fn new(method: Method, path: String, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            method,
            path,
            headers,
            body,
            end: watch::Sender::new(None),
        }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the client sends JSON")
    }

    /// A header's text, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Waits for the end.
    pub async fn ended(&self) -> End {
        let mut end = self.end.subscribe();
        let end = end.wait_for(Option::is_some).await.expect("the sender is in self");
        end.expect("it was waited for")
    }

    /// The first end counts.
    pub(super) fn end(&self, how: End) {
        self.end
            .send_if_modified(|end| end.is_none() && end.insert(how) == &how);
    }
}
