//! Signing in at an identity provider: OpenID Connect, authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636, RFC 9700).
//!
//! `flow` sends a browser there and takes it back, `provider` asks the provider, `id_token` believes it or not, `people` says whose account it is.

mod flow;
mod id_token;
mod people;
mod provider;

pub use flow::{callback, start};

use arc_swap::ArcSwapOption;
use creel_fleet::Secret;
use thiserror::Error;

use provider::Known;

/// What an administrator says of the identity provider.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// What people see.
    pub name: String,
    /// Where its `/.well-known/openid-configuration` is; no slash at the end.
    pub issuer: String,
    pub client_id: String,
    /// None: a public client, with PKCE alone.
    pub client_secret: Option<Secret>,
    /// This console's `/api/auth/oidc/callback`, as browsers reach it and the provider knows it.
    pub redirect_url: String,
    /// Domains of verified email addresses that are let in.
    pub email_domains: Vec<String>,
    /// Whether who has no account gets one.
    pub create_users: bool,
}

impl OidcSettings {
    /// # Errors
    /// What to change, by the name of the setting.
    pub fn check(&self) -> Result<(), String> {
        for (name, url) in [("issuer", &self.issuer), ("redirect_url", &self.redirect_url)] {
            if !provider::is_safe(url) {
                return Err(format!(
                    "{name}: must begin with https:// (or http:// to this machine itself)"
                ));
            }
        }
        if !self.redirect_url.ends_with("/api/auth/oidc/callback") {
            return Err("redirect_url: must end with /api/auth/oidc/callback".to_owned());
        }
        if self.redirect_url.starts_with("http://127.0.0.1") {
            let reason = "the console sends browsers that come to 127.0.0.1 to localhost, where they begin; write http://localhost";
            return Err(format!("redirect_url: {reason}"));
        }
        if self.client_id.is_empty() {
            return Err("client_id: is missing".to_owned());
        }
        if self.email_domains.is_empty() || self.email_domains.iter().any(|domain| !is_domain(domain)) {
            return Err("email_domains: name the domains that are let in, such as [\"example.com\"]".to_owned());
        }
        Ok(())
    }
}

fn is_domain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

pub struct Oidc {
    pub settings: OidcSettings,
    client: reqwest::Client,
    /// What the provider said of itself last.
    known: ArcSwapOption<Known>,
}

/// Why nobody was signed in. The text is for the log; a browser is told the code.
#[derive(Debug, Error)]
pub enum OidcError {
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the identity provider's answer is not as agreed: {0}")]
    Wrong(&'static str),
    #[error("the identity provider says no: {0}")]
    Denied(String),
    #[error("nobody is let in as this: {0}")]
    Refused(&'static str),
    #[error("the sign-in was not begun in this browser, or too long ago")]
    Expired,
    #[error(transparent)]
    Records(#[from] creel_records::RecordsError),
}

impl OidcError {
    /// For the page that a browser comes back to.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Wrong(_) | Self::Records(_) => "oidc_failed",
            Self::Denied(_) | Self::Refused(_) => "oidc_refused",
            Self::Expired => "oidc_expired",
        }
    }
}

impl Oidc {
    /// # Errors
    /// Settings that cannot be, or TLS that cannot be set up.
    pub fn new(settings: OidcSettings) -> Result<Self, String> {
        settings.check()?;
        let client = provider::client(&settings.issuer).map_err(|error| error.to_string())?;
        Ok(Self {
            settings,
            client,
            known: ArcSwapOption::empty(),
        })
    }
}
