//! `/api/llm/prices` and `/api/llm/groups`: credits for a million tokens (or what a provider wants for them in its currency), and what
//! groups of keys pay of them. Amounts are decimals in strings, exact to a millionth.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use creel_http::{JsonBody, Path, Problem};
use creel_records::ledger::Micros;
use creel_records::{CurrencyRecord, GroupRecord, KeyRecord, PriceRecord};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{amount, changed, credits, name, unknown};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::routes::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// Absent: credits.
    currency: Option<String>,
    input: String,
    output: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    call: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutGroup {
    multiplier: String,
}

/// As it was said, and what that is in credits: `null` where its currency is gone, and whoever would have to pay is refused.
fn shown(record: &PriceRecord, currencies: &[CurrencyRecord]) -> Value {
    let amounts = |record: &PriceRecord| {
        json!({
            "input": amount(record.input), "output": amount(record.output), "cached_input": record.cached_input.map(amount),
            "cache_write": record.cache_write.map(amount), "call": amount(record.call),
        })
    };
    let mut shown = amounts(record);
    shown["model"] = record.model.as_str().into();
    shown["currency"] = record.currency.as_deref().into();
    shown["credits"] = record.in_credits(currencies).as_ref().map(amounts).into();
    shown
}

fn shown_group(record: &GroupRecord) -> Value {
    json!({"name": record.name, "multiplier": amount(u64::from(record.multiplier))})
}

pub async fn list(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let prices = backend.records.llm_prices().await.map_err(records_problem)?;
    let currencies = backend.records.llm_currencies().await.map_err(records_problem)?;
    let shown = |record| shown(record, &currencies);
    Ok(Json(json!({"prices": prices.iter().map(shown).collect::<Vec<_>>()})))
}

pub async fn put(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(model): Path<String>,
    JsonBody(request): JsonBody<Put>,
) -> Result<Json<Value>, Problem> {
    let model = name(&model)?;
    if model.strip_suffix('*').unwrap_or(model).contains('*') {
        return Err(Problem::unprocessable(
            "name: `*` stands once, at the end, for all models that begin so",
        ));
    }
    let price = |field, text: &str| credits(field, text).map(|micros| micros.0.unsigned_abs());
    let optional = |field, text: &Option<String>| text.as_deref().map(|text| price(field, text)).transpose();
    let currencies = backend.records.llm_currencies().await.map_err(records_problem)?;
    if let Some(code) = &request.currency
        && !currencies.iter().any(|currency| currency.code == *code)
    {
        return Err(Problem::unprocessable(format!(
            "currency: nobody has said what \"{code}\" is in credits; add it to the currencies first"
        )));
    }
    let record = PriceRecord {
        model: model.to_owned(),
        currency: request.currency.clone(),
        input: price("input", &request.input)?,
        output: price("output", &request.output)?,
        cached_input: optional("cached_input", &request.cached_input)?,
        cache_write: optional("cache_write", &request.cache_write)?,
        call: optional("call", &request.call)?.unwrap_or(0),
    };
    backend.records.put_llm_price(&record).await.map_err(records_problem)?;
    changed(&backend, &actor.0, "llm.price", ["price of", model, "set"]).await;
    Ok(Json(shown(&record, &currencies)))
}

pub async fn remove(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(model): Path<String>,
) -> Result<StatusCode, Problem> {
    if !backend
        .records
        .delete_llm_price(&model)
        .await
        .map_err(records_problem)?
    {
        return Err(unknown("price of", &model));
    }
    changed(&backend, &actor.0, "llm.price", ["price of", &model, "removed"]).await;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn list_groups(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let groups = backend.records.llm_groups().await.map_err(records_problem)?;
    Ok(Json(
        json!({"groups": groups.iter().map(shown_group).collect::<Vec<_>>()}),
    ))
}

pub async fn put_group(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(group): Path<String>,
    JsonBody(request): JsonBody<PutGroup>,
) -> Result<Json<Value>, Problem> {
    let group = name(&group)?;
    let multiplier: Option<Micros> = request.multiplier.parse().ok();
    let multiplier = multiplier
        .and_then(|factor| u32::try_from(factor.0).ok())
        .ok_or_else(|| {
            let given = &request.multiplier;
            Problem::unprocessable(format!(
                "multiplier: {given:?} is none; write for example 0.8, 1 or 2.5, up to 4294"
            ))
        })?;
    let record = GroupRecord {
        name: group.to_owned(),
        multiplier,
    };
    backend.records.put_llm_group(&record).await.map_err(records_problem)?;
    changed(&backend, &actor.0, "llm.group", ["group", group, "set"]).await;
    Ok(Json(shown_group(&record)))
}

pub async fn remove_group(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(group): Path<String>,
) -> Result<StatusCode, Problem> {
    let keys = backend.records.llm_keys().await.map_err(records_problem)?;
    let pays = |key: &&KeyRecord| key.revoked_at.is_none() && key.terms.group.as_deref() == Some(&group);
    match keys.iter().filter(pays).count() {
        0 => {}
        // They would pay the whole price from now on, to somebody's surprise.
        count => {
            let reason = format!("group: keys in force are in \"{group}\" ({count}); change or revoke them first");
            return Err(Problem::conflict("in_use", reason));
        }
    }
    if !backend
        .records
        .delete_llm_group(&group)
        .await
        .map_err(records_problem)?
    {
        return Err(unknown("group", &group));
    }
    changed(&backend, &actor.0, "llm.group", ["group", &group, "removed"]).await;
    Ok(StatusCode::NO_CONTENT)
}
