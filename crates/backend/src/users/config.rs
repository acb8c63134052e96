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

/// `PUT /api/users/{id}/config`: JSON5, of which the JSON is kept. A broken one changes nothing: 422, with the line and column in what was
/// sent.
pub async fn write(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(Text { content }): JsonBody<Text>,
) -> Result<Response, Problem> {
    replace(&backend, &actor.0, &parse_id(&id)?, &headers, &content).await
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
    check_user(content, true).map_err(|error| config_problem(&error))?;
    let new = parsed(content);
    let config = change_of(backend, actor, id, headers, |config| config.clone_from(&new)).await?;
    Ok(shown(&config))
}

/// The configuration has this patch in it from now on.
pub async fn merge_into(
    backend: &Backend,
    actor: &str,
    id: &UserId,
    headers: &HeaderMap,
    patch: &Value,
) -> Result<Response, Problem> {
    let config = change_of(backend, actor, id, headers, |config| merge(config, patch.clone())).await?;
    Ok(shown(&config))
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
    change: impl Fn(&mut Value),
) -> Result<Value, Problem> {
    for _ in 0..TRIES {
        let user = known(backend, id).await?;
        let mut config = parsed(&user.config);
        seen(&config, headers)?;
        change(&mut config);
        let text = checked(&config)?;
        match backend.records.set_user_config(id.as_str(), &text, user.change).await {
            Ok(true) => {
                let message = format!("the configuration of user {id} changed");
                happened(backend, actor, "user.config", id.as_str(), message).await;
                return Ok(config);
            }
            Ok(false) | Err(RecordsError::Conflict(_)) => {}
            Err(error) => return Err(records_problem(error)),
        }
    }
    let detail = "others change this user all the time; try again";
    Err(Problem::unavailable("records", detail))
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

/// The text to keep, if a gateway can do with it. Whether a user may name providers and tool servers is each gateway's own
/// setting (`multiTenant.userEndpoints`): where they may not, that gateway tells the user.
pub fn checked(config: &Value) -> Result<String, Problem> {
    let text = laid_out(config);
    check_user(&text, true).map_err(|error| config_problem(&error))?;
    Ok(text)
}

/// A user's configuration as it is shown.
pub fn present(user: &UserRecord) -> Response {
    shown(&parsed(&user.config))
}

/// What is kept was checked; a text from elsewhere (a database filled by hand) may be JSON5, or broken, and a patch mends it.
pub fn parsed(text: &str) -> Value {
    json5::parse(text).map_or_else(|_| json!({}), |root| root.to_json())
}

fn laid_out(config: &Value) -> String {
    format!("{config:#}")
}

fn shown(config: &Value) -> Response {
    let content = laid_out(config);
    (etag(&content), Json(json!({"config": config, "content": content}))).into_response()
}
