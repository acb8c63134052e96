//! The console's chat with an instance, through the instance's own API.
//!
//! `POST /api/instances/{id}/chat/completions` goes to its `/v1/chat/completions` as it is, and the answer comes back as it comes;
//! `GET /api/instances/{id}/chat/sessions/{session}` reads a conversation again. Only the token is added, which the browser never sees.
//! When the browser hangs up, so do we, and the instance cancels its turn.

mod relay;

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use creel_fleet::{InstanceId, Runtime, Status};
use creel_http::{Path, Problem};
use futures_util::StreamExt as _;

pub use self::relay::{Patience, RelayError, relay};
use crate::error::fleet_problem;
use crate::instances::{parse_id, unknown};
use crate::routes::State;

/// What of the browser's headers is for the instance.
const PASSED_ON: [&str; 4] = ["content-type", "accept", "x-openclaw-session-key", "idempotency-key"];
/// Sessions that the console began. An instance's other conversations are its user's.
const OWN_PREFIX: &str = "console-";

pub async fn completions(
    Shared(backend): Shared<State>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    forward(&backend, &id, Method::POST, "/v1/chat/completions", request).await
}

/// The transcript of a session that the console began, as the native gateway's `/api/v1/sessions/{session}` has it. Upstream shows its transcripts
/// on its WebSocket alone (`chat.history`): there it is 501 `no_transcripts`.
pub async fn session(
    Shared(backend): Shared<State>,
    Path((id, session)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let instance = backend.fleet.get(&id).ok_or_else(|| unknown(&id))?;
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !session.strip_prefix(OWN_PREFIX).is_some_and(plain) {
        let detail = format!(
            "the console shows sessions that it began, named {OWN_PREFIX}…; others belong to the instance's user"
        );
        return Err(Problem::not_found(detail));
    }
    if instance.runtime != Runtime::Native {
        let detail = "an OpenClaw instance keeps its transcripts, but has no HTTP path that shows them";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "no_transcripts", detail));
    }
    forward(
        &backend,
        &id,
        Method::GET,
        &format!("/api/v1/sessions/{session}"),
        request,
    )
    .await
}

/// Sends the request to the instance, with its token, and the answer back.
async fn forward(
    backend: &State,
    id: &InstanceId,
    method: Method,
    path: &str,
    request: Request,
) -> Result<Response, Problem> {
    // Woken if it sleeps, and awake until the answer has ended.
    let engaged = backend.fleet.engage(id).await.map_err(fleet_problem)?;
    let instance = backend.fleet.get(id).ok_or_else(|| unknown(id))?;
    let running = instance.status == Status::Running;
    let endpoint = backend.fleet.endpoint(id);
    if running && endpoint.is_none() {
        let url = instance.url.as_deref().unwrap_or("its own address");
        let detail = format!("instance \"{id}\" is not on this host; talk to it at {url}");
        return Err(Problem::conflict("elsewhere", detail));
    }
    let endpoint = endpoint.filter(|_| running).ok_or_else(|| {
        Problem::conflict(
            "not_running",
            format!("instance \"{id}\" is {}; start it first", instance.status),
        )
    })?;
    let mut onward = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, endpoint.addr.to_string());
    for name in PASSED_ON {
        if let Some(value) = request.headers().get(name) {
            onward = onward.header(name, value);
        }
    }
    let mut token = HeaderValue::try_from(format!("Bearer {}", endpoint.token.expose())).expect("hexadecimal digits");
    token.set_sensitive(true);
    let onward = onward
        .header(header::AUTHORIZATION, token)
        .body(request.into_body())
        .expect("parts are valid");
    let answer = relay(endpoint.addr, onward, Patience::default()).await;
    let (parts, body) = answer.map_err(|error| unanswered(id, &error))?.into_parts();
    let body = body.into_data_stream().map(move |part| {
        let _under_way = &engaged;
        part
    });
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = parts.status;
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER, header::CACHE_CONTROL] {
        if let Some(value) = parts.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

fn unanswered(id: &InstanceId, error: &RelayError) -> Problem {
    tracing::warn!(instance = %id, %error, "chat");
    let status = match error {
        RelayError::Silent(_) => StatusCode::GATEWAY_TIMEOUT,
        RelayError::Connect(..) | RelayError::Broken(_) => StatusCode::BAD_GATEWAY,
    };
    let detail = format!("instance \"{id}\" does not answer; its log says why");
    Problem::new(status, "unreachable", detail)
}
