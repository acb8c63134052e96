//! `/api/users/{id}/token` and `/tokens`: gateway tokens. A token is shown once, when it is made; its digest is kept.

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_http::{JsonBody, Path, Problem, random_id, rfc3339};
use creel_records::UserToken;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{happened, key, known, parse_id};
use crate::auth::{Actor, sha256};
use crate::error::records_problem;
use crate::expiry;
use crate::routes::State;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mint {
    /// RFC 3339, or a day; absent: never.
    expires_at: Option<String>,
}

/// `POST /api/users/{id}/token`: the user's only token from the next sync on.
pub async fn mint(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    request: Option<JsonBody<Mint>>,
) -> Result<Response, Problem> {
    let request = request.map_or_else(Mint::default, |JsonBody(request)| request);
    let id = parse_id(&id)?;
    let expires_at = request.expires_at.as_deref().map(expiry::to_come).transpose()?;
    known(&backend, &id).await?;
    key::ensure(&backend, &id).await?;
    // 128 random bits: 32 hexadecimal digits.
    let token = format!("gt_{}", random_id());
    backend
        .records
        .replace_user_tokens(id.as_str(), &sha256(&token), expires_at)
        .await
        .map_err(records_problem)?;
    let message = format!("user {id} has a new gateway token");
    happened(&backend, &actor.0, "user.token", id.as_str(), message).await;
    let body = json!({"token": token, "expires_at": expires_at.map(rfc3339)});
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// `GET /api/users/{id}/tokens`
pub async fn list(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let id = parse_id(&id)?;
    known(&backend, &id).await?;
    let tokens = backend
        .records
        .user_tokens(id.as_str())
        .await
        .map_err(records_problem)?;
    Ok(Json(json!({"tokens": tokens.iter().map(shown).collect::<Vec<_>>()})))
}

/// `DELETE /api/users/{id}/tokens`
pub async fn revoke(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = parse_id(&id)?;
    backend
        .records
        .revoke_user_tokens(id.as_str())
        .await
        .map_err(records_problem)?;
    let message = format!("the gateway token of user {id} revoked");
    happened(&backend, &actor.0, "user.token_revoked", id.as_str(), message).await;
    Ok(StatusCode::NO_CONTENT)
}

/// A token as those who do not have it may know it. The hint is the beginning of its digest: it tells tokens apart, and nothing of them.
pub fn shown(token: &UserToken) -> Value {
    json!({
        "name": token.name,
        "hint": hex::encode(&token.sha256[..4]),
        "created_at": rfc3339(token.created_at),
        "expires_at": token.expires_at.map(rfc3339),
    })
}
