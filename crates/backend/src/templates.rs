//! `/api/templates`: what new instances are made from, the operator's texts over the built-in ones.
//!
//! A text has an `ETag`; a `PUT` whose `If-Match` names another one than the present is refused.

use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use creel_fleet::ShownTemplate;
use creel_http::{JsonBody, Path, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Actor;
use crate::config::{etag, versions_read};
use crate::error::fleet_problem;
use crate::routes::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    content: String,
}

pub async fn list(Shared(backend): Shared<State>) -> Json<Value> {
    Json(json!({"templates": backend.fleet.templates()}))
}

pub async fn show(Shared(backend): Shared<State>, Path(path): Path<String>) -> Result<impl IntoResponse, Problem> {
    backend.fleet.template(&path).map(answer).map_err(fleet_problem)
}

/// A text that could not be used changes nothing: 422 with its line and column.
pub async fn write(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(path): Path<String>,
    headers: HeaderMap,
    JsonBody(Text { content }): JsonBody<Text>,
) -> Result<impl IntoResponse, Problem> {
    let read = versions_read(&headers)?;
    let shown = backend.fleet.set_template(&path, &content, read.as_deref());
    let shown = shown.map_err(fleet_problem)?;
    note(&backend, &actor, "template.change", &path, "changed").await;
    Ok(answer(shown))
}

/// Puts the built-in text back.
pub async fn reset(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(path): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let shown = backend.fleet.reset_template(&path).map_err(fleet_problem)?;
    note(&backend, &actor, "template.reset", &path, "is the built-in one again").await;
    Ok(answer(shown))
}

fn answer(shown: ShownTemplate) -> impl IntoResponse {
    (etag(&shown.content), Json(shown))
}

async fn note(backend: &State, actor: &Actor, kind: &str, path: &str, what: &str) {
    let message = format!("template {path} {what}");
    backend
        .activity
        .record(&actor.0, kind, None, message, json!({"path": path}))
        .await;
}
