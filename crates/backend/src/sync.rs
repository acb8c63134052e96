//! `GET /openclaw/gateway/configs?since=TOKEN&limit=N`, also under `/api/v1`: what changed of the users, for gateways for many.
//!
//! The answer is what `crates/gateway/src/tenants/wire.rs` describes. A sync token is the age of the service token and the number of a
//! change. The first is there for a database made anew, whose numbers begin again; one restored from a backup is behind the number. Either
//! way the answer is a listing of everything.

use axum::extract::State as Shared;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_http::{FromQuery, Parameters, Peer, Problem, Query, hex, rfc3339};
use creel_records::{UserChanges, UserRecord, UserToken};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::auth;
use crate::error::records_problem;
use crate::routes::State;

/// Users in a page, at most.
const LIMIT: u32 = 1_000;
/// Bytes of configurations in a page of more than one user; gateways read pages of up to 64 MiB.
const PAGE_BYTES: usize = 16 << 20;

pub struct Question {
    since: Option<String>,
    limit: Option<u32>,
}

impl FromQuery for Question {
    const NAMES: &'static [&'static str] = &["since", "limit"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            since: parameters.text("since"),
            limit: parameters.number("limit")?,
        })
    }
}

#[derive(Serialize)]
struct Answer {
    users: Vec<ChangedUser>,
    deleted: Vec<String>,
    sync_token: String,
    full: bool,
    has_more: bool,
}

#[derive(Serialize)]
struct ChangedUser {
    user_id: String,
    /// Somebody else may have had the id before.
    created_at: String,
    status: String,
    version: i64,
    tokens: Vec<Token>,
    config: Box<RawValue>,
}

#[derive(Serialize)]
struct Token {
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

pub async fn changes(
    Shared(backend): Shared<State>,
    Extension(peer): Extension<Peer>,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let service = auth::service(&backend, &headers, peer).await?;
    let age = service.created_at;
    let newest = backend.records.last_user_change().await.map_err(records_problem)?;
    let since = question.since.as_deref().and_then(|token| number(token, age));
    let since = since.filter(|number| (0..=newest).contains(number));
    let mut limit = question.limit.unwrap_or(LIMIT).clamp(1, LIMIT);
    let page = loop {
        let page = backend.records.user_changes(since.unwrap_or(0), limit).await;
        let page = page.map_err(records_problem)?;
        if bytes(&page) <= PAGE_BYTES || limit == 1 {
            break page;
        }
        limit = limit.div_ceil(4);
    };
    let answer = Answer {
        users: page.users.into_iter().map(shown).collect(),
        deleted: page.deleted,
        sync_token: format!("{age}-{}", page.reached),
        full: since.is_none(),
        has_more: page.has_more,
    };
    // Digests of tokens and configurations are nobody else's.
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// The number in a sync token, unless it is of another age.
fn number(token: &str, age: i64) -> Option<i64> {
    let (of, number) = token.split_once('-')?;
    (of.parse() == Ok(age)).then(|| number.parse().ok())?
}

fn bytes(page: &UserChanges) -> usize {
    page.users.iter().map(|(user, _)| user.config.len()).sum()
}

fn shown((user, tokens): (UserRecord, Vec<UserToken>)) -> ChangedUser {
    // A text that is no JSON goes as a text: the gateway tells this user that it must be an object.
    let config = RawValue::from_string(user.config).or_else(|error| to_raw_value(&error.to_string()));
    ChangedUser {
        user_id: user.id,
        created_at: rfc3339(user.created_at),
        status: user.status.to_string(),
        version: user.change,
        tokens: tokens
            .into_iter()
            .map(|token| Token {
                sha256: hex(&token.sha256),
                expires_at: token.expires_at.map(rfc3339),
            })
            .collect(),
        config: config.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_token_of_another_age_is_unknown() {
        assert_eq!(number("17-4", 17), Some(4));
        for unknown in ["16-4", "4", "", "17-", "17-x", "x-4", "17-99999999999999999999"] {
            assert_eq!(number(unknown, 17), None, "{unknown:?}");
        }
    }
}
