//! Virtual keys: what a client shows instead of a provider's key. `sk-creel-` and 43 characters of base64url, 256 random bits; only
//! the SHA-256 is kept.

use std::fmt;

use sha2::{Digest as _, Sha256};

pub const PREFIX: &str = "sk-creel-";
const CHARACTERS: usize = 43;

/// <https://www.rfc-editor.org/rfc/rfc4648#section-5>
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A key in the clear: shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct VirtualKey(String);

/// What is kept of a key.
pub type KeyHash = [u8; 32];

impl VirtualKey {
    /// # Errors
    /// If the system has no randomness.
    pub fn mint() -> std::io::Result<Self> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
        let mut text = String::with_capacity(PREFIX.len() + CHARACTERS);
        text.push_str(PREFIX);
        // 43 times six bits; the last character has the four that are left.
        text.extend((0..CHARACTERS).map(|index| {
            let bit = index * 6;
            let pair = u16::from(bytes[bit / 8]) << 8 | u16::from(bytes.get(bit / 8 + 1).copied().unwrap_or(0));
            let six = pair >> (10 - bit % 8) & 63;
            char::from(ALPHABET[usize::from(six)])
        }));
        Ok(Self(text))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn hash(&self) -> KeyHash {
        hash(&self.0)
    }

    /// Enough of it to tell keys apart in a list.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("{PREFIX}…{}", &self.0[self.0.len() - 4..])
    }
}

impl fmt::Debug for VirtualKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The hash by which a key that somebody shows is looked up. What does not look like a key is looked up too: it finds nothing.
pub fn hash(shown: &str) -> KeyHash {
    Sha256::digest(shown.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_look_like_keys_and_differ() {
        let (one, two) = (VirtualKey::mint().unwrap(), VirtualKey::mint().unwrap());
        assert_ne!(one, two);
        let secret = one.expose().strip_prefix(PREFIX).unwrap();
        assert_eq!(secret.len(), CHARACTERS);
        assert!(secret.bytes().all(|byte| ALPHABET.contains(&byte)), "{secret}");
        assert_eq!(one.hash(), hash(one.expose()));
        assert!(one.expose().ends_with(one.hint().rsplit('…').next().unwrap()));
        assert_eq!(format!("{one:?}"), "***");
    }
}
