//! A turn's failure as an HTTP answer, and every problem below `/v1` in the shape that OpenAI's clients expect.

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use creel_agent::TurnError;
use creel_http::{Problem, problems_only};
use creel_session::{IdError, SessionError};
use serde_json::{Value, json};

pub fn turn_problem(error: TurnError) -> Problem {
    let code = error.code();
    let status = match code {
        "provider_rate_limited" => StatusCode::TOO_MANY_REQUESTS,
        "session_busy" => StatusCode::CONFLICT,
        "session_deleted" => StatusCode::GONE,
        "provider_bad_request" | "context_too_long" => StatusCode::BAD_REQUEST,
        "model_not_found" => StatusCode::NOT_FOUND,
        "idempotency_key_reused" => StatusCode::UNPROCESSABLE_ENTITY,
        "no_model" | "cancelled" => StatusCode::SERVICE_UNAVAILABLE,
        "provider_timeout" | "turn_timed_out" => StatusCode::GATEWAY_TIMEOUT,
        "disk_full" => StatusCode::INSUFFICIENT_STORAGE,
        "storage" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_GATEWAY,
    };
    let problem = Problem::new(status, code, error.to_string());
    match error.retry_after() {
        Some(retry_after) => problem.after(retry_after),
        None => problem,
    }
}

pub fn session_problem(error: SessionError) -> Problem {
    tracing::error!(%error, "sessions");
    turn_problem(TurnError::Storage(error))
}

pub fn id_problem(error: IdError) -> Problem {
    Problem::unprocessable(error.to_string())
}

pub fn access_ended() -> Problem {
    let detail = "your access has ended, and with it what was under way";
    Problem::new(StatusCode::FORBIDDEN, "access_ended", detail)
}

pub fn draining() -> Problem {
    let detail = "this gateway is shutting down; try again";
    Problem::unavailable("draining", detail).after(std::time::Duration::from_secs(1))
}

/// Whether a path belongs to OpenAI's API, whose clients expect its errors.
fn is_openais(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// A problem as the API at `path` tells it: media type and body.
pub fn told(path: &str, problem: &Problem) -> (&'static str, Value) {
    if is_openais(path) {
        ("application/json", openai_error(problem))
    } else {
        (creel_http::PROBLEM_JSON, problem.body())
    }
}

/// Shows every refusal as a problem, in the form of the API that was asked, whoever tells it: a handler, a guard, or the router.
pub async fn in_the_apis_form(request: Request, next: Next) -> Response {
    let is_openais = is_openais(request.uri().path());
    let response = problems_only(next.run(request).await).await;
    if is_openais { openai_form(response) } else { response }
}

/// Shows a [`Problem`] as OpenAI's error object (<https://platform.openai.com/docs/guides/error-codes>).
fn openai_form(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(problem) = parts.extensions.get::<Problem>() else {
        return Response::from_parts(parts, body);
    };
    let error = openai_error(problem);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    (parts.status, parts.headers, parts.extensions, Json(error)).into_response()
}

pub fn openai_error(problem: &Problem) -> Value {
    let kind = match problem.status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_client_error() => "invalid_request_error",
        _ => "api_error",
    };
    json!({"error": {"message": problem.detail, "type": kind, "param": null, "code": problem.code}})
}
