//! `GET|PUT|PATCH /api/users/{id}/config`: the JSON5 text of a user's `openclaw.json`, comments kept. Gateways get the JSON of it.
//!
//! Answers carry an `ETag`; a write whose `If-Match` names another text than the present one is refused, as for an instance.

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_config::{check_user, json5};
use creel_fleet::ConfigVersion;
use creel_http::{JsonBody, Path, Problem};
use creel_records::{RecordsError, UserRecord};
use creel_session::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{happened, known, parse_id};
use crate::auth::Actor;
use crate::config::{etag, versions_read};
use crate::error::{config_problem, records_problem};
use crate::routes::State;
use crate::state::Backend;

/// How often a change is begun again because another came first: each time one was made, so this many in a row are a flood.
const TRIES: usize = 64;

/// `GET /api/users/{id}/config`
pub async fn read(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Response, Problem> {
    let user = known(&backend, &parse_id(&id)?).await?;
    Ok(present(&user))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub content: String,
}

/// `PUT /api/users/{id}/config`: JSON5. A broken one changes nothing: 422, with its line and column.
pub async fn write(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(Text { content }): JsonBody<Text>,
) -> Result<Response, Problem> {
    replace(&backend, &actor.0, &parse_id(&id)?, &headers, &content).await
}

/// `PATCH /api/users/{id}/config`: a JSON Merge Patch (RFC 7396); comments stay. One whose result is broken changes nothing: 422, with the
/// line and column in the result.
pub async fn patch(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<Value>,
) -> Result<Response, Problem> {
    merge_into(&backend, &actor.0, &parse_id(&id)?, &headers, &patch).await
}

/// The configuration is this text from now on.
pub async fn replace(
    backend: &Backend,
    actor: &str,
    id: &UserId,
    headers: &HeaderMap,
    content: &str,
) -> Result<Response, Problem> {
    let content = change_of(backend, actor, id, headers, |_| content.to_owned()).await?;
    Ok(shown(content))
}

/// The configuration has this patch in it from now on.
pub async fn merge_into(
    backend: &Backend,
    actor: &str,
    id: &UserId,
    headers: &HeaderMap,
    patch: &Value,
) -> Result<Response, Problem> {
    let content = change_of(backend, actor, id, headers, |content| json5::patch(content, patch)).await?;
    Ok(shown(content))
}

/// Changes what is there, and gives what is there then. Of changes at once, whichever backend takes them, each is made of what the one
/// before it has made.
///
/// # Errors
/// 422 if a gateway could not do with the result, 412 where `If-Match` names another text than the present one; nothing is changed then.
pub async fn change_of(
    backend: &Backend,
    actor: &str,
    id: &UserId,
    headers: &HeaderMap,
    change: impl Fn(&str) -> String,
) -> Result<String, Problem> {
    for _ in 0..TRIES {
        let user = known(backend, id).await?;
        seen(&user.config, headers)?;
        let content = checked(change(&user.config))?;
        let written = backend
            .records
            .set_user_config(id.as_str(), &content, user.change)
            .await;
        match written {
            Ok(true) => {
                let message = format!("the configuration of user {id} changed");
                happened(backend, actor, "user.config", id.as_str(), message).await;
                return Ok(content);
            }
            Ok(false) | Err(RecordsError::Conflict(_)) => {}
            Err(error) => return Err(records_problem(error)),
        }
    }
    let detail = "others change this user all the time; try again";
    Err(Problem::unavailable("records", detail))
}

/// Nobody writes over what they have not seen.
fn seen(present: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let present = ConfigVersion::of(present);
    match versions_read(headers)? {
        Some(versions) if !versions.contains(&present) => Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "changed_elsewhere",
            "the configuration was changed meanwhile; read it again",
        )),
        _ => Ok(()),
    }
}

/// The text, if a gateway can do with it. Whether a user may name providers and tool servers is each gateway's own
/// setting (`multiTenant.userEndpoints`): where they may not, that gateway tells the user.
pub fn checked(content: String) -> Result<String, Problem> {
    check_user(&content, true).map_err(|error| config_problem(&error))?;
    Ok(content)
}

/// A user's configuration as it is shown.
pub fn present(user: &UserRecord) -> Response {
    shown(user.config.clone())
}

/// What is kept was checked; a text from elsewhere (a database filled by hand) may be broken, and a patch mends it.
pub fn parsed(text: &str) -> Value {
    json5::parse(text).map_or_else(|_| json!({}), |root| root.to_json())
}

fn shown(content: String) -> Response {
    let body = json!({"config": parsed(&content), "content": content});
    (etag(&content), Json(body)).into_response()
}
