//! `/api/llm/currencies`: what one unit of a currency is in credits, so that a provider's prices can be said as it prints them.

use axum::Extension;
use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use creel_http::{JsonBody, Path, Problem};
use creel_records::CurrencyRecord;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{amount, changed, credits, unknown};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::routes::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    credits: String,
}

fn shown(record: &CurrencyRecord) -> Value {
    json!({"code": record.code, "credits": amount(record.credits)})
}

pub async fn list(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let currencies = backend.records.llm_currencies().await.map_err(records_problem)?;
    Ok(Json(
        json!({"currencies": currencies.iter().map(shown).collect::<Vec<_>>()}),
    ))
}

pub async fn put(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    JsonBody(request): JsonBody<Put>,
) -> Result<Json<Value>, Problem> {
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Problem::unprocessable(
            "code: three capital letters, as in ISO 4217: USD, CNY",
        ));
    }
    let worth = credits("credits", &request.credits)?.0.unsigned_abs();
    if worth == 0 {
        return Err(Problem::unprocessable("credits: one unit of a currency is more than 0"));
    }
    let record = CurrencyRecord { code, credits: worth };
    backend
        .records
        .put_llm_currency(&record)
        .await
        .map_err(records_problem)?;
    changed(&backend, &actor.0, "llm.currency", ["currency", &record.code, "set"]).await;
    Ok(Json(shown(&record)))
}

pub async fn remove(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
) -> Result<StatusCode, Problem> {
    let prices = backend.records.llm_prices().await.map_err(records_problem)?;
    let said_in_it = prices.iter().filter(|price| price.currency.as_deref() == Some(&*code));
    if let count @ 1.. = said_in_it.count() {
        let reason = format!("code: prices are said in {code} ({count}); change or remove them first");
        return Err(Problem::conflict("in_use", reason));
    }
    if !backend
        .records
        .delete_llm_currency(&code)
        .await
        .map_err(records_problem)?
    {
        return Err(unknown("currency", &code));
    }
    changed(&backend, &actor.0, "llm.currency", ["currency", &code, "removed"]).await;
    Ok(StatusCode::NO_CONTENT)
}
