//! Providers over TLS: whom the host trusts is asked, and of whom it does not it is said why.

use std::path::Path;

use creel_testkit::provider::{Authority, Provider, Reply};
use creel_tests::gateway::{Builder, Gateway};
use serde_json::json;

/// Of a gateway on a host that trusts this file's authorities alone.
fn trusting(file: &Path, provider: &Provider) -> Builder {
    Gateway::builder()
        .provider(provider)
        .env("SSL_CERT_FILE", &file.display().to_string())
}

/// The problem as the user is told it, after it was said in the log too.
async fn refused(gateway: &Gateway) -> String {
    let answer = gateway.ask(json!({"message": "hi"})).await;
    assert_eq!(answer.problem(), (502, "provider_unavailable".into()), "{answer:?}");
    let said = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    let logged = gateway.log().line_with("provider_unavailable").await;
    assert!(logged.contains(&said), "{logged} has {said}");
    let error = gateway.stream("hi").await.last("error").await;
    assert_eq!(error["message"], said);
    let asked_again = gateway.log().so_far().contains("asking the model again");
    assert!(!asked_again, "a certificate does not get better by asking again");
    said
}

#[tokio::test]
async fn a_turn_over_tls() {
    let authority = Authority::new();
    let provider = Provider::start_secure(authority.certificate("localhost")).await;
    let gateway = trusting(&authority.file(), &provider).start().await;
    provider.reply("in secret").then(Reply::text("bit by bit"));
    assert_eq!(gateway.chat("hi").await["reply"], "in secret");
    assert_eq!(gateway.stream("hi").await.last("done").await["reply"], "bit by bit");
    assert_eq!(provider.connections(), 1, "a connection is kept");
}

#[tokio::test]
async fn a_stranger_is_not_asked() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let provider = Provider::start_secure(unknown.certificate("localhost")).await;
    let gateway = trusting(&known.file(), &provider).start().await;
    assert_eq!(
        refused(&gateway).await,
        "no secure connection to the model provider: its certificate is of an authority that this machine does not trust; \
         if you do, name a file with the authority's certificate in SSL_CERT_FILE"
    );
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn who_has_another_name_is_not_asked() {
    let authority = Authority::new();
    let provider = Provider::start_secure(authority.certificate("api.example.com")).await;
    let gateway = trusting(&authority.file(), &provider).start().await;
    assert_eq!(
        refused(&gateway).await,
        "no secure connection to the model provider: its certificate is not one of localhost; check the base URL"
    );
}

#[tokio::test]
async fn whose_certificate_ran_out_is_not_asked() {
    let authority = Authority::new();
    let provider = Provider::start_secure(authority.expired_certificate("localhost")).await;
    let gateway = trusting(&authority.file(), &provider).start().await;
    assert_eq!(
        refused(&gateway).await,
        "no secure connection to the model provider: its certificate has expired, or this machine's clock is wrong"
    );
}

#[tokio::test]
async fn a_host_that_trusts_nobody_says_so() {
    let authority = Authority::new();
    let provider = Provider::start_secure(authority.certificate("localhost")).await;
    let gateway = trusting(Path::new("/nowhere/ca.pem"), &provider).start().await;
    assert_eq!(
        refused(&gateway).await,
        "no secure connection to the model provider: this machine trusts no certificate authority; install `ca-certificates`, \
         or name a file of certificates in SSL_CERT_FILE"
    );
}

#[tokio::test]
async fn who_does_not_speak_tls_is_told_from_who_does() {
    let authority = Authority::new();
    let plain = Provider::start().await;
    let gateway = trusting(&authority.file(), &plain)
        .config(json!({"models": {"providers": {"fake": {
            "baseUrl": format!("https://localhost:{}/v1", plain.address().port())
        }}}}))
        .start()
        .await;
    assert_eq!(
        refused(&gateway).await,
        "no secure connection to the model provider: no TLS is spoken there; check the base URL's `https:` and port"
    );
}
