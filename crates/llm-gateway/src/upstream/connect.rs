//! Opens a connection to a provider: name, TCP without Nagle's delay, TLS where the address says so, HTTP/1.1.

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::pool::Sender;
use super::tls::Tls;
use crate::catalog::{Base, Scheme};

/// The error is for the log: it names the address.
pub async fn connect(base: &Base, tls: &Tls) -> Result<Sender, String> {
    let said = |error: std::io::Error| format!("{}: {error}", base.key);
    let stream = TcpStream::connect((base.host.as_str(), base.port))
        .await
        .map_err(said)?;
    stream.set_nodelay(true).map_err(said)?;
    match base.scheme {
        Scheme::Http => handshake(stream).await,
        Scheme::Https => {
            let name = ServerName::try_from(base.host.clone())
                .map_err(|_| format!("{}: no name that a certificate can have", base.key))?;
            let secured = tls.connector()?.connect(name, stream).await;
            let objects = |error| match creel_llm::tls_objection(&error) {
                Some(why) => format!("{}: {why}", base.key),
                None => said(error),
            };
            handshake(secured.map_err(objects)?).await
        }
    }
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> Result<Sender, String> {
    let (sender, connection) = http1::Builder::new()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // Its errors reach whoever waits for an answer.
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    Ok(sender)
}
