//! `/api/users/{id}/credits`: what a user has, why, and giving more. Amounts are decimal texts: exact, also in a browser.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_http::{FromQuery, JsonBody, Parameters, Path, Problem, Query, rfc3339};
use creel_records::ledger::{Entry, EntryKind, Grant, Granted, Micros, NewGrant, RequestId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::auth::Actor;
use crate::csv;
use crate::error::records_problem;
use crate::expiry;
use crate::payer;
use crate::routes::State;
use crate::state::Backend;
use crate::users::parse_id;

/// Entries of one answer in JSON, and those of a table that are looked up at a time.
const MOST: u32 = 1000;
/// The longest note, in characters.
const NOTE: usize = 500;
/// The longest `Idempotency-Key`.
const LONGEST_KEY: usize = 255;

pub struct Page {
    /// Entries before this id.
    before: Option<i64>,
    limit: Option<u32>,
    is_table: bool,
}

impl FromQuery for Page {
    const NAMES: &'static [&'static str] = &["before", "limit", "format"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        let is_table = csv::wanted(parameters.text("format").as_deref())?;
        let most = if is_table { u32::MAX } else { MOST };
        Ok(Self {
            before: parameters.number("before")?,
            limit: parameters.number_within("limit", 1..=most)?,
            is_table,
        })
    }
}

/// `GET /api/users/{id}/credits?limit=50&before=ID&format=csv`: entries newest first; as CSV, all of them where there is no limit.
pub async fn show(
    Shared(backend): Shared<State>,
    Path(user): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let user = parse_id(&user)?;
    payer::known(&backend, &user).await?;
    answer(&backend, user.as_str(), &page).await
}

pub async fn answer(backend: &Backend, user: &str, page: &Page) -> Result<Response, Problem> {
    if page.is_table {
        return as_csv(backend, user, page).await;
    }
    let limit = page.limit.unwrap_or(50);
    let records = &backend.records;
    let entries = records
        .entries(user, page.before, limit)
        .await
        .map_err(records_problem)?;
    let account = records.credits(user).await.map_err(records_problem)?;
    Ok(Json(json!({
        "user": user,
        "balance": account.balance.to_string(),
        "held": account.held.to_string(),
        "grants": account.grants.iter().map(shown_grant).collect::<Vec<_>>(),
        "entries": entries.iter().map(shown).collect::<Vec<_>>(),
    }))
    .into_response())
}

