//! `/api/me/chat`: my conversations with my assistant, through the gateway that serves all users.
//!
//! The gateway knows its users by their tokens, and of those only digests are kept. So the console has a token of its own for each user who
//! chats here: sealed in the records, shown to the gateway alone, and void with the others when an administrator revokes them.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::{Extension, RequestExt as _};
use creel_http::{BodyLimit as _, Path, Problem, random_id};
use creel_records::{UserToken, now_ms};

use crate::auth::sha256;
use crate::error::records_problem;
use crate::everyone;
use crate::routes::State;
use crate::signin::SignedIn;
use crate::state::Backend;
use crate::users::key;

/// What of the caller's headers is for the gateway.
const PASSED_ON: [&str; 4] = ["content-type", "accept", "x-openclaw-session-key", "idempotency-key"];
/// Begins the names of the console's own tokens. Control planes of several homes have one each.
const OWN: &str = "console";
const DAY_MS: i64 = 24 * 3_600_000;
/// How long the console's token is good, and from when on another is made.
const LIFE_MS: i64 = 30 * DAY_MS;

pub fn is_of_the_console(name: &str) -> bool {
    name.starts_with(OWN)
}

/// `POST /api/me/chat/completions`
pub async fn completions(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    request: Request,
) -> Result<Response, Problem> {
    forward(&backend, &me, Method::POST, "/v1/chat/completions", request).await
}

/// `GET /api/me/chat/sessions`
pub async fn sessions(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    request: Request,
) -> Result<Response, Problem> {
    forward(&backend, &me, Method::GET, "/api/v1/sessions", request).await
}

/// `GET|DELETE /api/me/chat/sessions/{id}`
pub async fn session(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    // What needs no escape in a path, and leads nowhere else.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
    if !id.bytes().all(plain) || id.starts_with('.') {
        return Err(Problem::not_found("there is no such conversation"));
    }
    let method = request.method().clone();
    forward(&backend, &me, method, &format!("/api/v1/sessions/{id}"), request).await
}

async fn forward(
    backend: &Backend,
    me: &SignedIn,
    method: Method,
    path: &str,
    request: Request,
) -> Result<Response, Problem> {
    let place = everyone::find(backend).await?;
    let headers = passed_on(request.headers());
    // Kept whole: a gateway that has not heard of the token yet is asked twice.
    let limit = backend.max_body_bytes();
    let request = request.map(|body| Body::new(http_body_util::Limited::new(body, limit)));
    let body: Bytes = request.extract().await.map_err(|_| Problem::too_large(limit))?;
    let (token, known) = own_token(backend, me).await?;
    if !known {
        place.sync(&backend.everyone.service_token).await?;
    }
    let ask = async |token: &str| {
        let body = Body::from(body.clone());
        place.ask(method.clone(), path, token, headers.clone(), body).await
    };
    let mut answer = ask(&token).await?;
    if answer.status() == StatusCode::UNAUTHORIZED {
        place.sync(&backend.everyone.service_token).await?;
        let (token, _) = own_token(backend, me).await?;
        answer = ask(&token).await?;
    }
    if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        // It is not the caller who must sign in.
        tracing::warn!(user = me.user.id, status = %answer.status(), "the gateway for users does not know the user");
        let detail = "the gateway does not know you yet; try again in a minute";
        return Err(Problem::unavailable("users_not_synced", detail));
    }
    Ok(handed_back(answer))
}

fn passed_on(headers: &HeaderMap) -> Vec<(&'static str, HeaderValue)> {
    let of = |name: &'static str| headers.get(name).map(|value| (name, value.clone()));
    PASSED_ON.into_iter().filter_map(of).collect()
}

fn handed_back(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER, header::CACHE_CONTROL] {
        if let Some(value) = parts.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// The token that the console shows the gateway for this user, and whether the gateway may have heard of it.
async fn own_token(backend: &Backend, me: &SignedIn) -> Result<(String, bool), Problem> {
    // Two at once would each make one, and void the other's.
    let _turn = backend.console_tokens.lock().await;
    let (records, sealer, now) = (&backend.records, &backend.llm.sealer, now_ms());
    let purpose = format!("gateway token of user {}", me.user.id);
    let tokens = records.user_tokens(&me.user.id).await.map_err(records_problem)?;
    let of_console = || tokens.iter().filter(|token| is_of_the_console(&token.name));
    let opened = |token: &UserToken| sealer.open_text(&purpose, token.sealed.as_deref()?);
    let lasting = |token: &&UserToken| token.expires_at.is_some_and(|at| at > now + DAY_MS);
    if let Some(token) = of_console().filter(lasting).find_map(opened) {
        return Ok((token, true));
    }
    let others = |name: &str| {
        of_console()
            .any(|token| token.name == name && opened(token).is_none() && token.expires_at.is_some_and(|at| at > now))
    };
    let mut name = OWN.to_owned();
    for number in 2.. {
        if !others(&name) {
            break;
        }
        name = format!("{OWN}-{number}");
    }
    key::ensure(backend, &me.id).await?;
    let token = format!("gt_{}", random_id());
    let sealed = sealer.seal_text(&purpose, &token).map_err(|error| {
        tracing::error!(%error, "the console's token cannot be sealed");
        Problem::internal()
    })?;
    let new = UserToken {
        name,
        sha256: sha256(&token),
        sealed: Some(sealed),
        created_at: now,
        expires_at: Some(now + LIFE_MS),
    };
    let put = records.put_user_token(&me.user.id, &new).await;
    put.map_err(records_problem)?;
    Ok((token, false))
}
