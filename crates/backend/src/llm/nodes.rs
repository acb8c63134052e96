//! `/api/llm/nodes`: the processes of the gateway, and giving up one that will not come back.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use creel_http::{FromQuery, Parameters, Path, Problem, Query, rfc3339};
use creel_records::{RecordsError, now_ms};
use serde_json::{Value, json};

use super::{changed, unknown};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::routes::State;

/// A node that holds something is heard of every few seconds.
const SILENT_MS: i64 = 60_000;

pub async fn list(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let nodes = backend.records.ledger_nodes().await.map_err(records_problem)?;
    let shown = nodes
        .iter()
        .map(|node| json!({"name": node.name, "seen_at": rfc3339(node.seen_at), "held": node.held.to_string()}));
    Ok(Json(json!({"nodes": shown.collect::<Vec<_>>()})))
}

pub struct Asked {
    force: bool,
}

impl FromQuery for Asked {
    const NAMES: &'static [&'static str] = &["force"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        let force = parameters.flag("force")?;
        Ok(Self { force })
    }
}

/// What it holds is free again, and it deals with the books no more until it is started anew.
pub async fn give_up(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    Query(Asked { force }): Query<Asked>,
) -> Result<StatusCode, Problem> {
    let nodes = backend.records.ledger_nodes().await.map_err(records_problem)?;
    let node = nodes.iter().find(|node| node.name == name);
    let node = node.ok_or_else(|| unknown("gateway node", &name))?;
    let silent_ms = now_ms().saturating_sub(node.seen_at);
    if !force && silent_ms < SILENT_MS {
        let seconds = silent_ms.max(0) / 1000;
        return Err(Problem::conflict(
            "node_alive",
            format!(
                "the gateway node \"{name}\" was heard of {seconds} s ago; stop it first, or insist with force=true"
            ),
        ));
    }
    match backend.records.give_up_node(&name).await {
        Ok(()) => {}
        Err(RecordsError::NotFound { .. }) => return Err(unknown("gateway node", &name)),
        Err(error) => return Err(records_problem(error)),
    }
    changed(&backend, &actor.0, "llm.node", ["gateway node", &name, "given up"]).await;
    Ok(StatusCode::NO_CONTENT)
}
