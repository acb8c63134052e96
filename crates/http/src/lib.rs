//! What the HTTP servers of Creel have in common: how a problem is told, how a JSON body is read, how events are streamed, how
//! embedded pages are served, how guessing is slowed down.
//!
//! The gateway and the backend use it. It knows no route and no user.

mod body;
mod pages;
mod problem;
mod random;
pub mod sse;
mod throttle;

pub use body::{BodyLimit, JsonBody};
pub use pages::{Page, serve_page};
pub use problem::Problem;
pub use random::{hex, random_id};
pub use throttle::Throttle;

use axum::http::{HeaderMap, header};

/// The token of `Authorization: Bearer TOKEN` (RFC 6750).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
