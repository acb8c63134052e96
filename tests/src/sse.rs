//! Server-sent events, read as they arrive.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

use crate::wait::within;

/// What an event ends with.
const END: &[u8] = b"\n\n";

/// One event.
#[derive(Debug, PartialEq)]
pub struct Event {
    /// Empty where the server gave none.
    pub name: String,
    pub data: String,
}

impl Event {
    /// # Panics
    /// If the data is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A stream of events. Dropping it hangs up.
pub struct Events {
    bytes: Pin<Box<dyn Stream<Item = Result<Vec<u8>, reqwest::Error>> + Send>>,
    /// A piece may end anywhere, in the middle of a character too.
    unread: Vec<u8>,
}

impl Events {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if kind != "text/event-stream" {
            let status = response.status();
            panic!("no event stream: {status} {:?}", response.text().await);
        }
        let bytes = Box::pin(response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())));
        Self {
            bytes,
            unread: Vec::new(),
        }
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Panics
    /// If the stream breaks off, or says nothing for too long.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.unread.windows(END.len()).position(|part| part == END) {
                let event: Vec<u8> = self.unread.drain(..end + END.len()).collect();
                let event = std::str::from_utf8(&event[..end]).expect("events are text");
                let event = parse(event);
                if event.is_some() {
                    return event;
                }
            }
            let chunk = within("event", self.bytes.next()).await?;
            self.unread
                .extend(chunk.unwrap_or_else(|error| panic!("the stream broke off: {error:?}")));
        }
    }

    /// The data of the next event of this name; others are passed over.
    ///
    /// # Panics
    /// If the stream ends before.
    pub async fn next_named(&mut self, name: &str) -> Value {
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the stream ended without {name}"));
            if event.name == name {
                return event.json();
            }
        }
    }

    /// Waits for a comment, which must come before any event.
    ///
    /// # Panics
    /// If an event comes first.
    pub async fn comment(&mut self) {
        while self.unread.is_empty() {
            let chunk = within("comment", self.bytes.next()).await.expect("the stream goes on");
            self.unread
                .extend(chunk.unwrap_or_else(|error| panic!("the stream broke off: {error:?}")));
        }
        let begun = String::from_utf8_lossy(&self.unread);
        assert!(begun.starts_with(':'), "{begun:?}");
    }

    /// The text of the next event, which must be a `delta`.
    ///
    /// # Panics
    /// If it is another one.
    pub async fn delta(&mut self) -> String {
        let event = self.next().await.expect("a delta");
        assert_eq!(event.name, "delta", "{event:?}");
        event.json()["text"].as_str().expect("a delta has text").to_owned()
    }

    /// All that is left.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// Reads to the end, and gives the data of the last event, which must have this name.
    ///
    /// # Panics
    /// If it has another one.
    pub async fn last(self, name: &str) -> Value {
        let events = self.rest().await;
        let last = events.last().expect("there is an event");
        assert_eq!(last.name, name, "{events:?}");
        last.json()
    }
}

/// `None`: only a comment.
fn parse(text: &str) -> Option<Event> {
    let (mut name, mut data) = (String::new(), None);
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("event: ") {
            value.clone_into(&mut name);
        } else if let Some(value) = line.strip_prefix("data: ") {
            data = Some(value.to_owned());
        } else {
            assert!(line.starts_with(':'), "{line:?} is no line of an event");
        }
    }
    Some(Event { name, data: data? })
}
