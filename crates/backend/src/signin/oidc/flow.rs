//! `GET /api/auth/oidc/start` and `/callback`: a browser goes to the identity provider and comes back.
//!
//! What ties the two together is one random secret in a cookie of that browser. `state`, `nonce` and the PKCE verifier are digests of it, so nothing is
//! kept here meanwhile, and it does not matter which control plane the browser comes back to. The cookie is `Lax`: the way back begins at another site.

use axum::Extension;
use axum::extract::{RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use creel_http::{Peer, Problem, random_id};
use creel_records::SignedBy;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::super::guard::actor;
use super::super::jwt::{decoded, encoded};
use super::super::login::{Form, issue};
use super::id_token::{Expected, has_key, verify};
use super::{Oidc, OidcError, people, provider};
use crate::auth::{cookie, sha256};
use crate::routes::State;
use crate::state::Backend;

const COOKIE: &str = "creel_oidc";
const PATH: &str = "/api/auth/oidc";
/// Seconds that somebody may take to sign in there.
const PATIENCE: i64 = 600;
/// Where a browser goes that wants nothing else, and where it hears what went wrong.
const HOME: &str = "/me";
const SIGN_IN: &str = "/me/sign-in";

/// What the provider says when it sends the browser back; it may say more than is asked for here.
#[derive(Default)]
struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

impl Back {
    fn read(query: Option<String>) -> Self {
        let mut back = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "code" => back.code = Some(value.into_owned()),
                "state" => back.state = Some(value.into_owned()),
                "error" => back.error = Some(value.into_owned()),
                _ => {}
            }
        }
        back
    }
}

/// One way to the provider and back.
struct Way {
    secret: String,
    /// A path of this console.
    back: String,
}

impl Way {
    fn new(back: Option<&str>) -> Self {
        Self {
            secret: format!("{}{}", random_id(), random_id()),
            back: local(back).to_owned(),
        }
    }

    fn of_cookie(headers: &HeaderMap) -> Option<Self> {
        let (secret, back) = cookie::read(COOKIE, headers)?.split_once('.')?;
        let back = String::from_utf8(decoded(back)?).ok()?;
        Some(Self {
            secret: secret.to_owned(),
            back: local(Some(&back)).to_owned(),
        })
    }

    fn digest(&self, purpose: &str) -> String {
        encoded(&sha256(&format!("{purpose} {}", self.secret)))
    }

    fn state(&self) -> String {
        self.digest("state")
    }

    fn nonce(&self) -> String {
        self.digest("nonce")
    }

    fn verifier(&self) -> String {
        self.digest("verifier")
    }
}

/// A path on this host and nowhere else: browsers take `//host` and `/\host` for another one.
fn local(path: Option<&str>) -> &str {
    let fits = |path: &&str| {
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        plain && path.starts_with('/') && !path.starts_with("//") && path.len() <= 500
    };
    path.filter(fits).unwrap_or(HOME)
}

