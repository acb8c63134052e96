//! `GET|PATCH /api/users/{id}/config`: a user's `openclaw.json`, kept as JSON in the layout that is shown, so that a line and column that
//! anybody reports are those that everybody sees.

use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use creel_config::{check_user, json5, merge};
use creel_http::{JsonBody, Problem};
use serde_json::{Value, json};

use super::{happened, known, parse_id};
use crate::auth::Actor;
use crate::error::{config_problem, records_problem};
use crate::routes::State;

/// `GET /api/users/{id}/config`
pub async fn read(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let user = known(&backend, &parse_id(&id)?).await?;
    Ok(Json(shown(parsed(&user.config))))
}

/// `PATCH /api/users/{id}/config`: a JSON Merge Patch (RFC 7396). One whose result is broken changes nothing: 422, with the line
/// and column in the result.
pub async fn patch(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(patch): JsonBody<Value>,
) -> Result<Json<Value>, Problem> {
    let id = parse_id(&id)?;
    // Two patches at once must both be in the result.
    let _turn = backend.config_turn.lock().await;
    let mut config = parsed(&known(&backend, &id).await?.config);
    merge(&mut config, patch);
    let text = checked(&config)?;
    let set = backend.records.set_user_config(id.as_str(), &text).await;
    set.map_err(records_problem)?;
    let message = format!("the configuration of user {id} changed");
    happened(&backend, &actor.0, "user.config", id.as_str(), message).await;
    Ok(Json(shown(config)))
}

/// The text to keep, if a gateway can do with it. Whether a user may name providers and tool servers is each gateway's own
/// setting (`multiTenant.userEndpoints`): where they may not, that gateway tells the user.
pub fn checked(config: &Value) -> Result<String, Problem> {
    let text = format!("{config:#}");
    check_user(&text, true).map_err(|error| config_problem(&error))?;
    Ok(text)
}

/// What is kept was checked; a text from elsewhere (a database filled by hand) may be JSON5, or broken, and a patch mends it.
fn parsed(text: &str) -> Value {
    json5::parse(text).map_or_else(|_| json!({}), |root| root.to_json())
}

fn shown(config: Value) -> Value {
    let content = format!("{config:#}");
    json!({"config": config, "content": content})
}
