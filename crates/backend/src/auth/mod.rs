//! Who may use the API: a bearer of an API token, or a browser with the console's cookie.
//!
//! A cookie is sent by the browser whoever made the request, so with a cookie anything that changes something needs the CSRF
//! token that only the console's own pages know, and a WebSocket must come from the console's own origin.

mod bootstrap;
pub mod cookie;
mod given;
mod login;
mod password;

use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use creel_http::{Peer, Problem, bearer};
use creel_records::{ApiToken, Login, now_ms};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

use crate::error::records_problem;
use crate::routes::State;

pub use bootstrap::{Bootstrap, BootstrapError, FirstSignIn, GivenTokens, bootstrap, first_sign_in};
pub use given::{GivenToken, WeakToken};
pub use login::{crowded, current, locked_out, log_in, log_out};
pub use password::{Turns as PasswordTurns, hash_aside as hash_password, verify as verify_password};

const COOKIE: &str = "creel_session";
/// Names the service token among the API tokens. It opens the sync and nothing else, and no other token opens the sync.
const SERVICE: &str = "service";

/// Who acts: the name that the activity log shows.
#[derive(Clone, Debug)]
pub struct Actor(pub String);

pub fn sha256(secret: &str) -> [u8; 32] {
    sha256_of(secret.as_bytes())
}

pub fn sha256_of(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lets a request in that may act, and tells the handlers who does.
pub async fn admit(
    Shared(backend): Shared<State>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut head, body) = request.into_parts();
    let actor = match bearer(&head.headers) {
        Some(token) => {
            let detail = "this API token is not known; CREEL_TOKEN or secrets/admin-token has the right one";
            let known = by_token(&backend, token, peer, |name| name != SERVICE, detail).await?;
            Actor(known.name)
        }
        None => by_cookie(&backend, &head.method, &head.headers).await?,
    };
    head.extensions.insert(actor);
    Ok(next.run(Request::from_parts(head, body)).await)
}

/// Lets in who has the service token.
pub async fn service(backend: &State, headers: &HeaderMap, peer: Peer) -> Result<ApiToken, Problem> {
    let detail = "this needs the service token as bearer; it is in secrets/service-token";
    let token = bearer(headers).ok_or_else(|| Problem::unauthorized(detail))?;
    by_token(backend, token, peer, |name| name == SERVICE, detail).await
}

/// Characters from which on a token cannot be guessed: it is let in even while its address is locked out.
const UNGUESSABLE: usize = 32;

async fn by_token(
    backend: &State,
    token: &str,
    peer: Peer,
    right: fn(&str) -> bool,
    detail: &'static str,
) -> Result<ApiToken, Problem> {
    if token.len() < UNGUESSABLE
        && let Some(remaining) = backend.throttle.locked_out(peer.ip)
    {
        return Err(too_many_tokens(remaining));
    }
    // The digest is looked up by index: what a clock could tell of it tells nothing of the token.
    let known = backend
        .records
        .api_token(&sha256(token))
        .await
        .map_err(records_problem)?;
    if let Some(known) = known.filter(|known| right(&known.name)) {
        return Ok(known);
    }
    if let Some(remaining) = backend.throttle.locked_out(peer.ip) {
        return Err(too_many_tokens(remaining));
    }
    backend.throttle.failed(peer.ip);
    Err(Problem::unauthorized(detail))
}

fn too_many_tokens(remaining: Duration) -> Problem {
    Problem::too_many(
        "too_many_failures",
        "too many wrong tokens from this address",
        remaining,
    )
}

async fn by_cookie(backend: &State, method: &Method, headers: &HeaderMap) -> Result<Actor, Problem> {
    let login = login_of(backend, headers)
        .await?
        .ok_or_else(|| Problem::unauthorized("sign in, or send an API token as `Authorization: Bearer <token>`"))?;
    cookie::refuse_forged(method, headers, &login.csrf)?;
    Ok(Actor(login.administrator))
}

/// The login that the request's cookie stands for, unless it has expired.
async fn login_of(backend: &State, headers: &HeaderMap) -> Result<Option<Login>, Problem> {
    let Some(secret) = cookie::read(COOKIE, headers) else {
        return Ok(None);
    };
    backend
        .records
        .login(&sha256(secret), now_ms())
        .await
        .map_err(records_problem)
}
