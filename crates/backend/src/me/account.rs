//! Who I am, what I used, what I have left, and my password.

use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use creel_http::{JsonBody, Peer, Problem, Query, rfc3339};
use creel_records::{SignedBy, UserPatch};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::records_problem;
use crate::routes::State;
use crate::signin::{Form, SignedIn, check_password, issue};
use crate::{credits as books, everyone, usage as used, users};

/// `GET /api/me`
pub async fn show(Shared(backend): Shared<State>, Extension(me): Extension<SignedIn>) -> Json<Value> {
    let (chat, gateway_url) = match everyone::find(&backend).await {
        Ok(place) => (json!({"available": true}), Some(format!("http://{}", place.host))),
        Err(problem) => (json!({"available": false, "reason": problem.code}), None),
    };
    let csrf = (me.form == Form::Cookie).then_some(&me.login.csrf);
    Json(json!({
        "user": users::shown(&me.user),
        "csrf": csrf,
        "expires_at": rfc3339(me.expires_at),
        "chat": chat,
        "gateway_url": gateway_url,
    }))
}

/// `GET /api/me/usage?from=&to=&by=&format=`
pub async fn usage(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    Query(asked): Query<used::Asked>,
) -> Result<Response, Problem> {
    used::answer(
        &backend,
        used::Asked {
            user: Some(me.user.id),
            ..asked
        },
    )
    .await
}

/// `GET /api/me/credits?limit=&before=&format=`
pub async fn credits(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    Query(page): Query<books::Page>,
) -> Result<Response, Problem> {
    books::answer(&backend, &me.user.id, &page).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// The present one, where there is one.
    current: Option<String>,
    new: String,
}

/// `POST /api/me/password`: ends every login of theirs, and answers with a new one of the same form.
pub async fn change_password(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    JsonBody(Passwords { current, new }): JsonBody<Passwords>,
) -> Result<Response, Problem> {
    users::acceptable_password(&new)?;
    if me.user.password_phc.is_some() {
        let checked = check_password(&backend, peer, &me.user.id, current.unwrap_or_default()).await;
        checked.map_err(|problem| match problem.code {
            "unauthorized" => Problem::unauthorized("current: this is not your password"),
            _ => problem,
        })?;
    }
    let phc = users::hashed(&backend, new).await?;
    let patch = UserPatch {
        password_phc: Some(Some(phc.clone())),
        ..UserPatch::default()
    };
    let changed = backend.records.patch_user(&me.user.id, &patch).await;
    changed.map_err(records_problem)?;
    let message = format!("user {} has a new password", me.user.id);
    users::happened(&backend, &me.actor(), "user.password", &me.user.id, message).await;
    let user = users::known(&backend, &me.id).await?;
    let answer = issue(&backend, &user, SignedBy::Password(&phc), me.form, &headers).await?;
    answer.ok_or_else(|| Problem::unauthorized("sign in again, with the new password"))
}
