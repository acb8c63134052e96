//! The keys that it signs ID tokens with: JSON Web Signatures (RFC 7515), made without any of Creel's code.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{hmac, rsa};
use serde_json::{Value, json};

use super::{Algorithm, Wrong};

/// For these tests alone: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER`.
const RSA_KEY: &[u8] = include_bytes!("rsa-test-key.p8");

pub struct Keys {
    kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

impl Keys {
    pub fn new(algorithm: Algorithm) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(1);
        let pair = match algorithm {
            Algorithm::Rs256 => Pair::Rsa(RsaKeyPair::from_pkcs8(RSA_KEY).expect("the key is one")),
            Algorithm::Es256 => {
                let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
                let made = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("the kernel has random bytes");
                Pair::Ecdsa(EcdsaKeyPair::from_pkcs8(kind, made.as_ref(), &random).expect("it was just made"))
            }
        };
        Self {
            kid: format!("key-{}", MADE.fetch_add(1, Ordering::Relaxed)),
            pair,
        }
    }

    /// The key set (RFC 7517), with a key in it that nobody here knows.
    pub fn set(&self) -> Value {
        let key = match &self.pair {
            Pair::Rsa(pair) => {
                let parts = rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256",
                       "n": encoded(&parts.n), "e": encoded(&parts.e)})
            }
            Pair::Ecdsa(pair) => {
                // An uncompressed point: 4, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "x": encoded(x), "y": encoded(y)})
            }
        };
        json!({"keys": [{"kty": "OKP", "crv": "X448", "kid": "other", "x": "AA"}, key]})
    }

    /// An ID token of these claims.
    pub fn token(&self, claims: &Value, wrong: Wrong) -> String {
        let alg = match (&self.pair, wrong) {
            (_, Wrong::AlgNone) => "none",
            (_, Wrong::AlgHmac) => "HS256",
            (Pair::Rsa(_), _) => "RS256",
            (Pair::Ecdsa(_), _) => "ES256",
        };
        let kid = if wrong == Wrong::UnknownKey {
            "nobody's"
        } else {
            &self.kid
        };
        let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
        let signed = format!(
            "{}.{}",
            encoded(header.to_string().as_bytes()),
            encoded(claims.to_string().as_bytes())
        );
        let signature = match wrong {
            Wrong::AlgNone => Vec::new(),
            Wrong::AlgHmac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.set()["keys"][1].to_string().as_bytes());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            Wrong::Signature => self.sign(b"other claims"),
            _ => self.sign(signed.as_bytes()),
        };
        format!("{signed}.{}", encoded(&signature))
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature);
                signed.expect("there is room for the signature");
                signature
            }
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&random, bytes).expect("the kernel has random bytes");
                signature.as_ref().to_vec()
            }
        }
    }
}

pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
