//! Headers that the HTTP library does not know by name. (To look one up by its text is to read that text each time.)

use http::HeaderName;

/// Anthropic's clients show their key in it.
pub static API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub static ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
pub static ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
pub static OPENAI_BETA: HeaderName = HeaderName::from_static("openai-beta");
/// The call's id, in every answer to one.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Where Anthropic's clients look for it: <https://docs.anthropic.com/en/api/errors#request-id>.
pub static ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
