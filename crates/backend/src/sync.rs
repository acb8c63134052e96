//! `GET /openclaw/gateway/configs?since=TOKEN&limit=N`, also under `/api/v1`: what changed of the users, for gateways for many.
//!
//! The answer is what `crates/gateway/src/tenants/wire.rs` describes. A sync token is the number of a change and the tag of its history: a
//! database made anew counts from the beginning, one restored from a backup from where that ended, and both have another tag for the same
//! number. The answer to a token of another history is a listing of everything.

use axum::extract::State as Shared;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_config::json5;
use creel_http::{FromQuery, Parameters, Peer, Problem, Query, rfc3339};
use creel_records::{RecordsError, UserChanges, UserRecord, UserToken};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::auth;
use crate::error::records_problem;
use crate::routes::State;
use crate::state::Backend;
use crate::users::key;

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
            limit: parameters.number_within("limit", 1..=LIMIT)?,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    model_key: Option<String>,
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
    auth::service(&backend, &headers, peer).await?;
    let since = match question.since.as_deref().and_then(parsed) {
        Some((number, tag)) => known(&backend, number, tag).await.map_err(records_problem)?,
        None => None,
    };
    let mut limit = question.limit.unwrap_or(LIMIT);
    let page = loop {
        let page = backend.records.user_changes(since.unwrap_or(0), limit).await;
        let page = page.map_err(records_problem)?;
        if bytes(&page) <= PAGE_BYTES || limit == 1 {
            break page;
        }
        limit = limit.div_ceil(4);
    };
    let ids: Vec<String> = page.users.iter().map(|(user, _)| user.id.clone()).collect();
    let keys = backend.records.user_keys(&ids).await.map_err(records_problem)?;
    let mut sealed_elsewhere = 0_usize;
    let mut key_of = |user: &UserRecord| {
        let opened = key::open(&backend.llm.sealer, keys.get(&user.id)?);
        sealed_elsewhere += usize::from(opened.is_none());
        Some(opened.unwrap_or_else(|| key::OPENS_NOTHING.to_owned()))
    };
    let tag = backend.records.user_change_tag(page.reached).await;
    let answer = Answer {
        users: page
            .users
            .into_iter()
            .map(|(user, tokens)| shown(key_of(&user), user, tokens))
            .collect(),
        deleted: page.deleted,
        sync_token: format!("{}-{}", page.reached, tag.map_err(records_problem)?),
        full: since.is_none(),
        has_more: page.has_more,
    };
    if sealed_elsewhere > 0 {
        tracing::error!(
            users = sealed_elsewhere,
            "model keys of users do not open with this home's secrets/master.key, and their model calls are refused; put the master.key of the \
             home that made them here, or give these users new tokens"
        );
    }
    // Digests of tokens, configurations and keys are nobody else's.
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// The number, if it means here what it meant to who was told it.
async fn known(backend: &Backend, number: i64, tag: &str) -> Result<Option<i64>, RecordsError> {
    let newest = backend.records.last_user_change().await?;
    let ours = (0..=newest).contains(&number) && backend.records.user_change_tag(number).await? == tag;
    Ok(ours.then_some(number))
}

/// The number and the tag in a sync token.
fn parsed(token: &str) -> Option<(i64, &str)> {
    let (number, tag) = token.split_once('-')?;
    Some((number.parse().ok()?, tag))
}

fn bytes(page: &UserChanges) -> usize {
    page.users.iter().map(|(user, _)| user.config.len()).sum()
}

fn shown(model_key: Option<String>, user: UserRecord, tokens: Vec<UserToken>) -> ChangedUser {
    let config = as_json(user.config);
    ChangedUser {
        user_id: user.id,
        created_at: rfc3339(user.created_at),
        status: user.status.to_string(),
        version: user.change,
        tokens: tokens
            .into_iter()
            .map(|token| Token {
                sha256: hex::encode(token.sha256),
                expires_at: token.expires_at.map(rfc3339),
            })
            .collect(),
        config: config.unwrap_or_default(),
        model_key,
    }
}

/// JSON goes as it is, so that a gateway names lines as they are here; of JSON5, the JSON. A text that is neither, in a database filled by hand,
/// goes as a text: the gateway tells this user that it must be an object.
fn as_json(text: String) -> Result<Box<RawValue>, serde_json::Error> {
    match serde_json::from_str::<&RawValue>(&text) {
        Ok(_) => RawValue::from_string(text),
        Err(_) => match json5::parse(&text) {
            Ok(root) => RawValue::from_string(format!("{:#}", root.to_json())),
            Err(error) => to_raw_value(&error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_get_json() {
        let sent = |text: &str| as_json(text.to_owned()).unwrap().get().to_owned();
        assert_eq!(sent("{\n\n  \"a\": 1}"), "{\n\n  \"a\": 1}");
        assert_eq!(sent("{a: 1, /* one */}"), "{\n  \"a\": 1\n}");
        assert!(sent("{a: ").starts_with('"'));
    }

    #[test]
    fn a_sync_token_has_a_number_and_a_tag() {
        assert_eq!(parsed("4-0f"), Some((4, "0f")));
        for unknown in ["4", "", "-", "x-4", "99999999999999999999-0f"] {
            assert_eq!(parsed(unknown), None, "{unknown:?}");
        }
    }
}
