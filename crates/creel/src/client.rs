//! The command line's way to the backend: `CREEL_URL`, else where the home's `creel up` listens; and a token from `CREEL_TOKEN` or from
//! `secrets/admin-token` of the home. Whatever is at the other end, or is not, the user is told in one line what to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use creel_fleet::ConfigVersion;
use creel_records::ledger::RequestId;
use futures_util::StreamExt as _;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::failure::Failure;
use crate::{nearby, output};

const DEFAULT_URL: &str = "http://127.0.0.1:8000";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For a whole answer; `CREEL_TIMEOUT` sets another.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a request is sent that may be repeated, and how long after the last time.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// For an answer that comes once something was done: an instance that drains, or one whose runtime is installed first.
const LONG_PATIENCE: Duration = Duration::from_secs(900);
const TIMEOUT_VARIABLE: &str = "CREEL_TIMEOUT";

pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Token,
    /// What to do where nothing answers.
    advice: &'static str,
    /// What `CREEL_TIMEOUT` says.
    timeout: Option<Duration>,
}

/// What lets the command line in, and where it was found, for whoever must mend it.
pub struct Token {
    pub secret: String,
    pub source: String,
}

/// Where the last `creel up` of a home listened.
const ADDRESS_FILE: &str = "console.url";

/// Leaves the address in the home, for commands that are told no other.
pub fn note_address(home: &Path, console: std::net::SocketAddr) -> std::io::Result<()> {
    let console = nearby::callable(console);
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
        let home = home(given_home);
        let file = home.as_ref().ok().map(|home| home.join(ADDRESS_FILE));
        let noted = file.and_then(|file| Some((std::fs::read_to_string(&file).ok()?, file.display().to_string())));
        let given = variable("CREEL_URL").map(|url| (url, "CREEL_URL".to_owned()));
        let (url, source) = given
            .or(noted)
            .unwrap_or_else(|| (DEFAULT_URL.to_owned(), String::new()));
        let token = match variable("CREEL_TOKEN") {
            Some(secret) => Token {
                secret,
                source: "CREEL_TOKEN".to_owned(),
            },
            None => token_of(&home?)?,
        };
        Self::at(&url, &source, token, "start it with `creel up`, or set CREEL_URL")
    }

    /// A client of whatever server of Creel's is at `url`, which `source` says.
    pub fn at(url: &str, source: &str, token: Token, advice: &'static str) -> Result<Self, Failure> {
        let url = url.trim().trim_end_matches('/').to_owned();
        let is_address = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        if !Url::parse(&url).is_ok_and(|url| is_address(&url)) {
            return Err(Failure::bad_input(format!(
                "{source} is {url:?}; give an address such as {DEFAULT_URL}"
            )));
        }
        if token.secret.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(Failure::bad_input(format!(
                "{}: a token has no spaces, line breaks or other than ASCII characters",
                token.source
            )));
        }
        let timeout = variable(TIMEOUT_VARIABLE)
            .map(|text| match text.parse() {
                Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
                _ => Err(Failure::bad_input(format!(
                    "{TIMEOUT_VARIABLE} is {text:?}; give a whole number of seconds of at least 1"
                ))),
            })
            .transpose()?;
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
            timeout,
        })
    }

    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(self.request(Method::GET, path)?).await
    }

    pub async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.send(with_body(self.request(Method::POST, path)?, body)).await
    }

    /// As [`Self::post`], for what must be done once: the backend knows it again by its key, so that it is sent again
    /// where no answer says whether it was done.
    pub async fn post_once(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let key = RequestId::new().to_string();
        let mut tried = 0;
        loop {
            tried += 1;
            let request = self.request(Method::POST, path)?.header("idempotency-key", &key);
            let answer = whole(request.json(body)).await;
            let is_known = match &answer {
                Ok((status, _)) => *status != StatusCode::SERVICE_UNAVAILABLE,
                Err(error) => error.is_connect() && tried == 1,
            };
            if is_known {
                return self.understood(&self.accepted(answer)?);
            }
            if tried == TRIES {
                let failure = self.accepted(answer).err().unwrap_or_else(|| self.stranger());
                return Err(failure.after("whether it was done is not known"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// As [`Self::post`], for what is answered once it was done.
    pub async fn post_and_wait(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let request = self.request(Method::POST, path)?.timeout(self.patience(LONG_PATIENCE));
        self.send(with_body(request, body)).await
    }

    /// Posts a text that is not JSON.
    pub async fn post_text(&self, path: &str, text: String) -> Result<Value, Failure> {
        self.send(self.request(Method::POST, path)?.body(text)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(self.request(Method::PATCH, path)?.json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(self.request(Method::PUT, path)?.json(body)).await
    }

    /// As [`Self::put`], only while the text there is the one that was read, where that is given (`If-Match`).
    pub async fn put_if(&self, path: &str, body: &Value, read: Option<&ConfigVersion>) -> Result<Value, Failure> {
        let mut request = self.request(Method::PUT, path)?;
        if let Some(read) = read {
            request = request.header("if-match", format!("\"{read}\""));
        }
        self.send(request.json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        let request = self.request(Method::DELETE, path)?;
        self.send(request.timeout(self.patience(LONG_PATIENCE))).await
    }

    /// Prints an answer that is not JSON as it comes: it may be long.
    pub async fn print(&self, path: &str) -> Result<(), Failure> {
        let request = self.request(Method::GET, path)?.timeout(self.patience(LONG_PATIENCE));
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if !status.is_success() {
            let said = response.bytes().await.map_err(|error| self.unreachable(&error))?;
            return Err(self.refused(status, &said));
        }
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if !output::piece(&piece) {
                break;
            }
        }
        Ok(())
    }

    /// An answer's list of this name, which every backend of Creel's has there.
    pub fn list<'a>(&self, answer: &'a Value, name: &str) -> Result<&'a [Value], Failure> {
        answer[name]
            .as_array()
            .map(Vec::as_slice)
            .ok_or_else(|| self.stranger())
    }

    fn patience(&self, usual: Duration) -> Duration {
        self.timeout.unwrap_or(usual)
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        refuse_nameless(path)?;
        let request = self.http.request(method, format!("{}{path}", self.url));
        Ok(request.bearer_auth(&self.token.secret).timeout(self.patience(PATIENCE)))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, Failure> {
        self.understood(&self.answer(request).await?)
    }

    fn understood(&self, bytes: &[u8]) -> Result<Value, Failure> {
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(bytes).map_err(|_| self.stranger())
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, Failure> {
        self.accepted(whole(request).await)
    }

    fn accepted(&self, answer: reqwest::Result<(StatusCode, Vec<u8>)>) -> Result<Vec<u8>, Failure> {
        let (status, bytes) = answer.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return Ok(bytes);
        }
        Err(self.refused(status, &bytes))
    }

    /// Something answers, and not as Creel does.
    fn stranger(&self) -> Failure {
        Failure::failed(format!(
            "{} is no backend of Creel; set CREEL_URL to the console's address",
            self.url
        ))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(detail) = problem["detail"].as_str() else {
            return Failure::failed(format!(
                "{} answered {status}, and not as Creel does; set CREEL_URL to the console's address",
                self.url
            ));
        };
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Failure::failed(format!("{detail}; the token was read from {}", self.token.source));
        }
        // The rest made sense, and may work another time.
        let senseless = matches!(status.as_u16(), 400 | 404 | 405 | 409 | 413 | 422) && problem["code"] != "superseded";
        if senseless {
            Failure::bad_input(detail)
        } else {
            Failure::failed(detail)
        }
        .with_lines(&problem["lines"])
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            return Failure::failed(format!(
                "nothing answers at {} ({}): {}",
                self.url,
                cause(error),
                self.advice
            ));
        }
        if error.is_timeout() {
            return Failure::failed(self.silent());
        }
        Failure::failed(format!("{} broke off ({}): {}", self.url, cause(error), self.advice))
    }

    fn silent(&self) -> String {
        format!(
            "{} took the request and did not answer in time: look at the log of `creel up` there, or give it more seconds with {TIMEOUT_VARIABLE}",
            self.url
        )
    }

    /// Calls `show` with each batch of lines until the backend closes the stream.
    pub async fn follow(&self, path: &str, mut show: impl FnMut(&Value)) -> Result<(), Failure> {
        refuse_nameless(path)?;
        let url = format!("{}{path}", self.url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(Failure::from_error)?;
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.token.secret)).map_err(Failure::from_error)?;
        request.headers_mut().insert("authorization", bearer);
        // The stream may be quiet for as long as it likes, once it has begun.
        let connected = tokio::time::timeout(self.patience(PATIENCE), tokio_tungstenite::connect_async(request)).await;
        let connected = connected.map_err(|_| Failure::failed(self.silent()))?;
        let (mut socket, _) = connected.map_err(|error| match error {
            tokio_tungstenite::tungstenite::Error::Http(response) => {
                self.refused(response.status(), response.body().as_deref().unwrap_or_default())
            }
            tokio_tungstenite::tungstenite::Error::Io(error) => {
                Failure::failed(format!("nothing answers at {} ({error}): {}", self.url, self.advice))
            }
            _ => self.stranger(),
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

/// An answer's status, and all that it says.
async fn whole(request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
    let response = request.send().await?;
    Ok((response.status(), response.bytes().await?.into()))
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

/// A name that is empty, one dot or two makes the path another one, escaped or not (<https://url.spec.whatwg.org/#double-dot-path-segment>):
/// something else would be asked for.
fn refuse_nameless(path: &str) -> Result<(), Failure> {
    let names = path.split('?').next().unwrap_or_default().split('/').skip(1);
    let mut nameless = names.filter(|name| ["", "%2E", "%2E%2E"].contains(name));
    match nameless.next() {
        None => Ok(()),
        Some(name) => Err(Failure::bad_input(format!(
            "{:?} is the name of nothing; name one that a list shows",
            name.replace("%2E", ".")
        ))),
    }
}

/// What a variable says, if it says something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn with_body(request: RequestBuilder, body: Option<&Value>) -> RequestBuilder {
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}

/// What is at the bottom of it.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn token_of(home: &Path) -> Result<Token, Failure> {
    let path = home.join("secrets/admin-token");
    let token = std::fs::read_to_string(&path).map_err(|error| {
        Failure::bad_input(format!(
            "no API token: {}: {error}; start Creel with `creel up`, name its --home, or set CREEL_TOKEN",
            path.display()
        ))
    })?;
    Ok(Token {
        secret: token.trim().to_owned(),
        source: path.display().to_string(),
    })
}
