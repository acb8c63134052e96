//! OpenAI-style chat completions: <https://platform.openai.com/docs/api-reference/chat/create>.

mod alike;
mod call;
mod reply;
mod request;

pub use reply::Reply;
pub use request::body;

use crate::target::Target;

/// Where requests go.
pub fn url(target: &Target) -> String {
    format!("{}/chat/completions", target.base_url.trim_end_matches('/'))
}
