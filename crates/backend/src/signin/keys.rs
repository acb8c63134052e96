//! The keys that access tokens are signed with: Ed25519 (RFC 8037).
//!
//! Each control plane signs with a key of its own, whose private half only it can open; the public halves are in the records, so that all
//! verify what any of them has signed, whichever home they have. A key signs for [`SIGNS`], and verifies for as long as a token that it
//! signed last may live.

use std::sync::Arc;

use arc_swap::ArcSwap;
use creel_fleet::Sealer;
use creel_http::random_id;
use creel_records::{Records, RecordsError, SigningKey};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use tokio::sync::Mutex;

/// Milliseconds that a key signs.
pub const SIGNS: i64 = 30 * 24 * 3_600_000;
/// Milliseconds that the longest token lives, and as long again for clocks that differ.
const OUTLIVES: i64 = 2 * super::access::LIFE_MS;

pub struct Keys {
    records: Arc<dyn Records>,
    sealer: Sealer,
    known: ArcSwap<Vec<Known>>,
    /// Held while a key is made: those who come together need one.
    making: Mutex<()>,
}

#[derive(Clone)]
struct Known {
    kid: String,
    public: Vec<u8>,
    /// Where it is one of ours.
    pair: Option<Arc<Ed25519KeyPair>>,
    created_at: i64,
}

/// A key to sign with.
pub struct Signer {
    pub kid: String,
    pair: Arc<Ed25519KeyPair>,
}

impl Signer {
    pub fn sign(&self, signed: &[u8]) -> Vec<u8> {
        self.pair.sign(signed).as_ref().to_vec()
    }
}

impl Keys {
    pub fn new(records: Arc<dyn Records>, sealer: Sealer) -> Self {
        Self {
            records,
            sealer,
            known: ArcSwap::default(),
            making: Mutex::default(),
        }
    }

    /// What is signed with at `now` (ms).
    pub async fn signer(&self, now: i64) -> Result<Signer, RecordsError> {
        if let Some(signer) = self.own(now) {
            return Ok(signer);
        }
        let _first = self.making.lock().await;
        if self.own(now).is_none() {
            self.read().await?;
        }
        if let Some(signer) = self.own(now) {
            return Ok(signer);
        }
        self.make(now).await?;
        self.records.delete_signing_keys_before(now - SIGNS - OUTLIVES).await?;
        self.read().await?;
        self.own(now).ok_or_else(|| RecordsError::NotFound {
            what: "signing key",
            id: "of this control plane".to_owned(),
        })
    }

    /// Whether the key of this name has signed this, and may have at `now` (ms).
    pub async fn verify(&self, kid: &str, signed: &[u8], signature: &[u8], now: i64) -> Result<bool, RecordsError> {
        let known = match self.find(kid) {
            Some(known) => Some(known),
            // Another control plane may have made it since.
            None => {
                self.read().await?;
                self.find(kid)
            }
        };
        let Some(known) = known.filter(|known| now < known.created_at + SIGNS + OUTLIVES) else {
            return Ok(false);
        };
        let key = UnparsedPublicKey::new(&ED25519, &known.public);
        Ok(key.verify(signed, signature).is_ok())
    }

    fn find(&self, kid: &str) -> Option<Known> {
        self.known.load().iter().find(|known| known.kid == kid).cloned()
    }

    fn own(&self, now: i64) -> Option<Signer> {
        let known = self.known.load();
        let own = known.iter().find_map(|known| {
            let young = now < known.created_at + SIGNS;
            Some((known, known.pair.clone().filter(|_| young)?))
        });
        own.map(|(known, pair)| Signer {
            kid: known.kid.clone(),
            pair,
        })
    }

    async fn read(&self) -> Result<(), RecordsError> {
        let keys = self.records.signing_keys().await?;
        let known = keys.into_iter().map(|key| Known {
            pair: self.pair(&key).map(Arc::new),
            kid: key.kid,
            public: key.public,
            created_at: key.created_at,
        });
        self.known.store(Arc::new(known.collect()));
        Ok(())
    }

    /// The pair of a key that this control plane made.
    fn pair(&self, key: &SigningKey) -> Option<Ed25519KeyPair> {
        let seed = self.sealer.open_text(&purpose(&key.kid), &key.sealed)?;
        let seed = super::jwt::decoded(&seed)?;
        Ed25519KeyPair::from_seed_and_public_key(&seed, &key.public).ok()
    }

    async fn make(&self, now: i64) -> Result<(), RecordsError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the kernel has random bytes");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed");
        let kid = random_id();
        let sealed = self.sealer.seal_text(&purpose(&kid), &super::jwt::encoded(&seed));
        let key = SigningKey {
            sealed: sealed.expect("the kernel has random bytes"),
            public: pair.public_key().as_ref().to_vec(),
            kid,
            created_at: now,
        };
        let digest = crate::auth::sha256_of(&key.public);
        tracing::info!(
            kid = key.kid,
            public_sha256 = hex::encode(&digest[..8]),
            "access tokens are signed with a new key"
        );
        self.records.put_signing_key(&key).await
    }
}

fn purpose(kid: &str) -> String {
    format!("signing key {kid}")
}
