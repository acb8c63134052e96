//! What happens to a request that came over a connection beyond the limit.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::Peer;
use crate::refusal::too_many_connections;

/// Turns away what came over a connection beyond the limit, and closes that connection.
pub async fn not_crowded(request: Request, next: Next) -> Response {
    if request.extensions().get::<Peer>().is_some_and(|peer| peer.crowded) {
        let mut response = too_many_connections().into_response();
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    next.run(request).await
}
