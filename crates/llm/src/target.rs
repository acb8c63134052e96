//! Whom to ask.

use std::fmt;
use std::time::Duration;

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `POST {base_url}/chat/completions`, see <https://platform.openai.com/docs/api-reference/chat>.
    OpenaiCompletions,
    /// `POST {base_url}/v1/messages`, see <https://docs.anthropic.com/en/api/messages>.
    AnthropicMessages,
    /// Answers by itself, and says that it is no model.
    Demo,
}

/// A provider's key. It shows in no `Debug` output and in no error.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One model of one provider.
#[derive(Clone)]
pub struct Target {
    pub api: Api,
    /// OpenAI-style: with its version, as in `https://api.openai.com/v1`. Anthropic-style: `https://api.anthropic.com`,
    /// a `/v1` at the end is allowed. The demo has none.
    pub base_url: String,
    /// Sent as `Authorization: Bearer` or as `x-api-key`, as the API wants it.
    pub api_key: Option<ApiKey>,
    /// Sent along, and stronger than the headers this crate sets itself. The values are taken for secrets.
    pub headers: Vec<(String, String)>,
    /// The provider's own name of the model.
    pub model: String,
    /// The most tokens of a reply, where the request says nothing. Anthropic insists on a limit; it gets 8192 then.
    pub max_tokens: Option<u32>,
    /// How long the provider may say nothing, before its answer and within it; `None`: as long as the client's options allow.
    pub silence: Option<Duration>,
    /// Whether only addresses of the open internet are asked: whoever named this one must not reach what we can.
    pub public_only: bool,
}

impl Target {
    /// A target without key, headers or limit.
    pub fn new(api: Api, base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            api,
            base_url: base_url.into(),
            api_key: None,
            headers: Vec::new(),
            model: model.into(),
            max_tokens: None,
            silence: None,
            public_only: false,
        }
    }

    /// The provider that needs no key: see [`Api::Demo`].
    pub fn demo() -> Self {
        Self::new(Api::Demo, "", "demo")
    }

    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(ApiKey::new(key));
        self
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Target")
            .field("api", &self.api)
            .field("base_url", &self.base_url)
            .field("api_key", &self.api_key)
            .field("headers", &headers)
            .field("model", &self.model)
            .field("max_tokens", &self.max_tokens)
            .field("silence", &self.silence)
            .field("public_only", &self.public_only)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let mut target = Target::new(Api::OpenaiCompletions, "https://example.com/v1", "m").with_key("sk-secret");
        target.headers.push(("x-team".to_owned(), "token-secret".to_owned()));
        let shown = format!("{target:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("x-team") && shown.contains("***"), "{shown}");
    }
}
