//! Signing in to the console and out of it.

use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_http::{JsonBody, Peer, Problem, random_id};
use creel_records::{Login, now_ms};
use serde::Deserialize;
use serde_json::json;

use super::{COOKIE, SERVICE, cookie, login_of, password, sha256};
use crate::error::records_problem;
use crate::routes::State;
use crate::state::Backend;

/// A login lasts this long.
const SECONDS: i64 = 7 * 24 * 3600;
/// When to come back for whom there was no turn.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub struct Credentials {
    username: String,
    /// The password, or an API token: whoever lost the one has the other in `secrets/`.
    password: String,
}

/// `POST /api/login`
pub async fn log_in(
    Shared(backend): Shared<State>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    JsonBody(credentials): JsonBody<Credentials>,
) -> Result<Response, Problem> {
    cookie::refuse_form(&headers)?;
    refuse_locked_out(&backend, peer)?;
    let turn = backend.password_turns.take().await.ok_or_else(crowded)?;
    // Again: those before this one may have failed meanwhile.
    refuse_locked_out(&backend, peer)?;
    // Counted before the password is looked at, or many guesses at once would all come through.
    backend.throttle.failed(peer.ip);
    let Credentials { username, password } = credentials;
    let administrator = backend
        .records
        .administrator(&username)
        .await
        .map_err(records_problem)?;
    let exists = administrator.is_some();
    let by_token = exists
        && backend
            .records
            .api_token(&sha256(&password))
            .await
            .map_err(records_problem)?
            .is_some_and(|token| token.name != SERVICE);
    let accepted =
        by_token || password::verify(turn, password, administrator.map(|found| found.password_phc)).await && exists;
    if !accepted {
        let shown: String = username.chars().take(64).collect();
        backend
            .activity
            .record(
                &shown,
                "login_failed",
                None,
                format!("failed sign-in from {}", peer.ip),
                json!({"address": peer.ip.to_string()}),
            )
            .await;
        return Err(Problem::unauthorized("wrong name or password"));
    }
    backend.throttle.succeeded(peer.ip);
    let secret = format!("{}{}", random_id(), random_id());
    let login = Login {
        sha256: sha256(&secret),
        administrator: username.clone(),
        csrf: random_id(),
        created_at: now_ms(),
        expires_at: now_ms() + SECONDS * 1_000,
    };
    backend
        .records
        .delete_expired_logins(now_ms())
        .await
        .map_err(records_problem)?;
    backend.records.insert_login(&login).await.map_err(records_problem)?;
    backend
        .activity
        .record(
            &username,
            "login",
            None,
            format!("signed in from {}", peer.ip),
            json!({"address": peer.ip.to_string()}),
        )
        .await;
    let body = json!({"username": username, "csrf": login.csrf});
    Ok((
        [(header::SET_COOKIE, cookie::set(COOKIE, &secret, SECONDS, &headers))],
        Json(body),
    )
        .into_response())
}

fn refuse_locked_out(backend: &Backend, peer: Peer) -> Result<(), Problem> {
    backend
        .throttle
        .locked_out(peer.ip)
        .map_or(Ok(()), |remaining| Err(locked_out(remaining)))
}

/// After too many failures.
pub fn locked_out(remaining: Duration) -> Problem {
    let detail = format!(
        "too many failed sign-ins; try again in {} seconds",
        remaining.as_secs() + 1
    );
    Problem::too_many("too_many_failures", detail, remaining)
}

pub fn crowded() -> Problem {
    let detail = "too many people sign in at once; try again in a moment";
    Problem::unavailable("too_many_connections", detail).after(RETRY)
}

/// `GET /api/session`
pub async fn current(Shared(backend): Shared<State>, headers: HeaderMap) -> Result<Response, Problem> {
    let login = login_of(&backend, &headers)
        .await?
        .ok_or_else(|| Problem::unauthorized("nobody is signed in"))?;
    Ok(Json(json!({"username": login.administrator, "csrf": login.csrf})).into_response())
}

/// `POST /api/logout`
pub async fn log_out(Shared(backend): Shared<State>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(login) = login_of(&backend, &headers).await? {
        cookie::refuse_forged(&Method::POST, &headers, &login.csrf)?;
        let ended = backend.records.delete_login(&login.sha256).await;
        ended.map_err(records_problem)?;
    }
    Ok((
        StatusCode::NO_CONTENT,
        [(header::SET_COOKIE, cookie::set(COOKIE, "", 0, &headers))],
    )
        .into_response())
}
