//! Certificates, made when a test runs: those of an authority that nobody knows, and what may be wrong with them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// Signs certificates. A client trusts it that is told to: by its [`Self::file`], say in `SSL_CERT_FILE`.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

/// What a provider proves itself with.
pub struct Certificate(pub(super) TlsAcceptor);

impl Authority {
    /// # Panics
    /// If there is no room for its certificate.
    #[expect(clippy::new_without_default, reason = "two of them are never the same")]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("the system has random numbers");
        let own = params.self_signed(&key).expect("a key signs");
        let directory = TempDir::new().expect("there is room for a directory");
        fs::write(directory.path().join("ca.pem"), own.pem()).expect("there is room for a file");
        Self {
            issuer: Issuer::new(params, key),
            directory,
        }
    }

    /// Its certificate, as PEM. Gone when it is dropped.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Of whoever is reached by this name.
    pub fn certificate(&self, host: &str) -> Certificate {
        self.sign(&params(host))
    }

    /// One that ran out in 2001.
    pub fn expired_certificate(&self, host: &str) -> Certificate {
        let mut params = params(host);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Certificate {
        let key = KeyPair::generate().expect("the system has random numbers");
        let signed = params.signed_by(&key, &self.issuer).expect("a key signs");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the versions fit the algorithms")
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)
            .expect("the key is the certificate's");
        Certificate(TlsAcceptor::from(Arc::new(config)))
    }
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).expect("a host has a name that a certificate can have")
}
