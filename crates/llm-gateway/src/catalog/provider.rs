//! A provider as the gateway uses it: everything that each request needs is worked out once.

use std::sync::Arc;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::uri::{Authority, PathAndQuery, Uri};
use thiserror::Error;

use crate::health::Health;
use crate::names;
use crate::style::{Style, Surface};

/// The version of Anthropic's API, where a client of the other style did not name one:
/// <https://docs.anthropic.com/en/api/versioning>.
const ANTHROPIC_VERSION: &str = "2023-06-01";

pub struct Provider {
    pub name: Arc<str>,
    pub style: Style,
    pub base: Base,
    /// What every request to it carries, its key included; the values that are secret are marked so.
    pub headers: HeaderMap,
    /// It answers `/responses` itself; for others that path is translated.
    pub has_responses: bool,
    /// It may be asked for models that are not listed.
    pub any_model: bool,
    pub health: Arc<Health>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

/// A provider's address, in the parts that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    /// Names the connections that go there.
    pub key: Arc<str>,
    /// The path of each [`Surface`], in their order.
    paths: [PathAndQuery; 4],
}

/// Why something is no provider. Said to whoever set it up; it never holds a secret.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProviderError {
    #[error("base_url: \"{0}\" is no address such as https://api.example.com/v1")]
    Address(String),
    #[error("the API key has characters that no HTTP header may have")]
    Key,
    #[error("headers: \"{0}\" cannot be sent")]
    Header(String),
}

impl Base {
    /// # Errors
    /// [`ProviderError::Address`].
    pub fn parse(style: Style, url: &str) -> Result<Self, ProviderError> {
        let wrong = || ProviderError::Address(url.to_owned());
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(wrong());
        }
        let port = authority.port_u16().unwrap_or(match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        });
        let path = uri.path().trim_end_matches('/');
        // For both styles it ends with the version.
        let path = match style {
            Style::Anthropic => format!("{}/v1", path.strip_suffix("/v1").unwrap_or(path)),
            Style::Openai => path.to_owned(),
        };
        let path_of = |surface: Surface| format!("{path}{}", surface.suffix()).parse().map_err(|_| wrong());
        let paths = [
            path_of(Surface::Completions)?,
            path_of(Surface::Responses)?,
            path_of(Surface::Embeddings)?,
            path_of(Surface::Messages)?,
        ];
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let key = format!("{}://{host}:{port}", uri.scheme_str().unwrap_or_default()).into();
        Ok(Self {
            scheme,
            host,
            port,
            key,
            paths,
        })
    }

    /// The name of the most tokens of a completion. OpenAI's own reasoning models refuse the old one; most other providers know only that.
    pub fn limit(&self) -> &'static str {
        if self.host == "api.openai.com" || self.host.ends_with(".openai.azure.com") {
            "max_completion_tokens"
        } else {
            "max_tokens"
        }
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Where requests of this kind go, with the client's query, if any.
    pub fn target(&self, surface: Surface, query: Option<&str>) -> Uri {
        let path = &self.paths[surface as usize];
        let asked = query.and_then(|query| format!("{path}?{query}").parse().ok());
        Uri::from(asked.unwrap_or_else(|| path.clone()))
    }
}

