//! `GET /api/instances/{id}/config/diff` and `POST …/config/sync`: what changed in the templates since an instance was made, shown and
//! brought to it. What a person changed stays.

use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use creel_fleet::{ConfigVersion, Conflicts, InstanceId};
use creel_http::{JsonBody, Path, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Actor;
use crate::config::{etag_of, versions_read};
use crate::error::fleet_problem;
use crate::instances::{parse_id, unknown};
use crate::routes::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    conflicts: Option<Choice>,
}

/// Whose value counts where a person and the template changed one differently.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Keep,
    Template,
}

pub async fn diff(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<impl IntoResponse, Problem> {
    let id = parse_id(&id)?;
    let diff = backend.fleet.config_diff(&id).await.map_err(fleet_problem)?;
    let body = json!({
        "changed": diff.changed, "diff": diff.diff, "content": diff.content, "conflicts": diff.conflicts,
    });
    Ok((etag_of(&diff.version), Json(body)))
}

/// Conflicts that nobody decided change nothing: 409 `conflicts`. Nor does a text that was changed since it was read: 412.
pub async fn sync(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<Sync>,
) -> Result<Json<Value>, Problem> {
    let id = parse_id(&id)?;
    let conflicts = match request.conflicts {
        None => Conflicts::Refuse,
        Some(Choice::Keep) => Conflicts::Keep,
        Some(Choice::Template) => Conflicts::Template,
    };
    let read = versions_read(&headers)?;
    let changed = bring(&backend, &actor, &id, read, conflicts).await?;
    let instance = backend.fleet.get(&id).ok_or_else(|| unknown(&id))?;
    Ok(Json(json!({"changed": changed, "instance": instance})))
}

/// Does it and writes it down; says whether anything changed.
pub async fn bring(
    backend: &State,
    actor: &Actor,
    id: &InstanceId,
    read: Option<Vec<ConfigVersion>>,
    conflicts: Conflicts,
) -> Result<bool, Problem> {
    let synced = backend.fleet.sync_config(id, read, conflicts).await;
    let changed = synced.map_err(fleet_problem)?.changed;
    if changed {
        let message = "configuration brought up to its template";
        backend
            .activity
            .record(&actor.0, "instance.sync", Some(id.as_str()), message, json!({}))
            .await;
    }
    Ok(changed)
}
