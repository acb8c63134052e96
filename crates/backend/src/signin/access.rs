//! Access tokens: JWTs (RFC 9068's form) that say who is signed in, by which login, for how long.
//!
//! A token that verifies is looked up all the same: it is worth as much as the login that it names, so that who is disabled, removed, or
//! has another password now is out at once, and not when the token's time is over.

use creel_records::RecordsError;
use serde::{Deserialize, Serialize};

use super::jwt::{Unverified, compact};
use super::keys::Keys;

/// Seconds that an access token lives.
pub const LIFE: i64 = 15 * 60;
pub const LIFE_MS: i64 = LIFE * 1_000;
/// Seconds by which the clocks of two control planes may differ.
const SKEW: i64 = 60;

/// The only algorithm; a token that names another is refused.
const ALG: &str = "EdDSA";
const TYP: &str = "at+jwt";
/// Who says so, and to whom.
const CREEL: &str = "creel";

#[derive(Debug, Deserialize, Serialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The user.
    sub: String,
    /// The login.
    sid: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

/// What a token that holds says.
#[derive(Debug, PartialEq, Eq)]
pub struct Access {
    pub user: String,
    pub login: String,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// A token for this user, by this login, from `now` (ms) on.
pub async fn mint(keys: &Keys, user: &str, login: &str, now: i64) -> Result<String, RecordsError> {
    let signer = keys.signer(now).await?;
    let second = now.div_euclid(1_000);
    let claims = Claims {
        iss: CREEL.to_owned(),
        aud: CREEL.to_owned(),
        sub: user.to_owned(),
        sid: login.to_owned(),
        iat: second,
        nbf: second,
        exp: second + LIFE,
        jti: creel_http::random_id(),
    };
    Ok(compact(ALG, TYP, &signer.kid, &claims, |signed| signer.sign(signed)))
}

/// `None`: it is none of ours, or not in its time at `now` (ms).
pub async fn verify(keys: &Keys, token: &str, now: i64) -> Result<Option<Access>, RecordsError> {
    let Some(token) = Unverified::parse(token) else {
        return Ok(None);
    };
    let header = &token.header;
    let (ALG, Some(TYP), Some(kid)) = (header.alg.as_str(), header.typ.as_deref(), header.kid.as_deref()) else {
        return Ok(None);
    };
    if !keys.verify(kid, token.signed, &token.signature, now).await? {
        return Ok(None);
    }
    let second = now.div_euclid(1_000);
    let claims = token.claims::<Claims>().filter(|claims| {
        let ours = claims.iss == CREEL && claims.aud == CREEL;
        ours && second < claims.exp && claims.nbf <= second + SKEW
    });
    Ok(claims.map(|claims| Access {
        user: claims.sub,
        login: claims.sid,
        expires_at: claims.exp,
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use creel_fleet::Sealer;
    use creel_records::{DatabaseUrl, Records, SqlRecords, UserLogins as _};
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::super::jwt::encoded;
    use super::super::keys::SIGNS;
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    struct Planes {
        dir: TempDir,
        records: SqlRecords,
    }

    impl Planes {
        async fn new() -> Self {
            let dir = TempDir::new().unwrap();
            let records = SqlRecords::open(&DatabaseUrl::file(dir.path().join("creel.db"))).await;
            Self {
                records: records.unwrap(),
                dir,
            }
        }

        /// A control plane with a home of this name.
        fn plane(&self, home: &str) -> Keys {
            let secrets = self.dir.path().join(home);
            std::fs::create_dir_all(&secrets).unwrap();
            let records: Arc<dyn Records> = Arc::new(self.records.clone());
            Keys::new(records, Sealer::of(&secrets).unwrap())
        }
    }

    async fn login(keys: &Keys, token: &str, now: i64) -> Option<String> {
        verify(keys, token, now).await.unwrap().map(|access| access.login)
    }

    fn claims() -> Value {
        let second = NOW / 1_000;
        json!({"iss": "creel", "aud": "creel", "sub": "alice", "sid": "l1", "iat": second, "nbf": second, "exp": second + 60, "jti": "x"})
    }

    #[tokio::test]
    async fn a_token_holds_for_its_time() {
        let planes = Planes::new().await;
        let keys = planes.plane("a");
        let token = mint(&keys, "alice", "l1", NOW).await.unwrap();
        let access = verify(&keys, &token, NOW).await.unwrap().unwrap();
        assert_eq!((access.user.as_str(), access.login.as_str()), ("alice", "l1"));
        assert_eq!(access.expires_at, NOW / 1_000 + LIFE);
        assert!(login(&keys, &token, NOW + LIFE_MS - 1).await.is_some());
        assert_eq!(login(&keys, &token, NOW + LIFE_MS).await, None, "expired");
        assert!(
            login(&keys, &token, NOW - SKEW * 1_000).await.is_some(),
            "clocks differ a little"
        );
        assert_eq!(login(&keys, &token, NOW - SKEW * 1_000 - 1_000).await, None, "not yet");
    }

    #[tokio::test]
    async fn what_was_not_signed_so_is_refused() {
        let planes = Planes::new().await;
        let keys = planes.plane("a");
        let signer = keys.signer(NOW).await.unwrap();
        let signed =
            |alg: &str, typ: &str, kid: &str, claims: &Value| compact(alg, typ, kid, claims, |text| signer.sign(text));
        let good = signed(ALG, TYP, &signer.kid, &claims());
        assert!(login(&keys, &good, NOW).await.is_some());

        let public = planes.records.signing_keys().await.unwrap().remove(0).public;
        let (head, rest) = good.split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        let none = encoded(
            json!({"alg": "none", "typ": TYP, "kid": signer.kid})
                .to_string()
                .as_bytes(),
        );
        let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &public);
        let with_public = compact("HS256", TYP, &signer.kid, &claims(), |text| {
            ring::hmac::sign(&hmac, text).as_ref().to_vec()
        });
        let mut other = claims();
        other["sub"] = "bob".into();
        let without = |member: &str| {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(member);
            signed(ALG, TYP, &signer.kid, &claims)
        };
        let with = |member: &str, value: Value| {
            let mut claims = claims();
            claims[member] = value;
            signed(ALG, TYP, &signer.kid, &claims)
        };
        for (what, token) in [
            ("no signature", format!("{none}.{body}.")),
            ("none with a signature", format!("{none}.{body}.{signature}")),
            ("signed with the public half", with_public),
            ("another algorithm's name", signed("HS256", TYP, &signer.kid, &claims())),
            ("another kind of token", signed(ALG, "JWT", &signer.kid, &claims())),
            ("a key that is not there", signed(ALG, TYP, "k0", &claims())),
            (
                "other claims",
                format!("{head}.{}.{signature}", encoded(other.to_string().as_bytes())),
            ),
            ("truncated", good[..good.len() - 2].to_owned()),
            ("half of it", good[..good.len() / 2].to_owned()),
            ("of another issuer", with("iss", json!("evil"))),
            ("for somebody else", with("aud", json!("other"))),
            ("no end", without("exp")),
            ("no beginning", without("nbf")),
            ("an end that is no number", with("exp", json!("never"))),
        ] {
            assert_eq!(login(&keys, &token, NOW).await, None, "{what}");
        }
    }

    #[tokio::test]
    async fn keys_rotate_and_the_old_one_verifies_what_it_signed() {
        let planes = Planes::new().await;
        let keys = planes.plane("a");
        let first = mint(&keys, "alice", "l1", NOW).await.unwrap();
        let end = NOW + SIGNS;
        let last = mint(&keys, "alice", "l2", end - 1).await.unwrap();
        let kid = |token: &str| Unverified::parse(token).unwrap().header.kid.unwrap();
        assert_eq!(kid(&first), kid(&last));
        let next = mint(&keys, "alice", "l3", end).await.unwrap();
        assert_ne!(kid(&last), kid(&next));
        assert!(login(&keys, &last, end + LIFE_MS - 2_000).await.is_some());
        mint(&keys, "alice", "l4", end + SIGNS).await.unwrap();
        let left = planes.records.signing_keys().await.unwrap();
        assert!(
            left.len() == 2 && left.iter().all(|key| key.kid != kid(&last)),
            "what nothing needs is gone"
        );
        assert!(!keys.verify(&kid(&last), b"x", b"y", end + SIGNS).await.unwrap());
    }

    #[tokio::test]
    async fn a_key_survives_restarts_and_other_control_planes_verify_with_it() {
        let planes = Planes::new().await;
        let (one, other) = (planes.plane("one"), planes.plane("other"));
        let token = mint(&one, "alice", "l1", NOW).await.unwrap();
        assert!(login(&other, &token, NOW).await.is_some());
        let back = mint(&other, "alice", "l2", NOW).await.unwrap();
        assert!(
            login(&one, &back, NOW).await.is_some(),
            "it was made after the first had read them"
        );
        let again = planes.plane("one");
        assert!(login(&again, &token, NOW).await.is_some());
        let signer = again.signer(NOW).await.unwrap();
        assert_eq!(Some(signer.kid), Unverified::parse(&token).unwrap().header.kid);
        let sealed = &planes.records.signing_keys().await.unwrap()[0].sealed;
        assert!(sealed.len() > 43, "the private half is nowhere in clear");
    }
}
