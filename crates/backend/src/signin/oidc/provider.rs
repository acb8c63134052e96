//! What the identity provider is asked: about itself (OpenID Connect Discovery 1.0), for its keys, and for an ID token in exchange for a code.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, Uri, header};
use creel_fleet::Secret;
use reqwest::redirect;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::id_token::Jwk;
use super::{Oidc, OidcError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer in all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// An answer that is larger is none.
const MAX_BYTES: usize = 256 << 10;
/// How long what the provider says of itself is taken for true. Its keys are asked for again as soon as one is not known.
const FRESH: Duration = Duration::from_secs(3600);

/// What the provider says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

pub struct Known {
    pub metadata: Metadata,
    pub keys: Vec<Jwk>,
    since: Instant,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// Secrets go there: over TLS, or not over a network.
pub fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_loopback,
        _ => false,
    }
}

pub fn client(issuer: &str) -> reqwest::Result<reqwest::Client> {
    // Somebody else in the process may have installed one already; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // A redirect would carry the client's secret to another host.
        .redirect(redirect::Policy::none());
    let builder = match issuer.starts_with("https://") {
        true => builder.https_only(true),
        // No root certificates to load, and no proxy to this machine itself.
        false => builder.no_proxy().tls_certs_only([]),
    };
    builder.build()
}

impl Oidc {
    /// What the provider says of itself, and its keys.
    pub async fn known(&self) -> Result<Arc<Known>, OidcError> {
        match self.known.load_full().filter(|known| known.since.elapsed() < FRESH) {
            Some(known) => Ok(known),
            None => self.ask_again().await,
        }
    }

    pub async fn ask_again(&self) -> Result<Arc<Known>, OidcError> {
        let issuer = &self.settings.issuer;
        let url = format!("{issuer}/.well-known/openid-configuration");
        let metadata: Metadata = self.ask(self.client.get(url)).await?;
        if metadata.issuer.trim_end_matches('/') != issuer {
            return Err(OidcError::Wrong("it names another issuer"));
        }
        let urls = [
            &metadata.authorization_endpoint,
            &metadata.token_endpoint,
            &metadata.jwks_uri,
        ];
        if !urls.into_iter().all(|url| is_safe(url)) {
            return Err(OidcError::Wrong("an endpoint is not on https"));
        }
        let keys: Keys = self.ask(self.client.get(&metadata.jwks_uri)).await?;
        let known = Arc::new(Known {
            metadata,
            // Keys of kinds that are not known here are for others.
            keys: keys
                .keys
                .into_iter()
                .filter_map(|key| serde_json::from_value(key).ok())
                .collect(),
            since: Instant::now(),
        });
        self.known.store(Some(known.clone()));
        Ok(known)
    }

    /// The ID token that a code stands for.
    pub async fn exchange(&self, known: &Known, code: &str, verifier: &str) -> Result<String, OidcError> {
        let settings = &self.settings;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &settings.redirect_url),
            ("client_id", &settings.client_id),
            ("code_verifier", verifier),
        ];
        let mut request = self.client.post(&known.metadata.token_endpoint);
        let methods = &known.metadata.token_endpoint_auth_methods_supported;
        let offers = |method: &str| methods.iter().any(|offered| offered == method);
        if let Some(secret) = settings.client_secret.as_ref().map(Secret::expose) {
            // Basic is what a provider that says nothing takes (OpenID Connect Discovery 1.0, section 3).
            if offers("client_secret_post") && !offers("client_secret_basic") {
                form.push(("client_secret", secret));
            } else {
                request = request.basic_auth(encoded(&settings.client_id), Some(encoded(secret)));
            }
        }
        let request = request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(query(&form));
        let tokens: Tokens = self.ask(request).await?;
        Ok(tokens.id_token)
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, OidcError> {
        let unreachable = |error: reqwest::Error| OidcError::Unreachable(error.without_url().to_string());
        let mut response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {
                return Err(OidcError::Wrong("it refuses the code, or who shows it"));
            }
            status => return Err(OidcError::Unreachable(format!("it answers {status}"))),
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(OidcError::Wrong("it is too large"));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|_| OidcError::Wrong("it is not the JSON that is agreed"))
    }
}

/// `name=value&…`
pub fn query(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

/// As it stands in a query or a form (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_nowhere() {
        for safe in [
            "https://sso.example.com/realms/x",
            "http://127.0.0.1:9",
            "http://[::1]/",
            "http://localhost",
        ] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_ in [
            "http://sso.example.com",
            "http://127.0.0.1.evil.example",
            "ftp://a",
            "sso",
            "",
            "https://",
        ] {
            assert!(!is_safe(unsafe_), "{unsafe_}");
        }
    }

    #[test]
    fn what_is_sent_is_encoded() {
        assert_eq!(query(&[("a", "b c&d"), ("e", "张-._~")]), "a=b%20c%26d&e=%E5%BC%A0-._~");
    }
}
