//! Providers over TLS: whom the host trusts is asked, and of whom it does not the log says why.

use creel_testkit::provider::{Authority, Provider, Reply};
use creel_tests::llm::Llm;
use creel_tests::up::Up;
use reqwest::Method;

const ASK: &str = r#"{"model":"m1","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test]
async fn a_provider_is_asked_if_this_machine_trusts_its_certificate() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let file = known.file().display().to_string();
    for (authority, status) in [(&known, 200), (&unknown, 502)] {
        let provider = Provider::start_secure(authority.certificate("localhost")).await;
        provider.always(Reply::text("Hello.").usage(7, 3));
        let llm = Llm::start(&provider, Up::builder().env("SSL_CERT_FILE", &file)).await;
        let answer = llm.call(Method::POST, "/v1/chat/completions").body(ASK).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status != 200 {
            assert!(!answer.text.contains("certificate"), "{answer:?}");
            llm.up
                .log()
                .line_with("its certificate is of an authority that this machine does not trust")
                .await;
            assert_eq!((provider.requests().len(), llm.cost().await), (0, 0));
        }
    }
}
