//! `/api/me/tokens`, and `POST /openclaw/gateway/token`: the gateway tokens of the one who asks, each by its name.

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_http::{JsonBody, Path, Problem, random_id, rfc3339};
use creel_records::{UserToken, now_ms};
use serde::Deserialize;
use serde_json::{Value, json};

use super::chat::is_of_the_console;
use crate::auth::sha256;
use crate::error::records_problem;
use crate::expiry;
use crate::routes::State;
use crate::signin::SignedIn;
use crate::users::token::shown;
use crate::users::{happened, key};

/// Tokens of one user.
const MOST: usize = 20;
/// Characters of a token's name.
const NAME: usize = 40;
/// The name of a token that is given none.
const DEFAULT: &str = "default";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mint {
    name: Option<String>,
    /// RFC 3339, or a day; absent: never.
    expires_at: Option<String>,
}

pub async fn list(Shared(backend): Shared<State>, Extension(me): Extension<SignedIn>) -> Result<Json<Value>, Problem> {
    let tokens = backend.records.user_tokens(&me.user.id).await;
    let tokens = tokens.map_err(records_problem)?;
    Ok(Json(json!({"tokens": tokens.iter().map(shown).collect::<Vec<_>>()})))
}

/// A new token, in place of the one of this name: gateways refuse that from their next sync on.
pub async fn mint(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    request: Option<JsonBody<Mint>>,
) -> Result<Response, Problem> {
    let request = request.map_or_else(Mint::default, |JsonBody(request)| request);
    let name = request.name.as_deref().unwrap_or(DEFAULT);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME || !name.bytes().all(plain) {
        let detail = format!("name: 1 to {NAME} of a-z, 0-9 and -");
        return Err(Problem::unprocessable(detail));
    }
    if is_of_the_console(name) {
        return Err(Problem::unprocessable(
            "name: \"console\" begins the names of the console's own; choose another",
        ));
    }
    let expires_at = request.expires_at.as_deref().map(expiry::to_come).transpose()?;
    let records = &backend.records;
    let present = records.user_tokens(&me.user.id).await.map_err(records_problem)?;
    let others = present.iter().filter(|token| token.name != name);
    if others.filter(|token| token.sealed.is_none()).count() >= MOST {
        let detail = format!("a user has at most {MOST} tokens; delete one first");
        return Err(Problem::conflict("too_many_tokens", detail));
    }
    key::ensure(&backend, &me.id).await?;
    let token = format!("gt_{}", random_id());
    let new = UserToken {
        name: name.to_owned(),
        sha256: sha256(&token),
        sealed: None,
        created_at: now_ms(),
        expires_at,
    };
    let put = records.put_user_token(&me.user.id, &new).await;
    put.map_err(records_problem)?;
    let message = format!("user {} has a new gateway token", me.user.id);
    happened(&backend, &me.actor(), "user.token", &me.user.id, message).await;
    let body = json!({"token": token, "name": name, "expires_at": expires_at.map(rfc3339)});
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// `DELETE /api/me/tokens/{name}`
pub async fn revoke(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let revoked = backend.records.revoke_user_token(&me.user.id, &name).await;
    if !revoked.map_err(records_problem)? {
        return Err(Problem::not_found("you have no token of this name"));
    }
    let message = format!("a gateway token of user {} revoked", me.user.id);
    happened(&backend, &me.actor(), "user.token_revoked", &me.user.id, message).await;
    Ok(StatusCode::NO_CONTENT)
}
