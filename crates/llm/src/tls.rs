//! Why a provider is not spoken to over TLS, in words for whoever has to mend it.

use std::error::Error;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// What TLS has against a connection; `None`: it is not TLS that failed.
pub fn objection(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = tls_error(error) {
            return Some(in_words(tls));
        }
        cause = error.source();
    }
    None
}

fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a TlsError> {
    if let Some(tls) = error.downcast_ref() {
        return Some(tls);
    }
    // What an I/O error wraps is not its source: the source of that is.
    tls_error(error.downcast_ref::<io::Error>()?.get_ref()?)
}

fn in_words(error: &TlsError) -> String {
    use CertificateError as Certificate;
    let certificate = match error {
        TlsError::InvalidCertificate(certificate) => certificate,
        // So rustls calls an answer that is no TLS at all.
        TlsError::InvalidMessage(_) => {
            return "no TLS is spoken there; check the base URL's `https:` and port".to_owned();
        }
        // What the verifier says where it has found no certificates.
        TlsError::General(_) => {
            return "this machine trusts no certificate authority; install `ca-certificates`, \
                    or name a file of certificates in SSL_CERT_FILE"
                .to_owned();
        }
        other => return other.to_string(),
    };
    match certificate {
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "its certificate has expired, or this machine's clock is wrong".to_owned()
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or this machine's clock is wrong".to_owned()
        }
        Certificate::NotValidForNameContext { expected, .. } => {
            let host = expected.to_str();
            format!("its certificate is not one of {host}; check the base URL")
        }
        Certificate::NotValidForName => "its certificate is another host's; check the base URL".to_owned(),
        Certificate::UnknownIssuer | Certificate::BadSignature => {
            "its certificate is of an authority that this machine does not trust; \
             if you do, name a file with the authority's certificate in SSL_CERT_FILE"
                .to_owned()
        }
        other => format!("its certificate is not valid: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_inside_of_others() {
        let wrapped = io::Error::other(TlsError::InvalidCertificate(CertificateError::Revoked));
        let text = objection(&io::Error::other(wrapped)).unwrap();
        assert!(text.contains("not valid"), "{text}");
        assert_eq!(objection(&io::Error::other("refused")), None);
    }
}
