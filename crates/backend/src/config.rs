//! `GET|PUT /api/instances/{id}/config`: the JSON5 text of `openclaw.json`, comments kept.

use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use creel_http::{JsonBody, Problem};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::auth::Actor;
use crate::error::fleet_problem;
use crate::instances::parse_id;
use crate::routes::State;

#[derive(Serialize, Deserialize)]
pub struct ConfigText {
    content: String,
}

#[derive(Serialize)]
pub struct Saved {
    content: String,
    warnings: Vec<Warning>,
}

#[derive(Serialize)]
struct Warning {
    line: usize,
    column: usize,
    message: String,
}

pub async fn read(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Json<ConfigText>, Problem> {
    let content = backend
        .fleet
        .config_text(&parse_id(&id)?)
        .await
        .map_err(fleet_problem)?;
    Ok(Json(ConfigText { content }))
}

/// A text that is broken changes nothing: 422 with its line and column.
pub async fn write(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(ConfigText { content }): JsonBody<ConfigText>,
) -> Result<Json<Saved>, Problem> {
    let id = parse_id(&id)?;
    let warnings = backend.fleet.set_config(&id, &content).await.map_err(fleet_problem)?;
    backend
        .activity
        .record(
            &actor.0,
            "instance.config",
            Some(id.as_str()),
            "configuration changed",
            json!({}),
        )
        .await;
    let warnings = warnings
        .into_iter()
        .map(|warning| Warning {
            line: warning.line,
            column: warning.column,
            message: warning.message,
        })
        .collect();
    Ok(Json(Saved { content, warnings }))
}
