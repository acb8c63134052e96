//! `/api/v1/sessions`: a user's conversations, to list, to read and to delete.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::{Extension, Json};
use creel_session::{Body, Entry, Part, SessionId, SessionInfo, SessionKey};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::{id_problem, session_problem, turn_problem};
use crate::routes::State;
use creel_http::{Problem, rfc3339};

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
    Extension(Caller { user, .. }): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let key = SessionKey::new(user, named(&id)?);
    let transcript = gateway
        .sessions
        .read(&key)
        .await
        .map_err(session_problem)?
        .ok_or_else(|| unknown(&id))?;
    let mut session = summary(&transcript.info);
    session["messages"] = transcript.entries.iter().map(|entry| message(entry)).collect();
    Ok(Json(session))
}

/// Deletes a conversation. A turn that runs in it ends at once.
pub async fn delete(
    Shared(gateway): Shared<State>,
    Extension(Caller { user, .. }): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let key = SessionKey::new(user, named(&id)?);
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
