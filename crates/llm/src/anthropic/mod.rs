//! Anthropic-style messages: <https://docs.anthropic.com/en/api/messages>.

mod reply;
mod request;

pub use reply::Reply;
pub use request::body;

use crate::target::Target;

/// The version of the API that is spoken here: <https://docs.anthropic.com/en/api/versioning>.
pub const VERSION: &str = "2023-06-01";

/// Where requests go.
pub fn url(target: &Target) -> String {
    let base = target.base_url.trim_end_matches('/');
    format!("{}/v1/messages", base.strip_suffix("/v1").unwrap_or(base))
}
