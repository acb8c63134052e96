//! Which text of an `openclaw.json` somebody has read, so that a later write can be refused once there is another.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The name of a text: the first 16 bytes of its SHA-256, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigVersion(String);

impl ConfigVersion {
    #[must_use]
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text);
        Self(hex::encode(&digest[..16]))
    }

    /// A version as a client repeats it; one that never was names no text.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for ConfigVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
