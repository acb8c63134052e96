//! `/api/llm/models`

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use creel_http::{JsonBody, Path, Problem};
use creel_records::{ModelRecord, RouteRecord, RouteStrategy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{changed, name, unknown};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::routes::State;

/// The most routes of a model: each call goes through them.
const MOST_ROUTES: usize = 64;
/// The most tokens of a reply that are reserved for one that does not say.
const LARGEST_OUTPUT: u64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    routes: Vec<Route>,
    strategy: Option<String>,
    max_output: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    provider: String,
    /// The provider's own name; absent: the same.
    model: Option<String>,
    weight: Option<u32>,
    priority: Option<u32>,
}

fn shown(record: &ModelRecord) -> Value {
    json!({"name": record.name, "routes": record.routes, "strategy": record.strategy, "max_output": record.max_output})
}

pub async fn list(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let models = backend.records.llm_models().await.map_err(records_problem)?;
    Ok(Json(json!({"models": models.iter().map(shown).collect::<Vec<_>>()})))
}

pub async fn put(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(given): Path<String>,
    JsonBody(request): JsonBody<Put>,
) -> Result<Json<Value>, Problem> {
    let given = name(&given)?;
    if !(1..=MOST_ROUTES).contains(&request.routes.len()) {
        return Err(Problem::unprocessable(format!(
            "routes: at least one provider, and {MOST_ROUTES} at most"
        )));
    }
    for route in &request.routes {
        let model = route.model.as_deref().map(name).transpose();
        model.map_err(|_| Problem::unprocessable("routes: a model has 1 to 200 characters without blanks"))?;
    }
    if !request
        .max_output
        .is_none_or(|most| (1..=LARGEST_OUTPUT).contains(&most))
    {
        return Err(Problem::unprocessable(format!(
            "max_output: from 1 to {LARGEST_OUTPUT}; absent is the usual limit"
        )));
    }
    let strategy = match request.strategy {
        None => RouteStrategy::Weighted,
        Some(text) => text
            .parse()
            .map_err(|error| Problem::unprocessable(format!("strategy: {error}")))?,
    };
    known_providers(&backend, &request.routes).await?;
    let routes = request.routes.into_iter().map(|route| RouteRecord {
        provider: route.provider,
        model: route.model.unwrap_or_else(|| given.to_owned()),
        weight: route.weight.unwrap_or(1),
        priority: route.priority.unwrap_or(0),
    });
    let record = ModelRecord {
        name: given.to_owned(),
        routes: routes.collect(),
        strategy,
        max_output: request.max_output,
    };
    backend.records.put_llm_model(&record).await.map_err(records_problem)?;
    changed(&backend, &actor.0, "llm.model", ["model", given, "set"]).await;
    Ok(Json(shown(&record)))
}

/// # Errors
/// 422: a route to a provider that is not there would be no route, and the model none.
async fn known_providers(backend: &State, routes: &[Route]) -> Result<(), Problem> {
    let providers = backend.records.llm_providers().await.map_err(records_problem)?;
    let of_environment = backend.llm.of_environment.iter().copied();
    let known: Vec<&str> = providers
        .iter()
        .map(|known| known.name.as_str())
        .chain(of_environment)
        .collect();
    match routes.iter().find(|route| !known.contains(&route.provider.as_str())) {
        None => Ok(()),
        Some(Route { provider, .. }) => Err(Problem::unprocessable(format!(
            "routes: there is no provider \"{provider}\"; set it first"
        ))),
    }
}

pub async fn remove(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(given): Path<String>,
) -> Result<StatusCode, Problem> {
    let was_there = backend
        .records
        .delete_llm_model(&given)
        .await
        .map_err(records_problem)?;
    if !was_there {
        return Err(unknown("model", &given));
    }
    changed(&backend, &actor.0, "llm.model", ["model", &given, "removed"]).await;
    Ok(StatusCode::NO_CONTENT)
}
