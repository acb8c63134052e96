//! `POST /api/v1/chat` and `/api/v1/chat/stream`: a message in, a reply out.

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use creel_agent::{History, Outcome, Sampling, Turn};
use creel_llm::{Message, Part};
use creel_session::{SessionId, SessionKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::caller::Caller;
use crate::routes::State;
use crate::sessions::named;
use crate::turns::{RunningTurn, Said, idempotency_key, new_session};
use creel_http::JsonBody;
use creel_http::Problem;
use creel_http::random_id;
use creel_http::sse;

/// A field that nobody knows is refused: a slip such as `sessionId` would begin a new conversation without a word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct ChatRequest {
    message: String,
    session_id: Option<String>,
    model: Option<String>,
}

#[derive(Serialize)]
pub struct ChatReply {
    session_id: SessionId,
    reply: String,
    model: String,
    usage: Usage,
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
}

impl ChatReply {
    fn new(session_id: SessionId, outcome: Outcome) -> Self {
        let usage = Usage {
            input_tokens: outcome.usage.input_tokens,
            output_tokens: outcome.usage.output_tokens,
        };
        Self {
            session_id,
            reply: outcome.reply,
            model: outcome.model,
            usage,
        }
    }
}

pub async fn chat(
    Shared(gateway): Shared<State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ChatRequest>,
) -> Result<Json<ChatReply>, Problem> {
    let (session, turn) = turn(&caller, &headers, request, false)?;
    let (outcome, _) = RunningTurn::start(&gateway, &caller, turn)?.complete().await?;
    Ok(Json(ChatReply::new(session, outcome)))
}

pub async fn stream(
    Shared(gateway): Shared<State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ChatRequest>,
) -> Result<Response, Problem> {
    let (session, turn) = turn(&caller, &headers, request, true)?;
    let mut running = RunningTurn::start(&gateway, &caller, turn)?;
    let response = sse::respond(caller.profile.heartbeat, |writer| async move {
        while let Some(event) = running.next().await {
            match event {
                Said::Text(text) => writer.event("delta", &json!({"text": text})).await,
                Said::Tool { name, status } => {
                    writer
                        .event("tool", &json!({"name": name, "status": status.as_str()}))
                        .await;
                }
            }
        }
        match running.finish().await {
            Ok(outcome) => writer.event("done", &ChatReply::new(session, outcome)).await,
            Err(error) => {
                writer
                    .event("error", &json!({"code": error.code, "message": error.detail}))
                    .await
            }
        }
    });
    Ok(response.await)
}

fn turn(
    caller: &Caller,
    headers: &HeaderMap,
    request: ChatRequest,
    followed: bool,
) -> Result<(SessionId, Turn), Problem> {
    if request.message.trim().is_empty() {
        return Err(Problem::unprocessable("message: must not be empty"));
    }
    let profile = &caller.profile;
    let choice = profile
        .models
        .choose(request.model.as_deref())
        .ok_or_else(|| unknown_model(request.model.as_deref().unwrap_or_default()))?;
    let idempotency_key = idempotency_key(headers)?;
    let session = match &request.session_id {
        Some(id) => named(id)?,
        None => new_session("", &caller.user, idempotency_key.as_deref()),
    };
    let agent = profile.user.agent(choice.agent.as_deref()).clone();
    let turn = Turn {
        id: random_id(),
        session: Some(SessionKey::new(caller.user.clone(), session.clone())),
        history: History::Transcript,
        input: vec![Message::User(vec![Part::Text(request.message)])],
        instructions: agent.instructions,
        idempotency_key,
        routes: choice.routes,
        workspace: agent.workspace,
        toolbox: agent.toolbox,
        client_tools: Vec::new(),
        sampling: Sampling::default(),
        limits: profile.limits,
        followed,
    };
    Ok((session, turn))
}

pub fn unknown_model(name: &str) -> Problem {
    let why = match name.split_once('/') {
        Some(("openclaw", agent)) => format!("there is no agent {agent}"),
        Some((provider, _)) => format!("there is no provider {provider}, and none lists {name}"),
        None => format!("there is no {name}"),
    };
    let detail = format!("model: {why}; GET /v1/models lists what there is");
    Problem::new(StatusCode::NOT_FOUND, "model_not_found", detail)
}