/// `GET /api/auth/oidc/start?return=/me`
pub async fn start(
    Shared(backend): Shared<State>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let oidc = configured(&backend)?;
    let query = query.unwrap_or_default();
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return");
    let way = Way::new(asked.as_ref().map(|(_, path)| &**path));
    let known = match oidc.known().await {
        Ok(known) => known,
        Err(error) => return Ok(failed(&error, &headers)),
    };
    let challenge = encoded(&sha256(&way.verifier()));
    let query = provider::query(&[
        ("response_type", "code"),
        ("client_id", &oidc.settings.client_id),
        ("redirect_uri", &oidc.settings.redirect_url),
        ("scope", "openid email profile"),
        ("state", &way.state()),
        ("nonce", &way.nonce()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let endpoint = &known.metadata.authorization_endpoint;
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    let value = format!("{}.{}", way.secret, encoded(way.back.as_bytes()));
    Ok(to(
        &format!("{endpoint}{separator}{query}"),
        [set(&value, PATIENCE, &headers)],
    ))
}

/// `GET /api/auth/oidc/callback?code=&state=`
pub async fn callback(
    Shared(backend): Shared<State>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let oidc = configured(&backend)?;
    let Some(way) = Way::of_cookie(&headers) else {
        return Ok(failed(&OidcError::Expired, &headers));
    };
    let user = match vouched(&backend, oidc, &way, Back::read(query)).await {
        Ok(user) => user,
        Err(error) => return Ok(failed(&error, &headers)),
    };
    let Some(signed_in) = issue(&backend, &user, SignedBy::Provider, Form::Cookie, &headers).await? else {
        return Ok(failed(&OidcError::Refused("the user is disabled"), &headers));
    };
    let message = format!("user {} signed in from {} at {}", user.id, peer.ip, oidc.settings.name);
    let data = json!({"user": user.id, "address": peer.ip.to_string()});
    let activity = &backend.activity;
    activity
        .record(&actor(&user.id), "user.login", None, message, data)
        .await;
    let login = signed_in.headers().get(header::SET_COOKIE).cloned();
    let cookies = login.into_iter().chain([set("", 0, &headers)]);
    Ok(to(&way.back, cookies))
}

async fn vouched(
    backend: &Backend,
    oidc: &Oidc,
    way: &Way,
    back: Back,
) -> Result<creel_records::UserRecord, OidcError> {
    let state = back.state.unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(way.state().as_bytes())) {
        return Err(OidcError::Expired);
    }
    if let Some(error) = back.error {
        return Err(OidcError::Denied(error.chars().take(100).collect()));
    }
    let code = back.code.ok_or(OidcError::Wrong("there is no code"))?;
    let mut known = oidc.known().await?;
    let token = oidc.exchange(&known, &code, &way.verifier()).await?;
    if !has_key(&token, &known.keys) {
        // The provider may have changed its keys since.
        known = oidc.ask_again().await?;
    }
    let expected = Expected {
        issuer: &oidc.settings.issuer,
        client_id: &oidc.settings.client_id,
        nonce: &way.nonce(),
    };
    let subject = verify(&token, &known.keys, &expected)?;
    people::user_of(backend, &oidc.settings, subject).await
}

fn configured(backend: &Backend) -> Result<&Oidc, Problem> {
    let oidc = backend.sign_in.oidc.as_ref();
    oidc.ok_or_else(|| Problem::not_found("no identity provider is set up here"))
}

/// Back to the sign-in page, which says what it was in the reader's language.
fn failed(error: &OidcError, headers: &HeaderMap) -> Response {
    tracing::warn!(%error, "a sign-in at the identity provider failed");
    to(&format!("{SIGN_IN}?error={}", error.code()), [set("", 0, headers)])
}

fn to(place: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let Ok(place) = HeaderValue::try_from(place) else {
        return Problem::internal().into_response();
    };
    let mut response = (
        StatusCode::FOUND,
        [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
    )
        .into_response();
    response.headers_mut().insert(header::LOCATION, place);
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn set(value: &str, seconds: i64, headers: &HeaderMap) -> HeaderValue {
    let secure = if cookie::over_tls(headers) { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("hexadecimal digits, base64url and constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_here() {
        for path in ["/", "/me", "/me/usage?by=day#x"] {
            assert_eq!(local(Some(path)), path);
        }
        for elsewhere in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "me",
            "",
            "/a b",
            "/\r\nx",
        ] {
            assert_eq!(local(Some(elsewhere)), HOME, "{elsewhere:?}");
        }
    }

    #[test]
    fn what_goes_over_the_wire_does_not_tell_the_secret_or_each_other() {
        let way = Way::new(None);
        let all = [way.state(), way.nonce(), way.verifier(), way.secret.clone()];
        assert!(all.iter().enumerate().all(|(at, one)| !all[at + 1..].contains(one)));
        assert_eq!(way.verifier().len(), 43, "RFC 7636 wants at least 43 characters");
    }
}
