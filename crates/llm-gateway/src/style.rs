//! The two ways in which the world talks to models, and the paths on which this gateway answers them.

/// How a client or a provider writes its JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// <https://platform.openai.com/docs/api-reference>
    Openai,
    /// <https://docs.anthropic.com/en/api/messages>
    Anthropic,
}

impl Style {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

impl std::str::FromStr for Style {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "openai" => Ok(Self::Openai),
            "anthropic" => Ok(Self::Anthropic),
            _ => Err(format!("\"{text}\" is no style: openai or anthropic")),
        }
    }
}

/// What a client asks for: one for each path that costs money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `POST /v1/chat/completions`
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/messages`
    Messages,
}

impl Surface {
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::Completions),
            "/v1/responses" => Some(Self::Responses),
            "/v1/embeddings" => Some(Self::Embeddings),
            "/v1/messages" => Some(Self::Messages),
            _ => None,
        }
    }

    /// What comes after a provider's base address, which for OpenAI-style providers ends with the version.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Completions => "/chat/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
            Self::Messages => "/messages",
        }
    }

    pub fn style(self) -> Style {
        match self {
            Self::Messages => Style::Anthropic,
            _ => Style::Openai,
        }
    }

    /// A word for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
        }
    }
}
