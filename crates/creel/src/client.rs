//! The command line's way to the backend: `CREEL_URL`, else where the home's `creel up` listens; and a token from `CREEL_TOKEN` or from
//! `secrets/admin-token` of the home.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::failure::Failure;

const DEFAULT_URL: &str = "http://127.0.0.1:8000";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    /// What to do where nothing answers.
    advice: &'static str,
}

/// Where the last `creel up` of a home listened.
const ADDRESS_FILE: &str = "console.url";

/// Leaves the address in the home, for commands that are told no other.
pub fn note_address(home: &Path, console: std::net::SocketAddr) -> std::io::Result<()> {
    let mut console = console;
    if console.ip().is_unspecified() {
        console.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    creel_fleet::write_private(&home.join(ADDRESS_FILE), format!("http://{console}\n").as_bytes())
}

/// `--home`, else `~/.creel`.
pub fn home(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(home) = given {
        return Ok(home);
    }
    let user_home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let user_home =
        user_home.ok_or_else(|| Failure::bad_input("HOME is not set: say where to keep things with --home"))?;
    Ok(PathBuf::from(user_home).join(".creel"))
}

impl Client {
    pub fn new(given_home: Option<PathBuf>) -> Result<Self, Failure> {
        let url = std::env::var("CREEL_URL").ok().filter(|url| !url.is_empty());
        let home = home(given_home);
        let noted = home
            .as_ref()
            .ok()
            .and_then(|home| std::fs::read_to_string(home.join(ADDRESS_FILE)).ok());
        let url = url
            .or(noted)
            .unwrap_or_else(|| DEFAULT_URL.to_owned())
            .trim()
            .trim_end_matches('/')
            .to_owned();
        let token = match std::env::var("CREEL_TOKEN").ok().filter(|token| !token.is_empty()) {
            Some(token) => token,
            None => token_of(&home?)?,
        };
        Self::at(url, token, "start it with `creel up`, or set CREEL_URL")
    }

    /// A client of whatever server of Creel's is at `url`.
    pub fn at(url: String, token: String, advice: &'static str) -> Result<Self, Failure> {
        // Does nothing where a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT);
        if ["//127.", "//localhost", "//[::1]"]
            .iter()
            .any(|here| url.contains(here))
        {
            // A proxy has no business between two processes of one machine.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(Failure::from_error)?;
        Ok(Self {
            http,
            url,
            token,
            advice,
        })
    }

    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.send(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::DELETE, path, None).await
    }

    /// An answer that is not JSON.
    pub async fn text(&self, path: &str) -> Result<String, Failure> {
        let bytes = self.answer(Method::GET, path, None).await?;
        String::from_utf8(bytes).map_err(Failure::from_error)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let bytes = self.answer(method, path, body).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| Failure::failed(format!("{} is no creel backend", self.url)))
    }

    async fn answer(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Vec<u8>, Failure> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return Ok(bytes.into());
        }
        Err(self.refused(status, &bytes))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(detail) = problem["detail"].as_str() else {
            return Failure::failed(format!("{} answered {status}; is it a creel backend?", self.url));
        };
        // The rest made sense, and may work another time.
        let senseless = matches!(status.as_u16(), 400 | 404 | 405 | 409 | 413 | 422) && problem["code"] != "superseded";
        if senseless {
            Failure::bad_input(detail)
        } else {
            Failure::failed(detail)
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            Failure::failed(format!("nothing answers at {}: {}", self.url, self.advice))
        } else {
            Failure::failed(format!("{}: {error}", self.url))
        }
    }

    /// Calls `show` with each batch of lines until the backend closes the stream.
    pub async fn follow(&self, path: &str, mut show: impl FnMut(&Value)) -> Result<(), Failure> {
        let url = format!("{}{path}", self.url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(Failure::from_error)?;
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.token)).map_err(Failure::from_error)?;
        request.headers_mut().insert("authorization", bearer);
        let connected = tokio_tungstenite::connect_async(request).await;
        let (mut socket, _) = connected.map_err(|error| match error {
            tokio_tungstenite::tungstenite::Error::Http(response) => {
                self.refused(response.status(), response.body().as_deref().unwrap_or_default())
            }
            error => Failure::failed(format!("{}: {error}", self.url)),
        })?;
        while let Some(Ok(message)) = socket.next().await {
            if let Ok(text) = message.to_text()
                && let Ok(value) = serde_json::from_str(text)
            {
                show(&value);
            }
        }
        Ok(())
    }
}

/// Percent-encodes a text, so that the backend sees it as it was given: a path segment, or a query's value.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn token_of(home: &Path) -> Result<String, Failure> {
    let path = home.join("secrets/admin-token");
    let token = std::fs::read_to_string(&path).map_err(|error| {
        Failure::bad_input(format!(
            "no API token: {}: {error}; start Creel with `creel up`, name its --home, or set CREEL_TOKEN",
            path.display()
        ))
    })?;
    Ok(token.trim().to_owned())
}
