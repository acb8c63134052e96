//! JSON Web Tokens in their compact form (RFC 7519, RFC 7515): taken apart strictly, put together, and no word on whom to believe.
//!
//! What may sign a token is decided by whoever verifies it, for one purpose and before the token is looked at; a header that asks for
//! something else is refused (RFC 8725, sections 3.1 and 3.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of a token. Claims of identity providers may be many.
const LONGEST: usize = 16 << 10;

/// What a token says of itself.
#[derive(Debug, Deserialize, Serialize)]
pub struct Header {
    pub alg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// What a reader must understand; none of it is understood here.
    #[serde(skip_serializing)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A token taken apart, and not verified.
#[derive(Debug)]
pub struct Unverified<'a> {
    pub header: Header,
    pub claims: Vec<u8>,
    /// What the signature is of.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// `None`: it is no token of three parts, or one with a part that must be understood and is not.
    pub fn parse(token: &'a str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decoded(header)?).ok()?;
        if header.crit.is_some() {
            return None;
        }
        Some(Self {
            header,
            claims: decoded(claims)?,
            signed: signed.as_bytes(),
            signature: decoded(signature)?,
        })
    }

    /// What it says, once its signature was verified.
    pub fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.claims).ok()
    }
}

/// A token of these claims, which `sign` signs.
pub fn compact(alg: &str, typ: &str, kid: &str, claims: &impl Serialize, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let header = Header {
        alg: alg.to_owned(),
        typ: Some(typ.to_owned()),
        kid: Some(kid.to_owned()),
        crit: None,
    };
    let part = |json: Result<Vec<u8>, serde_json::Error>| encoded(&json.expect("texts and numbers are JSON"));
    let mut token = part(serde_json::to_vec(&header));
    token.push('.');
    token.push_str(&part(serde_json::to_vec(claims)));
    let signature = encoded(&sign(token.as_bytes()));
    token.push('.');
    token.push_str(&signature);
    token
}

pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Only what [`encoded`] would write: no padding, no other alphabet, no bits that say nothing.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AA", encoded(header.as_bytes()), encoded(claims.as_bytes()))
    }

    #[test]
    fn what_was_put_together_comes_apart() {
        let token = compact("EdDSA", "at+jwt", "k1", &json!({"sub": "alice"}), |signed| {
            signed.to_vec()
        });
        let parsed = Unverified::parse(&token).unwrap();
        assert_eq!(
            (parsed.header.alg.as_str(), parsed.header.kid.as_deref()),
            ("EdDSA", Some("k1"))
        );
        assert_eq!(parsed.signature, parsed.signed);
        assert_eq!(parsed.claims::<Value>(), Some(json!({"sub": "alice"})));
    }

    #[test]
    fn what_is_no_token_is_none() {
        let good = token(r#"{"alg":"EdDSA"}"#, "{}");
        assert!(Unverified::parse(&good).is_some());
        for broken in [
            String::new(),
            "..".to_owned(),
            "a.b".to_owned(),
            format!("{good}="),
            format!("{good}.AA"),
            good[..good.len() - 1].to_owned(),
            good.replacen('.', "+.", 1),
            token(r#"{"alg":"EdDSA","alg":"none"}"#, "{}"),
            token(r#"{"alg":"EdDSA","crit":["exp"]}"#, "{}"),
            token(r#"{"typ":"JWT"}"#, "{}"),
            token("[]", "{}"),
            token(r#"{"alg":"EdDSA"}"#, &" ".repeat(LONGEST)),
        ] {
            assert!(Unverified::parse(&broken).is_none(), "{broken}");
        }
    }
}
