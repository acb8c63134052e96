//! An instance's gateway token, and how it is kept.
//!
//! A token is 32 random bytes in hex. It is shown once, when it is made. Kept are its SHA-256 and the token sealed with
//! XChaCha20-Poly1305 under the home's master key, because the control plane must hand it to the process at every start.

use std::fmt;
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::{FleetError, home};

/// The token of an instance's gateway: 64 hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

const NONCE_BYTES: usize = 24;

impl Token {
    /// A fresh one.
    pub(crate) fn mint() -> std::io::Result<Self> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(no_randomness)?;
        Ok(Self(hex::encode(bytes)))
    }

    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is recorded of it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

fn no_randomness(error: getrandom::Error) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

/// Seals secrets under the home's master key.
#[derive(Clone)]
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// With the master key in this directory (a home's `secrets`), which is made if there is none.
    ///
    /// # Errors
    /// [`FleetError::File`] if the master key cannot be read or made.
    pub fn of(secrets: &Path) -> Result<Self, FleetError> {
        home::master_key(secrets).map(|key| Self::new(&key))
    }

    /// With the master key that is there; nothing is made.
    pub(crate) fn found_in(secrets: &Path) -> Option<Self> {
        let key = std::fs::read(secrets.join(home::MASTER_KEY)).ok()?;
        key.first_chunk().filter(|_| key.len() == 32).map(Self::new)
    }

    /// `nonce || ciphertext`, bound to the instance's id: a sealed token does not open under another id.
    pub(crate) fn seal(&self, id: &str, token: &Token) -> std::io::Result<Vec<u8>> {
        self.seal_text(id, &token.0)
    }

    /// `nonce || ciphertext`, bound to what the secret is for: it does not open for anything else.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn seal_text(&self, purpose: &str, secret: &str) -> std::io::Result<Vec<u8>> {
        let mut sealed = vec![0_u8; NONCE_BYTES];
        getrandom::fill(&mut sealed).map_err(no_randomness)?;
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: purpose.as_bytes(),
        };
        let text = self
            .0
            .encrypt(XNonce::from_slice(&sealed), payload)
            .map_err(|_| std::io::ErrorKind::InvalidInput)?;
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// `None` if the key, the id or the bytes are not those it was sealed with.
    pub(crate) fn open(&self, id: &str, sealed: &[u8]) -> Option<Token> {
        self.open_text(id, sealed).map(Token)
    }

    /// `None` if the key, the purpose or the bytes are not those it was sealed with.
    #[must_use]
    pub fn open_text(&self, purpose: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload {
            msg: text,
            aad: purpose.as_bytes(),
        };
        let secret = self.0.decrypt(XNonce::from_slice(nonce), payload).ok()?;
        String::from_utf8(secret).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_token_opens_only_with_its_key_and_id() {
        let token = Token::mint().expect("randomness");
        assert_eq!(token.expose().len(), 64);
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("alice", &token).expect("sealing");
        assert!(
            !sealed
                .windows(8)
                .any(|part| token.expose().as_bytes().windows(8).any(|plain| plain == part))
        );
        assert_eq!(sealer.open("alice", &sealed), Some(token.clone()));
        assert_eq!(sealer.open("bob", &sealed), None);
        assert_eq!(Sealer::new(&[8; 32]).open("alice", &sealed), None);
        assert_eq!(sealer.open("alice", &sealed[..20]), None);
        let mut bent = sealed.clone();
        bent[30] ^= 1;
        assert_eq!(sealer.open("alice", &bent), None);
    }

    #[test]
    fn two_tokens_and_two_seals_of_one_token_differ() {
        let (one, two) = (Token::mint().expect("randomness"), Token::mint().expect("randomness"));
        assert_ne!(one, two);
        let sealer = Sealer::new(&[7; 32]);
        assert_ne!(
            sealer.seal("a", &one).expect("sealing"),
            sealer.seal("a", &one).expect("sealing")
        );
    }

    #[test]
    fn a_token_does_not_show_itself() {
        assert_eq!(format!("{:?}", Token::mint().expect("randomness")), "***");
    }
}
