//! The Cloud Backend, as the gateway asks it: one page at a time, bounded in size and time.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::header::DATE;
use creel_config::{MultiTenant, Secret};
use reqwest::{StatusCode, redirect};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::wire::Page;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest silence within an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// A page in all.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A page larger than this is not read to its end, but asked for again with fewer users in it.
const MAX_BYTES: usize = 64 << 20;
/// Users in a page, at most.
pub const LIMIT: usize = 1_000;

/// Why a sync did not come to its end. What was known stays.
#[derive(Debug, Error)]
pub enum SyncError {
    #[error("the Cloud Backend cannot be reached: {0}")]
    Unreachable(String),
    #[error(
        "the Cloud Backend refuses the service token (401); check multiTenant.serviceToken or OPENCLAW_SERVICE_TOKEN"
    )]
    Refused,
    #[error("the Cloud Backend answered {0}")]
    Status(StatusCode),
    #[error("one user of the Cloud Backend's answer takes more than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    #[error("the Cloud Backend's answer is not as agreed: {0}")]
    Garbage(#[from] serde_json::Error),
    #[error("the Cloud Backend promises more and does not go on")]
    Stuck,
    #[error("{0}")]
    Store(#[from] super::store::StoreError),
}

/// Asks. Connections are kept, and TLS set up when it is first needed: the backend's address may change while the gateway runs.
#[derive(Default)]
pub struct CloudBackend {
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
}

impl CloudBackend {
    /// Up to `limit` users of those that changed since `since`, and by how many seconds the backend's clock is ahead of ours.
    pub async fn changes(
        &self,
        settings: &MultiTenant,
        since: Option<&str>,
        limit: usize,
    ) -> Result<(Page, Option<i64>), SyncError> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(since.map(|since| ("since", since.to_owned())));
        let url = format!("{}/openclaw/gateway/configs", settings.cloud_backend_url);
        let request = self
            .client(&settings.cloud_backend_url)?
            .get(url)
            .query(&query)
            .bearer_auth(Secret::expose(&settings.service_token));
        let mut response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(SyncError::Refused),
            status => return Err(SyncError::Status(status)),
        }
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let ahead = date
            .and_then(|date| OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).ok())
            .map(|date| date.unix_timestamp() - OffsetDateTime::now_utc().unix_timestamp());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > MAX_BYTES {
                return Err(SyncError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        // A large page takes long enough to keep requests waiting on this thread.
        let parsed = tokio::task::spawn_blocking(move || Page::parse(&bytes)).await;
        let page = parsed.map_err(|error| SyncError::Unreachable(error.to_string()))??;
        Ok((page, ahead))
    }

    fn client(&self, url: &str) -> Result<&reqwest::Client, SyncError> {
        let is_secure = url.starts_with("https://");
        let kept = if is_secure { &self.secure } else { &self.plain };
        if let Some(client) = kept.get() {
            return Ok(client);
        }
        let client = client(is_secure)
            .map_err(|error| SyncError::Unreachable(format!("TLS cannot be set up: {}", innermost(&error))))?;
        Ok(kept.get_or_init(|| client))
    }
}

/// A client with the bounds above, for one kind of address.
pub fn client(secure: bool) -> reqwest::Result<reqwest::Client> {
    // Somebody else in the process may have installed one already; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .timeout(TIMEOUT)
        // A redirect would carry the service token to another host.
        .redirect(redirect::Policy::none());
    let builder = if secure {
        builder
    } else {
        // No root certificates to load, and no proxy between two programs of one network.
        builder.no_proxy().tls_certs_only([])
    };
    builder.build()
}

fn unreachable(error: reqwest::Error) -> SyncError {
    SyncError::Unreachable(innermost(&error.without_url()))
}

/// The cause that says most.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
