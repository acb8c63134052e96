//! `GET|PUT|PATCH /api/me/config`, and `/openclaw/gateway/config`: my `openclaw.json`, by the rules of `/api/users/{id}/config`.

use axum::Extension;
use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::response::Response;
use creel_http::{JsonBody, Problem};
use serde_json::Value;

use crate::routes::State;
use crate::signin::SignedIn;
use crate::users::config::{Text, merge_into, present, replace};

pub async fn read(Extension(me): Extension<SignedIn>) -> Response {
    present(&me.user)
}

pub async fn write(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    headers: HeaderMap,
    JsonBody(Text { content }): JsonBody<Text>,
) -> Result<Response, Problem> {
    replace(&backend, &me.actor(), &me.id, &headers, &content).await
}

pub async fn patch(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<Value>,
) -> Result<Response, Problem> {
    merge_into(&backend, &me.actor(), &me.id, &headers, &patch).await
}
