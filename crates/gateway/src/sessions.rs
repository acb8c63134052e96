//! `/api/v1/sessions`: a user's conversations, to list, to read and to delete.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use creel_session::{Body, Entry, Part, SessionId, SessionInfo, SessionKey};
use http_body::{Frame, SizeHint};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::{id_problem, session_problem, turn_problem};
use crate::routes::State;
use crate::tenants::Held;
use creel_http::{Path, Problem, rfc3339};

/// Sessions that only keep the answer to an idempotency key; nobody asked for a conversation.
pub const HIDDEN_PREFIX: &str = "once-";

/// A session that a client names.
///
/// # Errors
/// It is no id, or one of those that the gateway keeps for itself.
pub fn named(text: &str) -> Result<SessionId, Problem> {
    if text.starts_with(HIDDEN_PREFIX) {
        return Err(Problem::bad_request(format!(
            "session id: `{HIDDEN_PREFIX}` begins the ids that the gateway gives out by itself; choose another one"
        )));
    }
    SessionId::new(text).map_err(id_problem)
}

pub async fn list(
    Shared(gateway): Shared<State>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    let sessions = gateway.sessions.list(&caller.user).await.map_err(session_problem)?;
    let listed: Vec<Value> = sessions
        .iter()
        .filter(|info| !info.id.as_str().starts_with(HIDDEN_PREFIX))
        .map(summary)
        .collect();
    Ok(Json(json!({"sessions": listed})))
}

pub async fn read(
    Shared(gateway): Shared<State>,
    Extension(Caller { user, seat, .. }): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let key = SessionKey::new(user, named(&id)?);
    let held = match (&gateway.tenants, &seat) {
        (Some(tenants), Some(seat)) => tenants.hold(seat, gateway.sessions.bytes(&key), &gateway.setup.load())?,
        _ => None,
    };
    let transcript = gateway
        .sessions
        .read(&key)
        .await
        .map_err(session_problem)?
        .ok_or_else(|| unknown(&id))?;
    let mut session = summary(&transcript.info);
    session["messages"] = transcript.entries.iter().map(|entry| message(entry)).collect();
    let response = Json(session).into_response();
    Ok(match held {
        // It is in memory until the client has it.
        Some(held) => response.map(|body| HttpBody::new(Kept { body, _held: held })),
        None => response,
    })
}

/// Deletes a conversation. A turn that runs in it ends at once.
pub async fn delete(
    Shared(gateway): Shared<State>,
    Extension(Caller { user, .. }): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let key = SessionKey::new(user, named(&id)?);
    // Many users could have a lease made, a file each, for every id that comes to their mind.
    let is_nothing = || gateway.sessions.bytes(&key) == 0 && !gateway.agent.is_active(&key);
    if gateway.tenants.is_some() && is_nothing() {
        return Err(unknown(&id));
    }
    if gateway.agent.forget(&key).await.map_err(turn_problem)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown(&id))
    }
}

/// Deletes all conversations of the user, also one of which nothing is written down yet.
pub async fn delete_all(
    Shared(gateway): Shared<State>,
    Extension(Caller { user, .. }): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let kept = gateway.sessions.list(&user).await.map_err(session_problem)?;
    let kept = kept.into_iter().map(|info| SessionKey::new(user.clone(), info.id));
    for key in gateway.agent.active_of(&user).into_iter().chain(kept) {
        gateway.agent.forget(&key).await.map_err(turn_problem)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A body that takes of its user's share of the memory.
struct Kept {
    body: HttpBody,
    _held: Held,
}

impl http_body::Body for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no session {id}"))
}

fn summary(info: &SessionInfo) -> Value {
    json!({
        "id": info.id,
        "title": info.title,
        "created_at": shown(info.created_at),
        "updated_at": shown(info.updated_at),
        "messages": info.messages,
    })
}

fn message(entry: &Entry) -> Value {
    let at = shown(entry.at);
    match &entry.body {
        Body::User { parts } => {
            let content: Vec<&str> = parts
                .iter()
                .map(|part| match part {
                    Part::Text { text } => text.as_str(),
                    Part::Image { .. } => "[image]",
                })
                .collect();
            json!({"role": "user", "content": content.join("\n"), "at": at})
        }
        Body::Assistant {
            text,
            tool_calls,
            model,
            usage,
            stop,
        } => json!({
            "role": "assistant", "content": text, "at": at, "tool_calls": tool_calls, "model": model, "usage": usage, "stop": stop,
        }),
        Body::ToolResult {
            call_id,
            name,
            text,
            is_error,
        } => json!({
            "role": "tool", "content": text, "at": at, "tool_call_id": call_id, "name": name, "is_error": is_error,
        }),
    }
}

/// Of milliseconds since the Unix epoch.
fn shown(at: u64) -> String {
    rfc3339(i64::try_from(at).unwrap_or(i64::MAX))
}
