//! Every refusal is a problem, also one that the framework makes by itself: a query string that does not parse, a path that is no
//! UTF-8, a WebSocket that is asked for in the wrong way.

use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::Problem;

/// A longer text is no message.
const LONGEST: usize = 4096;

/// Turns an error that is told in plain text, or not at all, into a [`Problem`]; leaves every other answer as it is.
pub async fn problems_only(response: Response) -> Response {
    let status = response.status();
    let told = response.headers().get(header::CONTENT_TYPE);
    let in_plain_text = told.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !in_plain_text {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, LONGEST).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).replace('\n', " ");
    let detail = match text.trim() {
        "" => status.canonical_reason().unwrap_or("the request cannot be answered"),
        text => text,
    };
    let mut problem = Problem::new(status, code(status), detail).into_response();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UPGRADE_REQUIRED => "upgrade_required",
        _ if status.is_server_error() => "internal",
        _ => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(response: Response) -> (u16, serde_json::Value) {
        let response = problems_only(response).await;
        let status = response.status().as_u16();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = to_bytes(response.into_body(), LONGEST).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn plain_text_and_silence_become_problems() {
        let plain = (StatusCode::BAD_REQUEST, "tail: invalid\ndigit").into_response();
        let (status, problem) = told(plain).await;
        assert_eq!((status, &problem["code"]), (400, &"bad_request".into()));
        assert_eq!(problem["detail"], "tail: invalid digit");
        let (status, problem) = told(StatusCode::METHOD_NOT_ALLOWED.into_response()).await;
        assert_eq!((status, &problem["detail"]), (405, &"Method Not Allowed".into()));
    }

    #[tokio::test]
    async fn an_answer_and_a_problem_stay_as_they_are() {
        let answer = problems_only((StatusCode::OK, "fine").into_response()).await;
        assert_eq!(to_bytes(answer.into_body(), LONGEST).await.unwrap(), "fine");
        let (status, problem) = told(Problem::conflict("taken", "it is taken").into_response()).await;
        assert_eq!((status, &problem["code"]), (409, &"taken".into()));
    }
}
