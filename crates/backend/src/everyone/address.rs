//! `http://HOST[:PORT]`: where a gateway for users is that is no instance of ours.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use axum::http::Uri;
use thiserror::Error;

/// The address of a gateway, on a network that this host trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayAddress {
    authority: String,
    port: u16,
    host: String,
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be http://HOST or http://HOST:PORT, without a path, and on a network that you trust")]
pub struct InvalidAddress;

impl FromStr for GatewayAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let uri: Uri = text.parse().map_err(|_| InvalidAddress)?;
        let authority = uri.authority().ok_or(InvalidAddress)?;
        let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        if !plain || authority.as_str().contains('@') {
            return Err(InvalidAddress);
        }
        let host = authority.host().trim_matches(['[', ']']);
        Ok(Self {
            authority: authority.to_string(),
            port: authority.port_u16().unwrap_or(80),
            host: host.to_owned(),
        })
    }
}

impl fmt::Display for GatewayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

impl GatewayAddress {
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub async fn resolve(&self) -> Result<SocketAddr, String> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let mut found = found.map_err(|error| error.to_string())?;
        found.next().ok_or_else(|| "the name has no address".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_a_host_and_a_port() {
        let address: GatewayAddress = "http://[::1]:18789".parse().unwrap();
        assert_eq!(address.resolve().await, Ok("[::1]:18789".parse().unwrap()));
        assert_eq!(address.to_string(), "http://[::1]:18789");
        let address: GatewayAddress = "http://127.0.0.1/".parse().unwrap();
        assert_eq!(address.resolve().await, Ok("127.0.0.1:80".parse().unwrap()));
        for wrong in [
            "",
            "gateway",
            "https://a",
            "http://a/path",
            "http://a?x",
            "http://u:p@a",
            "http://",
        ] {
            assert_eq!(wrong.parse::<GatewayAddress>(), Err(InvalidAddress), "{wrong:?}");
        }
    }
}
