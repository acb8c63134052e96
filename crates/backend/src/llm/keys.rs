//! `/api/llm/keys`: virtual keys. A key is shown once, when it is made.

use std::collections::BTreeMap;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use creel_fleet::InstanceId;
use creel_http::{JsonBody, Path, Problem, random_id, rfc3339};
use creel_llm_gateway::VirtualKey;
use creel_records::ledger::Micros;
use creel_records::{KeyRecord, KeyTerms, now_ms};
use creel_session::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::key_change::Change;
use super::{changed, credits, unknown};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::expiry;
use crate::routes::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Make {
    user: Option<String>,
    instance: Option<String>,
    models: Option<Vec<String>>,
    #[serde(default)]
    aliases: BTreeMap<String, String>,
    requests_per_minute: Option<u64>,
    tokens_per_minute: Option<u64>,
    day_budget: Option<String>,
    month_budget: Option<String>,
    group: Option<String>,
    expires_at: Option<String>,
}

fn shown(record: &KeyRecord) -> Value {
    let terms = &record.terms;
    let amount = |micros: Option<i64>| micros.map(|micros| Micros(micros).to_string());
    json!({
        "id": record.id, "hint": record.hint, "user": record.user, "instance": record.instance,
        "models": terms.models, "aliases": terms.aliases, "requests_per_minute": terms.requests_per_minute,
        "tokens_per_minute": terms.tokens_per_minute, "day_budget": amount(terms.day_budget),
        "month_budget": amount(terms.month_budget), "group": terms.group, "created_at": rfc3339(record.created_at),
        "expires_at": record.expires_at.map(rfc3339), "revoked_at": record.revoked_at.map(rfc3339),
    })
}

pub async fn list(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let keys = backend.records.llm_keys().await.map_err(records_problem)?;
    Ok(Json(json!({"keys": keys.iter().map(shown).collect::<Vec<_>>()})))
}

pub async fn make(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    JsonBody(request): JsonBody<Make>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let terms = KeyTerms {
        models: request.models,
        aliases: request.aliases,
        requests_per_minute: limit("requests_per_minute", request.requests_per_minute)?,
        tokens_per_minute: limit("tokens_per_minute", request.tokens_per_minute)?,
        day_budget: budget("day_budget", request.day_budget.as_deref())?,
        month_budget: budget("month_budget", request.month_budget.as_deref())?,
        group: request.group,
    };
    known_group(&backend, terms.group.as_deref()).await?;
    let key = VirtualKey::mint().map_err(|_| Problem::internal())?;
    let record = KeyRecord {
        id: random_id(),
        sha256: key.hash(),
        hint: key.hint(),
        user: user(request.user)?,
        instance: instance(request.instance)?,
        terms,
        created_at: now_ms(),
        expires_at: request.expires_at.as_deref().map(expiry::to_come).transpose()?,
        revoked_at: None,
    };
    backend.records.insert_llm_key(&record).await.map_err(records_problem)?;
    changed(&backend, &actor.0, "llm.key", ["virtual key", &record.hint, "made"]).await;
    Ok((
        StatusCode::CREATED,
        Json(json!({"key": shown(&record), "secret": key.expose()})),
    ))
}

/// What is named is changed, for the calls that come; the key itself stays what it is.
pub async fn change(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(change): JsonBody<Change>,
) -> Result<Json<Value>, Problem> {
    let change = change.parse()?;
    known_group(&backend, change.group.as_ref().and_then(Option::as_deref)).await?;
    let changed_key = backend.records.change_llm_key(&id, &change).await;
    let record = changed_key
        .map_err(records_problem)?
        .ok_or_else(|| unknown("virtual key in force", &id))?;
    changed(&backend, &actor.0, "llm.key", ["virtual key", &record.hint, "changed"]).await;
    Ok(Json(shown(&record)))
}

/// Whom it is charged to, if anybody. An empty name is a slip: nobody would pay for what the key is used for.
fn user(id: Option<String>) -> Result<Option<String>, Problem> {
    let parse = |id: String| match UserId::new(&id) {
        Ok(id) => Ok(id.into()),
        Err(error) => Err(Problem::unprocessable(format!("user: {error}"))),
    };
    id.map(parse).transpose()
}

/// Whose it is, if any instance's; one that Creel does not run, too.
fn instance(id: Option<String>) -> Result<Option<String>, Problem> {
    let Some(id) = id else { return Ok(None) };
    match InstanceId::new(&id) {
        Ok(_) => Ok(Some(id)),
        Err(error) => Err(Problem::unprocessable(format!("instance: {error}"))),
    }
}

/// Of requests or tokens in a minute.
pub fn limit(field: &str, limit: Option<u64>) -> Result<Option<u64>, Problem> {
    match limit {
        Some(0) => Err(Problem::unprocessable(format!(
            "{field}: at least 1; absent is no limit"
        ))),
        _ => Ok(limit),
    }
}

/// Credits of a day or month, in micro-credits.
pub fn budget(field: &str, text: Option<&str>) -> Result<Option<i64>, Problem> {
    let amount = text.map(|text| credits(field, text)).transpose()?;
    Ok(amount.map(|micros| micros.0))
}

/// # Errors
/// 422: a group that nobody set would pay the whole price, to somebody's surprise.
async fn known_group(backend: &State, group: Option<&str>) -> Result<(), Problem> {
    let Some(group) = group else { return Ok(()) };
    let groups = backend.records.llm_groups().await.map_err(records_problem)?;
    match groups.iter().any(|known| known.name == group) {
        true => Ok(()),
        false => Err(Problem::unprocessable(format!(
            "group: there is no group \"{group}\"; set what it pays first"
        ))),
    }
}

/// Calls that run end too, at their next piece.
pub async fn revoke(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if !backend.records.revoke_llm_key(&id).await.map_err(records_problem)? {
        return Err(unknown("virtual key in force", &id));
    }
    changed(&backend, &actor.0, "llm.key", ["virtual key", &id, "revoked"]).await;
    Ok(StatusCode::NO_CONTENT)
}
