//! All paths of the LLM Gateway.

use std::rc::Rc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

use crate::body::Reply;
use crate::refusal::Refusal;
use crate::style::{Style, Surface};
use crate::worker::Worker;
use crate::{auth, call, models, names};

pub async fn answer(worker: Rc<Worker>, request: Request<Incoming>) -> Response<Reply> {
    let path = request.uri().path();
    if let Some(surface) = Surface::of_path(path) {
        let answered = match request.method() {
            &Method::POST => call::answer(&worker, surface, request).await,
            _ => Err(Refusal::WrongMethod { allowed: "POST" }),
        };
        return answered.unwrap_or_else(|refusal| refuse(&worker, surface.style(), &refusal));
    }
    // Anthropic's clients send this with every request, and their paths are the same here.
    let style = match request.headers().contains_key(&names::ANTHROPIC_VERSION) {
        true => Style::Anthropic,
        false => Style::Openai,
    };
    // The head of what GET answers: the server leaves out the body.
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    };
    let answered = match (method, path) {
        (&Method::GET, "/health") => Ok(text("application/json", r#"{"ok":true,"status":"live"}"#)),
        (&Method::GET, "/metrics") => auth::metrics(&worker.shared.settings, request.headers()).map(|()| {
            let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            text(media_type, worker.shared.metrics.render())
        }),
        (&Method::GET, "/v1/models") => models::list(&worker, request.headers(), style),
        (&Method::GET, path) if path.starts_with("/v1/models/") => {
            // Names have slashes, which some clients encode and others do not.
            let name = percent_decode_str(&path["/v1/models/".len()..]).decode_utf8_lossy();
            models::show(&worker, request.headers(), style, &name)
        }
        (_, path) if matches!(path, "/health" | "/metrics" | "/v1/models") || path.starts_with("/v1/models/") => {
            Err(Refusal::WrongMethod { allowed: "GET, HEAD" })
        }
        _ => Err(Refusal::NoSuchPath),
    };
    answered.unwrap_or_else(|refusal| refuse(&worker, style, &refusal))
}

pub fn text(media_type: &'static str, body: impl Into<Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::from(body.into()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn refuse(worker: &Worker, style: Style, refusal: &Refusal) -> Response<Reply> {
    tracing::debug!(code = refusal.code(), reason = %refusal, "refused");
    worker.shared.metrics.refused(refusal.code());
    refusal.response(style).map(Reply::from)
}
