//! `POST /v1/chat/completions` and `GET /v1/models`, so that every OpenAI client can talk to an instance.
//!
//! Stateless unless the request selects a session, by `x-openclaw-session-key` or by `user`: then the session's own
//! transcript is the history, and of the request's messages only those after the assistant's last are new.

mod reply;
mod request;

use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_agent::{History, Turn};
use creel_session::{SessionId, SessionKey, UserId};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::chat::unknown_model;
use crate::error::openai_error;
use crate::routes::State;
use crate::sessions::named;
use crate::turns::{RunningTurn, Said, derived_id, idempotency_key, new_session};
use creel_http::Problem;
use creel_http::random_id;
use creel_http::sse;
use creel_http::{JsonBody, Path};
use reply::Reply;
use request::CompletionRequest;

const SESSION_KEY: &str = "x-openclaw-session-key";

pub async fn create(
    Shared(gateway): Shared<State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<CompletionRequest>,
) -> Result<Response, Problem> {
    let Caller { user, profile, .. } = caller.clone();
    if !profile.chat_completions {
        return Err(Problem::not_found(
            "gateway.http.endpoints.chatCompletions is switched off",
        ));
    }
    let requested = request.model.clone();
    let choice = profile
        .models
        .choose(requested.as_deref())
        .ok_or_else(|| unknown_model(requested.as_deref().unwrap_or_default()))?;
    let streaming = request.stream;
    let idempotency_key = idempotency_key(&headers)?;
    let selected = selected_session(&headers, &user, request.user.as_deref())?;
    let parsed = request.parse()?;
    let session = selected.clone().or_else(|| {
        let key = idempotency_key.as_deref()?;
        Some(new_session(crate::sessions::HIDDEN_PREFIX, &user, Some(key)))
    });
    let agent = profile.user.agent(choice.agent.as_deref()).clone();
    let id = random_id();
    let completion = match (&session, &idempotency_key) {
        (Some(session), Some(key)) => derived_id(&user, session, key),
        _ => id.clone(),
    };
    let turn = Turn {
        id,
        session: session.map(|session| SessionKey::new(user, session)),
        history: if selected.is_some() {
            History::Transcript
        } else {
            History::Given(parsed.given)
        },
        input: parsed.input,
        instructions: join(agent.instructions, parsed.instructions),
        idempotency_key,
        routes: choice.routes,
        workspace: agent.workspace,
        toolbox: agent.toolbox,
        client_tools: parsed.client_tools,
        sampling: parsed.sampling,
        limits: profile.limits,
        followed: streaming,
    };
    let mut running = RunningTurn::start(&gateway, &caller, turn)?;
    let model = requested
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "openclaw".to_owned());
    let mut reply = Reply::new(&completion, model);
    if !streaming {
        let (outcome, begun_at) = running.complete().await?;
        reply.set_created(begun_at);
        return Ok(Json(reply.whole(&outcome)).into_response());
    }
    let include_usage = parsed.include_usage;
    let answer = sse::respond(profile.heartbeat, |writer| async move {
        // Of a request that may be a repeated one it is known when it was first made only once the turn says something.
        let mut is_open = false;
        while let Some(said) = running.next().await {
            if !std::mem::replace(&mut is_open, true) {
                reply.set_created(running.begun_at());
                writer.data(&reply.opening()).await;
            }
            if let Said::Text(text) = said {
                writer.data(&reply.delta(&text)).await;
            }
        }
        let begun_at = running.begun_at();
        match running.finish().await {
            Ok(outcome) => {
                if !is_open {
                    reply.set_created(begun_at);
                    writer.data(&reply.opening()).await;
                }
                if !outcome.tool_calls.is_empty() {
                    writer.data(&reply.tool_calls(&outcome)).await;
                }
                writer.data(&reply.closing(&outcome)).await;
                if include_usage {
                    writer.data(&reply.usage(&outcome)).await;
                }
                writer.done_marker().await;
            }
            // The SDKs raise an error when a chunk has one.
            Err(error) => writer.data(&openai_error(&error)).await,
        }
    });
    Ok(answer.await)
}

/// `GET /v1/models`.
pub async fn models(Extension(caller): Extension<Caller>) -> Json<Value> {
    let data: Vec<Value> = caller.profile.models.names().iter().map(|id| model(id)).collect();
    Json(json!({"object": "list", "data": data}))
}

/// `GET /v1/models/{id}`; an id may hold slashes.
pub async fn one_model(Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    if caller.profile.models.knows(&id) {
        Ok(Json(model(&id)))
    } else {
        Err(unknown_model(&id))
    }
}

fn model(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": "creel"})
}

/// The header wins over the request's `user`. A platform's user id may hold anything, so it is hashed where it is no session id by
/// itself.
fn selected_session(headers: &HeaderMap, owner: &UserId, user: Option<&str>) -> Result<Option<SessionId>, Problem> {
    if let Some(value) = headers.get(SESSION_KEY) {
        let text = value
            .to_str()
            .map_err(|_| Problem::unprocessable(format!("{SESSION_KEY}: must be ASCII")))?;
        return Ok(Some(named(text)?));
    }
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        return Ok(None);
    };
    let plain = SessionId::new(&format!("user:{user}"));
    Ok(Some(plain.unwrap_or_else(|_| new_session("user:", owner, Some(user)))))
}

/// The configuration's instructions, then the client's.
fn join(configured: Option<String>, sent: Option<String>) -> Option<String> {
    match (configured, sent) {
        (Some(configured), Some(sent)) => Some(format!("{configured}\n\n{sent}")),
        (configured, sent) => configured.or(sent),
    }
}
