//! What the HTTP servers of Creel have in common: how connections are accepted, how a problem is told, how a JSON body is read,
//! how events are streamed, how embedded pages are served, how guessing is slowed down.
//!
//! The gateway, the LLM Gateway and the backend use it. It knows no route and no user.

mod answered;
mod body;
mod connection;
mod crowd;
mod error;
mod json;
mod moment;
mod paced;
mod packed;
mod pages;
mod path;
mod problem;
mod query;
mod random;
mod refusal;
mod rejected;
mod serve;
pub mod sse;
mod throttle;
mod unread;

pub use body::{BodyLimit, JsonBody, TextBody};
pub use crowd::not_crowded;
pub use error::problems_only;
pub use json::{from_json, values};
pub use moment::{moment, rfc3339, since};
pub use packed::packed;
pub use pages::{Page, serve_page};
pub use path::Path;
pub use problem::{PROBLEM_JSON, Problem};
pub use query::{FromQuery, Parameters, Query, no_query};
pub use random::random_id;
pub use rejected::{Rejected, unreadable};
pub use serve::{Connections, Peer, serve};
pub use throttle::{Client, Limit, Throttle};

use axum::http::{HeaderMap, header};

/// The token of `Authorization: Bearer TOKEN` (RFC 6750).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
