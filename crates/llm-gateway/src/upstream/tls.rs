//! TLS to providers: rustls with the system's own certificates. Loaded with the first provider that needs it, because the
//! certificates take a megabyte.

use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::TlsConnector;

/// One for the whole process.
#[derive(Default)]
pub struct Tls(OnceLock<TlsConnector>);

impl Tls {
    /// # Errors
    /// The system's certificates cannot be used: why.
    pub fn connector(&self) -> Result<TlsConnector, String> {
        if let Some(connector) = self.0.get() {
            return Ok(connector.clone());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_platform_verifier()
            .map_err(|error| unusable(&error))?
            .with_no_client_auth();
        Ok(self.0.get_or_init(|| TlsConnector::from(Arc::new(config))).clone())
    }
}

fn unusable(error: &rustls::Error) -> String {
    let why = creel_llm::tls_objection(error);
    why.unwrap_or_else(|| "this machine's certificates of authorities cannot be read".to_owned())
}
