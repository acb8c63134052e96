//! What the two APIs have in common where replies are read.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

use crate::event::Event;

/// Reads one reply in one API's writing.
pub trait Decode: Send + Sync {
    /// Takes the data of one server-sent event. `true`: that was the last one.
    fn event(&mut self, data: &[u8], out: &mut VecDeque<Event>) -> Result<bool, Fault>;

    /// The stream has ended without an event that says so. Fine with some providers, if the model was done.
    fn end(&mut self, out: &mut VecDeque<Event>) -> Result<(), Fault>;

    /// Takes a reply that came as one JSON document: some providers do not stream, or not always.
    fn whole(&mut self, body: &[u8], out: &mut VecDeque<Event>) -> Result<(), Fault>;
}

/// Why a reply cannot be read on.
#[derive(Debug)]
pub enum Fault {
    /// The provider says why it gives up: its `error` object.
    Refused(Value),
    Garbage(String),
    Cut,
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Garbage(error.to_string())
    }
}

/// Reads JSON that a provider wrote. Whether it is UTF-8 is looked at once, not of every string in it.
pub fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Fault> {
    let text = str::from_utf8(bytes).map_err(|error| Fault::Garbage(error.to_string()))?;
    Ok(serde_json::from_str(text)?)
}

/// A complete JSON text for a call's arguments: what the model wrote, or `{}` where it wrote nothing.
pub fn arguments(written: String) -> String {
    if written.trim().is_empty() {
        "{}".to_owned()
    } else {
        written
    }
}
