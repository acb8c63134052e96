//! Whether a service answers at its public address: `GET /readyz`, over HTTPS.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect;

use crate::probe;

/// The longest one question may take.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// An answer is a few hundred bytes; more than this is a web page.
const MAX_ANSWER: usize = 64 << 10;

/// Waits until it says that it is ready.
pub async fn until_ready(url: String) {
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    let mut pause = FIRST_PAUSE;
    while !is_ready(&url).await {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn is_ready(url: &str) -> bool {
    let Some(client) = client() else { return false };
    let asked = client.get(url).header("accept", "application/json").send().await;
    let Ok(mut response) = asked else { return false };
    if response.status() != reqwest::StatusCode::OK {
        return false;
    }
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER {
            return false;
        }
    }
    probe::is_ready_body(&String::from_utf8_lossy(&body))
}

/// One for all: it keeps what it needs to trust a certificate.
fn client() -> Option<&'static reqwest::Client> {
    static CLIENT: OnceLock<Option<reqwest::Client>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        // Somebody else in the process may have installed one already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0);
        let built = builder.build();
        built
            .inspect_err(|error| tracing::warn!(%error, "nobody on Railway can be asked whether it is ready"))
            .ok()
    });
    client.as_ref()
}
