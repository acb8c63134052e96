//! An ID token, believed or not: OpenID Connect Core 1.0, section 3.1.3.7.

use creel_records::now_ms;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

use super::super::jwt::{Header, Unverified, decoded};
use super::OidcError;

/// Seconds by which the provider's clock may differ.
const SKEW: i64 = 60;

/// A key of the provider's, of a kind that is known here (RFC 7517, RFC 7518).
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kty")]
pub enum Jwk {
    #[serde(rename = "RSA")]
    Rsa {
        kid: Option<String>,
        #[serde(rename = "use")]
        purpose: Option<String>,
        n: String,
        e: String,
    },
    #[serde(rename = "EC")]
    Ec {
        kid: Option<String>,
        #[serde(rename = "use")]
        purpose: Option<String>,
        crv: String,
        x: String,
        y: String,
    },
}

impl Jwk {
    fn is(&self, header: &Header) -> bool {
        let (kid, purpose) = match self {
            Self::Rsa { kid, purpose, .. } | Self::Ec { kid, purpose, .. } => (kid, purpose),
        };
        // A token without a name for its key has the one that fits.
        let named = header.kid.is_none() || *kid == header.kid;
        named && purpose.as_deref().is_none_or(|purpose| purpose == "sig")
    }

    /// Whether this key has made the signature, by the one algorithm of its kind.
    fn verifies(&self, token: &Unverified<'_>) -> bool {
        match self {
            Self::Rsa { n, e, .. } if token.header.alg == "RS256" => {
                let (Some(n), Some(e)) = (decoded(n), decoded(e)) else {
                    return false;
                };
                let key = RsaPublicKeyComponents { n: &n, e: &e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, token.signed, &token.signature)
                    .is_ok()
            }
            Self::Ec { crv, x, y, .. } if token.header.alg == "ES256" && crv == "P-256" => {
                let (Some(x), Some(y)) = (decoded(x), decoded(y)) else {
                    return false;
                };
                // An uncompressed point: SEC 1, section 2.3.3.
                let point = [&[4], x.as_slice(), &y].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(token.signed, &token.signature).is_ok()
            }
            _ => false,
        }
    }
}

/// Whom the provider vouches for.
#[derive(Debug, PartialEq, Eq)]
pub struct Subject {
    pub issuer: String,
    pub id: String,
    /// One that the provider has verified.
    pub email: Option<String>,
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: Verified,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A truth, which some providers write as a text.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Verified {
    Truth(bool),
    Text(String),
    #[default]
    Missing,
}

/// What a token must say.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
}

/// Whether one of these keys may be the token's.
pub fn has_key(token: &str, keys: &[Jwk]) -> bool {
    Unverified::parse(token).is_some_and(|token| keys.iter().any(|key| key.is(&token.header)))
}

/// # Errors
/// Which part of the token is not as it must be.
pub fn verify(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Subject, OidcError> {
    let wrong = |what| Err(OidcError::Wrong(what));
    let Some(token) = Unverified::parse(token) else {
        return wrong("the ID token is none");
    };
    if !keys.iter().any(|key| key.is(&token.header) && key.verifies(&token)) {
        return wrong("the ID token is not signed with a key of the provider's");
    }
    let Some(claims) = token.claims::<Claims>() else {
        return wrong("the ID token does not say what it must");
    };
    if claims.iss.trim_end_matches('/') != expected.issuer {
        return wrong("the ID token is of another issuer");
    }
    let (is_ours, is_others_too) = match &claims.aud {
        Audience::One(one) => (one == expected.client_id, false),
        Audience::Many(many) => (many.iter().any(|one| one == expected.client_id), many.len() > 1),
    };
    let party = claims.azp.as_deref();
    if !is_ours || party.is_some_and(|party| party != expected.client_id) || (is_others_too && party.is_none()) {
        return wrong("the ID token is for somebody else");
    }
    let now = now_ms() / 1_000;
    if claims.exp <= now - SKEW || claims.nbf.is_some_and(|from| from > now + SKEW) {
        return wrong("the ID token is not in its time");
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return wrong("the ID token is of another sign-in");
    }
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return wrong("the ID token names nobody");
    }
    let is_verified = match claims.email_verified {
        Verified::Truth(truth) => truth,
        Verified::Text(text) => text == "true",
        Verified::Missing => false,
    };
    Ok(Subject {
        issuer: expected.issuer.to_owned(),
        id: claims.sub,
        email: claims.email.filter(|_| is_verified),
        name: claims.name,
    })
}