/// A table may be as long as the ledger is: its entries are looked up as it is sent.
async fn as_csv(backend: &Backend, user: &str, page: &Page) -> Result<Response, Problem> {
    let row = |entry: &Entry| {
        let request = entry.request.map(|request| request.to_string());
        [
            entry.id.to_string(),
            rfc3339(entry.at),
            entry.kind.to_string(),
            entry.amount.to_string(),
            request.unwrap_or_default(),
            entry.note.clone().unwrap_or_default(),
        ]
    };
    let (records, user) = (Arc::clone(&backend.records), user.to_owned());
    let begin = (page.before, page.limit.unwrap_or(u32::MAX));
    let mut parts = Box::pin(stream::try_unfold(begin, move |(before, left)| {
        let (records, user) = (Arc::clone(&records), user.clone());
        async move {
            let entries = match left {
                0 => Vec::new(),
                left => records.entries(&user, before, left.min(MOST)).await?,
            };
            let Some(last) = entries.last() else { return Ok(None) };
            let next = (Some(last.id), left.saturating_sub(MOST));
            Ok(Some((entries.iter().map(row).collect(), next)))
        }
    }));
    // Where there is nothing to be had, that is told as a problem.
    let first = parts.try_next().await.map_err(records_problem)?;
    let header = ["id", "at", "kind", "credits", "request", "note"];
    Ok(csv::stream(header, stream::iter(first.map(Ok)).chain(parts)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Give {
    /// A number, or a decimal text.
    credits: Value,
    /// `grant` (the default) or `top_up`.
    kind: Option<String>,
    expires_at: Option<String>,
    note: Option<String>,
}

/// `POST /api/users/{id}/credits`. With an `Idempotency-Key`, a repetition is answered as the first time and gives nothing more.
pub async fn give(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(user): Path<String>,
    Query(()): Query<()>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Give>,
) -> Result<Response, Problem> {
    let id = parse_id(&user)?;
    let user = id.as_str();
    let new = NewGrant {
        account: user.to_owned(),
        amount: amount(&body.credits)?,
        kind: kind(body.kind.as_deref())?,
        expires_at: body.expires_at.as_deref().map(expiry::to_come).transpose()?,
        note: body.note.map(note).transpose()?,
        request: request_id(user, &headers)?,
    };
    let Granted { entry, is_repeated } = backend.records.grant(&new).await.map_err(records_problem)?;
    let account = backend.records.credits(user).await.map_err(records_problem)?;
    if !is_repeated {
        let credits = entry.amount.to_string();
        let text = format!("{credits} credits for {user}");
        let details = json!({"user": user, "credits": credits});
        let activity = &backend.activity;
        activity.record(&actor.0, "credits.given", None, text, details).await;
    }
    let known = payer::can_spend(&backend, user).await.map_err(records_problem)?;
    let body = json!({"entry": shown(&entry), "balance": account.balance.to_string(), "known": known});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// What a gift that may be repeated is kept under: of each user, a key is another.
fn request_id(user: &str, headers: &HeaderMap) -> Result<Option<RequestId>, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let readable = key.to_str().is_ok_and(|key| (1..=LONGEST_KEY).contains(&key.len()));
    if !readable || keys.next().is_some() {
        return Err(Problem::bad_request(format!(
            "Idempotency-Key: give one, of 1 to {LONGEST_KEY} ASCII characters"
        )));
    }
    let digest = Sha256::new_with_prefix(user)
        .chain_update([0])
        .chain_update(key)
        .finalize();
    let id = digest[..16].iter().fold(0, |id, byte| id << 8 | u128::from(*byte));
    Ok(Some(RequestId(id)))
}

fn amount(value: &Value) -> Result<Micros, Problem> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(Problem::unprocessable("credits: a number, or a decimal text")),
    };
    let amount: Micros = text
        .parse()
        .map_err(|error| Problem::unprocessable(format!("credits: {error}")))?;
    if amount <= Micros::ZERO || amount > Micros::LARGEST {
        return Err(Problem::unprocessable(format!(
            "credits: {amount} is not more than 0 and at most {}",
            Micros::LARGEST
        )));
    }
    Ok(amount)
}

fn kind(name: Option<&str>) -> Result<EntryKind, Problem> {
    match name {
        None | Some("grant") => Ok(EntryKind::Grant),
        Some("top_up") => Ok(EntryKind::TopUp),
        Some(_) => Err(Problem::unprocessable("kind: grant or top_up")),
    }
}

fn note(text: String) -> Result<String, Problem> {
    if text.chars().count() > NOTE || text.contains('\0') {
        return Err(Problem::unprocessable(format!(
            "note: at most {NOTE} characters, and none of them U+0000"
        )));
    }
    Ok(text)
}

fn shown(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "kind": entry.kind,
        "credits": entry.amount.to_string(),
        "request": entry.request.map(|request| request.to_string()),
        "at": rfc3339(entry.at),
        "note": entry.note,
    })
}

fn shown_grant(grant: &Grant) -> Value {
    json!({
        "id": grant.id,
        "credits": grant.amount.to_string(),
        "remaining": grant.remaining.to_string(),
        "expires_at": grant.expires_at.map(rfc3339),
        "at": rfc3339(grant.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_bounded() {
        for (given, micros) in [
            (json!(1), 1_000_000),
            (json!(0.1), 100_000),
            (json!("2.000001"), 2_000_001),
        ] {
            assert_eq!(amount(&given).ok(), Some(Micros(micros)), "{given}");
        }
        for given in [
            json!(0),
            json!(-1),
            json!("1e3"),
            json!(1e-7),
            json!(null),
            json!("1000000001"),
            json!([1]),
        ] {
            let Err(problem) = amount(&given) else {
                panic!("{given}")
            };
            assert!(problem.detail.starts_with("credits: "), "{}", problem.detail);
        }
    }
}
