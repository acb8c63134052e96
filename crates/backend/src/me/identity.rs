//! `GET|PUT /api/me/identity`, and an administrator's of a user: who the assistant is to its user, as a text.
//!
//! It is `agents.defaults.systemPrompt` of the user's configuration, so it reaches gateways as all of that does, and comes after what the
//! workspace's `IDENTITY.md` says. Without it the service's own applies.

use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use creel_config::json5;
use creel_http::{JsonBody, Path, Problem};
use creel_session::UserId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Actor;
use crate::routes::State;
use crate::signin::SignedIn;
use crate::state::Backend;
use crate::users::config::{change_of, parsed};
use crate::users::{known, parse_id};

/// Bytes of an identity: it is part of every prompt.
const LONGEST: usize = 64 << 10;
const PLACE: &str = "/agents/defaults/systemPrompt";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `null`: none of their own.
    content: Option<String>,
}

pub async fn read(Extension(me): Extension<SignedIn>) -> Json<Value> {
    Json(shown(&parsed(&me.user.config)))
}

pub async fn write(
    Shared(backend): Shared<State>,
    Extension(me): Extension<SignedIn>,
    JsonBody(identity): JsonBody<Identity>,
) -> Result<Json<Value>, Problem> {
    set(&backend, &me.actor(), &me.id, identity).await
}

/// `GET /api/users/{id}/identity`
pub async fn of_user(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let user = known(&backend, &parse_id(&id)?).await?;
    Ok(Json(shown(&parsed(&user.config))))
}

/// `PUT /api/users/{id}/identity`
pub async fn set_of_user(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(identity): JsonBody<Identity>,
) -> Result<Json<Value>, Problem> {
    set(&backend, &actor.0, &parse_id(&id)?, identity).await
}

async fn set(backend: &Backend, actor: &str, id: &UserId, identity: Identity) -> Result<Json<Value>, Problem> {
    let content = identity.content.filter(|text| !text.trim().is_empty());
    if content.as_ref().is_some_and(|text| text.len() > LONGEST) {
        let limit = LONGEST >> 10;
        return Err(Problem::unprocessable(format!("content: at most {limit} KiB")));
    }
    let patch = json!({"agents": {"defaults": {"systemPrompt": content}}});
    let change = |text: &str| {
        // Nothing is made to hold nothing.
        let is_change = content.is_some() || parsed(text).pointer(PLACE).is_some();
        if is_change {
            json5::patch(text, &patch)
        } else {
            text.to_owned()
        }
    };
    let text = change_of(backend, actor, id, &HeaderMap::new(), change).await?;
    Ok(Json(shown(&parsed(&text))))
}

fn shown(config: &Value) -> Value {
    json!({"content": config.pointer(PLACE).and_then(Value::as_str)})
}