impl Provider {
    /// # Errors
    /// [`ProviderError`].
    pub fn new(name: &str, style: Style, base_url: &str, key: Option<&str>) -> Result<Self, ProviderError> {
        let base = Base::parse(style, base_url)?;
        let mut headers = HeaderMap::with_capacity(16);
        let authority: Authority = base
            .authority()
            .parse()
            .map_err(|_| ProviderError::Address(base_url.to_owned()))?;
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| ProviderError::Address(base_url.to_owned()))?;
        headers.insert(HOST, host);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("creel/", env!("CARGO_PKG_VERSION"))),
        );
        // Without it any coding is welcome (RFC 9110, section 12.5.3), and what is compressed can neither be metered nor passed on.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if style == Style::Anthropic {
            headers.insert(&names::ANTHROPIC_VERSION, HeaderValue::from_static(ANTHROPIC_VERSION));
        }
        if let Some(key) = key {
            let (name, value) = match style {
                Style::Openai => (AUTHORIZATION, format!("Bearer {key}")),
                Style::Anthropic => (names::API_KEY.clone(), key.to_owned()),
            };
            let mut value = HeaderValue::from_str(&value).map_err(|_| ProviderError::Key)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(Self {
            name: name.into(),
            style,
            base,
            headers,
            has_responses: false,
            any_model: false,
            health: Arc::default(),
        })
    }

    /// Sends this header too, instead of one of ours if it has the same name.
    ///
    /// # Errors
    /// [`ProviderError::Header`].
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), ProviderError> {
        let wrong = || ProviderError::Header(name.to_owned());
        let parsed: HeaderName = name.parse().map_err(|_| wrong())?;
        // These say how the body is framed, which is for us to say.
        if ["content-length", "transfer-encoding", "connection", "accept-encoding"].contains(&parsed.as_str()) {
            return Err(wrong());
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        self.headers.insert(parsed, value);
        Ok(())
    }

    /// What it is asked for when a client asks for this: the same where it can, else what is translated to.
    pub fn surface(&self, asked: Surface) -> Option<Surface> {
        match (self.style, asked) {
            (Style::Openai, Surface::Completions | Surface::Messages) => Some(Surface::Completions),
            (Style::Openai, Surface::Responses) if self.has_responses => Some(Surface::Responses),
            (Style::Openai, Surface::Responses) => Some(Surface::Completions),
            (Style::Openai, Surface::Embeddings) => Some(Surface::Embeddings),
            (Style::Anthropic, Surface::Embeddings) => None,
            (Style::Anthropic, _) => Some(Surface::Messages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_has_its_new_name_at_openai_alone() {
        for (url, limit) in [
            ("https://api.openai.com/v1", "max_completion_tokens"),
            ("https://corp.openai.azure.com/openai/v1", "max_completion_tokens"),
            ("https://api.deepseek.com/v1", "max_tokens"),
            ("http://api.openai.com.example/v1", "max_tokens"),
        ] {
            assert_eq!(Base::parse(Style::Openai, url).unwrap().limit(), limit, "{url}");
        }
    }

    #[test]
    fn addresses() {
        let target = |style, url: &str, surface| {
            let base = Base::parse(style, url).unwrap();
            format!("{} {}", base.key, base.target(surface, None))
        };
        for (url, expected) in [
            ("http://h:1/v1", "http://h:1 /v1/chat/completions"),
            ("https://h/v1/", "https://h:443 /v1/chat/completions"),
            ("http://[::1]:4000/api/v3", "http://::1:4000 /api/v3/chat/completions"),
            ("http://h", "http://h:80 /chat/completions"),
        ] {
            assert_eq!(target(Style::Openai, url, Surface::Completions), expected);
        }
        for url in ["https://h", "https://h/", "https://h/v1"] {
            assert_eq!(
                target(Style::Anthropic, url, Surface::Messages),
                "https://h:443 /v1/messages"
            );
        }
        let base = Base::parse(Style::Openai, "https://h/v1").unwrap();
        for surface in [
            Surface::Completions,
            Surface::Responses,
            Surface::Embeddings,
            Surface::Messages,
        ] {
            let path = format!("/v1{}", surface.suffix());
            assert_eq!(base.target(surface, None).to_string(), path);
            assert_eq!(base.target(surface, Some("a=1")).to_string(), format!("{path}?a=1"));
        }
        for url in ["", "h", "ftp://h", "https://", "http://user:pass@h", "http://h/v1?x=1"] {
            assert_eq!(
                Base::parse(Style::Openai, url),
                Err(ProviderError::Address(url.to_owned())),
                "{url}"
            );
        }
    }

    #[test]
    fn the_key_goes_where_the_style_wants_it_and_shows_nowhere() {
        let openai = Provider::new("p", Style::Openai, "https://h", Some("secret")).unwrap();
        assert_eq!(openai.headers["authorization"], "Bearer secret");
        assert!(!format!("{:?}", openai.headers).contains("secret"));
        let anthropic = Provider::new("p", Style::Anthropic, "https://h", Some("secret")).unwrap();
        assert_eq!(anthropic.headers["x-api-key"], "secret");
        assert_eq!(anthropic.headers["anthropic-version"], ANTHROPIC_VERSION);
        assert_eq!(
            Provider::new("p", Style::Openai, "https://h", Some("a\nb")).err(),
            Some(ProviderError::Key)
        );
    }

    #[test]
    fn headers_can_be_added_but_not_the_framing() {
        let mut provider = Provider::new("p", Style::Openai, "https://h", None).unwrap();
        provider.add_header("X-Team", "t").unwrap();
        assert_eq!(provider.headers["x-team"], "t");
        for name in ["Content-Length", "a b", "connection"] {
            assert!(provider.add_header(name, "1").is_err(), "{name}");
        }
    }
}
