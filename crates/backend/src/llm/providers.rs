//! `/api/llm/providers`

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use creel_http::{JsonBody, Path, Problem};
use creel_llm_gateway::{Provider, Style, seal_purpose};
use creel_records::{ProviderRecord, ProviderStyle};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{changed, name, unknown};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::routes::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    style: String,
    base_url: String,
    /// Absent: the one that is there stays. Empty: none.
    api_key: Option<String>,
    #[serde(default)]
    has_responses: bool,
    #[serde(default)]
    any_model: bool,
}

fn shown(record: &ProviderRecord) -> Value {
    json!({
        "name": record.name, "style": record.style, "base_url": record.base_url, "has_key": record.key_sealed.is_some(),
        "has_responses": record.has_responses, "any_model": record.any_model,
    })
}

pub async fn list(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let providers = backend.records.llm_providers().await.map_err(records_problem)?;
    Ok(Json(
        json!({"providers": providers.iter().map(shown).collect::<Vec<_>>()}),
    ))
}

pub async fn put(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(given): Path<String>,
    JsonBody(request): JsonBody<Put>,
) -> Result<Json<Value>, Problem> {
    let given = name(&given)?;
    if given.contains('/') {
        return Err(Problem::unprocessable(
            "name: without `/`, which divides a provider from a model",
        ));
    }
    let style: ProviderStyle = request
        .style
        .parse()
        .map_err(|error| Problem::unprocessable(format!("style: {error}")))?;
    let spoken = match style {
        ProviderStyle::Openai => Style::Openai,
        ProviderStyle::Anthropic => Style::Anthropic,
    };
    // What the gateway could not use is refused here.
    Provider::new(given, spoken, &request.base_url, request.api_key.as_deref())
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    let key_sealed = match request.api_key.as_deref() {
        Some("") => None,
        Some(key) => {
            let sealed = backend.llm.sealer.seal_text(&seal_purpose(given), key);
            Some(sealed.map_err(|_| Problem::internal())?)
        }
        None => {
            let known = backend.records.llm_providers().await.map_err(records_problem)?;
            let known = known.into_iter().find(|known| known.name == given);
            known.and_then(|known| known.key_sealed)
        }
    };
    let record = ProviderRecord {
        name: given.to_owned(),
        style,
        base_url: request.base_url,
        key_sealed,
        has_responses: request.has_responses,
        any_model: request.any_model,
    };
    backend
        .records
        .put_llm_provider(&record)
        .await
        .map_err(records_problem)?;
    changed(&backend, &actor.0, "llm.provider", ["provider", given, "set"]).await;
    Ok(Json(shown(&record)))
}

pub async fn remove(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(given): Path<String>,
) -> Result<StatusCode, Problem> {
    let was_there = backend
        .records
        .delete_llm_provider(&given)
        .await
        .map_err(records_problem)?;
    if !was_there {
        return Err(unknown("provider", &given));
    }
    changed(&backend, &actor.0, "llm.provider", ["provider", &given, "removed"]).await;
    Ok(StatusCode::NO_CONTENT)
}
