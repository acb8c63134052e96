//! `GET|PUT|PATCH /api/users/{id}/config`: a user's `openclaw.json`, kept as JSON in the layout that is shown, so that a line and column
//! that anybody reports are those that everybody sees.
//!
//! Answers carry an `ETag`; a write whose `If-Match` names another text than the present one is refused, as for an instance.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_config::{check_user, json5, merge};
use creel_fleet::ConfigVersion;
use creel_http::{JsonBody, Problem};
use creel_session::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{happened, known, parse_id};
use crate::auth::Actor;
use crate::config::{etag, versions_read};
use crate::error::{config_problem, records_problem};
use crate::routes::State;
use crate::state::Backend;

/// `GET /api/users/{id}/config`
pub async fn read(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Response, Problem> {
    let user = known(&backend, &parse_id(&id)?).await?;
    Ok(shown(&parsed(&user.config)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    content: String,
}

/// `PUT /api/users/{id}/config`: JSON5, of which the JSON is kept. A broken one changes nothing: 422, with the line and column in what was
/// sent.
pub async fn write(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(Text { content }): JsonBody<Text>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    check_user(&content, true).map_err(|error| config_problem(&error))?;
    let config = parsed(&content);
    let _turn = backend.config_turn.lock().await;
    seen(&parsed(&known(&backend, &id).await?.config), &headers)?;
    keep(&backend, &actor, &id, &config).await
}

/// `PATCH /api/users/{id}/config`: a JSON Merge Patch (RFC 7396). One whose result is broken changes nothing: 422, with the line
/// and column in the result.
pub async fn patch(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<Value>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    // Two patches at once must both be in the result.
    let _turn = backend.config_turn.lock().await;
    let mut config = parsed(&known(&backend, &id).await?.config);
    seen(&config, &headers)?;
    merge(&mut config, patch);
    keep(&backend, &actor, &id, &config).await
}

/// Nobody writes over what they have not seen.
fn seen(present: &Value, headers: &HeaderMap) -> Result<(), Problem> {
    let present = ConfigVersion::of(&laid_out(present));
    match versions_read(headers)? {
        Some(versions) if !versions.contains(&present) => Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "changed_elsewhere",
            "the configuration was changed meanwhile; read it again",
        )),
        _ => Ok(()),
    }
}

async fn keep(backend: &Backend, actor: &Actor, id: &UserId, config: &Value) -> Result<Response, Problem> {
    let set = backend.records.set_user_config(id.as_str(), &checked(config)?).await;
    set.map_err(records_problem)?;
    let message = format!("the configuration of user {id} changed");
    happened(backend, &actor.0, "user.config", id.as_str(), message).await;
    Ok(shown(config))
}

/// The text to keep, if a gateway can do with it. Whether a user may name providers and tool servers is each gateway's own
/// setting (`multiTenant.userEndpoints`): where they may not, that gateway tells the user.
pub fn checked(config: &Value) -> Result<String, Problem> {
    let text = laid_out(config);
    check_user(&text, true).map_err(|error| config_problem(&error))?;
    Ok(text)
}

/// What is kept was checked; a text from elsewhere (a database filled by hand) may be JSON5, or broken, and a patch mends it.
fn parsed(text: &str) -> Value {
    json5::parse(text).map_or_else(|_| json!({}), |root| root.to_json())
}

fn laid_out(config: &Value) -> String {
    format!("{config:#}")
}

fn shown(config: &Value) -> Response {
    let content = laid_out(config);
    (etag(&content), Json(json!({"config": config, "content": content}))).into_response()
}
