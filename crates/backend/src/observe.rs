//! A line in the log for each request, where the verbose switch asks for them; one for what failed by our fault always.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

pub async fn request(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // The route, not the path: whose account it is about is nobody's business in a log, and a path can be long.
    let route = matched.as_ref().map_or("other", MatchedPath::as_str);
    let (status, milliseconds) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1_000.0);
    if status >= 500 {
        tracing::warn!(%method, route, status, milliseconds, "request");
    } else {
        tracing::debug!(%method, route, status, milliseconds, "request");
    }
    response
}
