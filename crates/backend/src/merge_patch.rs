//! Members of a JSON Merge Patch (<https://www.rfc-editor.org/rfc/rfc7396>), where `null` says something else than silence.

use serde::{Deserialize, Deserializer};

/// The outer `None`: absent; the inner: `null`. Goes with `#[serde(default, deserialize_with = "given")]`.
pub type Given<T> = Option<Option<T>>;

pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Given<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
