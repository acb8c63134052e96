//! The container engine's HTTP API, spoken over its unix socket (<https://docs.docker.com/reference/api/engine/>; Podman serves the
//! same). A connection a request: they are few and far between, and one that hangs holds nothing else.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::FleetError;

/// The longest a look at something may take. An engine that makes a hundred containers lets others wait for seconds.
pub const LOOK: Duration = Duration::from_secs(10);
/// The longest a change may take. An engine under load takes seconds to make a container.
const CHANGE: Duration = Duration::from_secs(60);
/// An answer is some kilobytes; lists of a thousand containers are a few megabytes.
const MAX_ANSWER: usize = 64 << 20;

/// Where an engine listens.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
}

/// What went wrong with a question.
#[derive(Debug)]
pub enum EngineError {
    /// Nobody answers.
    Away(Absence),
    /// It answers, and will not.
    Refused { status: StatusCode, reason: String },
}

/// Why there is nobody to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nobody listens, or whoever does says nothing in time.
    Silent,
    /// This user may not use the socket.
    Forbidden,
    /// Whoever answers is no engine.
    Stranger,
}

/// An engine that does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    pub reason: Reason,
    /// What was seen, in a line.
    pub what: String,
}

impl Absence {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.reason {
            Reason::Silent => "start it, or name another with DOCKER_HOST=unix:///…",
            Reason::Forbidden => "add them to the group that owns it (`docker`, mostly)",
            Reason::Stranger => "start Docker there, or name another with DOCKER_HOST=unix:///…",
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy())
    }
}

impl EngineError {
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }

    /// In a line.
    pub fn said(self) -> String {
        match self {
            Self::Away(absence) => absence.to_string(),
            Self::Refused { reason, .. } => reason,
        }
    }

    /// As the fleet says it.
    pub fn of(self, action: &str) -> FleetError {
        match self {
            Self::Away(absence) => FleetError::Away {
                reason: absence.to_string(),
            },
            Self::Refused { reason, .. } => FleetError::Driver {
                driver: creel_records::Driver::Docker,
                reason: format!("cannot {action}: {reason}"),
            },
        }
    }
}

type Answered<T> = Result<T, EngineError>;

impl Engine {
    pub fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The engine that the environment names, else the first that is found where engines are.
    pub fn find(given: Option<&str>) -> Result<Self, String> {
        if let Some(given) = given.filter(|given| !given.is_empty()) {
            let path = given.strip_prefix("unix://").filter(|path| path.starts_with('/'));
            let path = path.ok_or_else(|| {
                format!(
                    "DOCKER_HOST is \"{given}\"; creel speaks to an engine of this host, as in unix:///run/docker.sock"
                )
            })?;
            return Ok(Self::at(path.into()));
        }
        let mut places: Vec<PathBuf> = vec!["/run/docker.sock".into(), "/var/run/docker.sock".into()];
        let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        places.extend(own.iter().map(|own| own.join("docker.sock")));
        places.push("/run/podman/podman.sock".into());
        places.extend(own.iter().map(|own| own.join("podman/podman.sock")));
        let there = places.iter().find(|path| path.exists());
        // Where there is none yet, Docker's is the one to wait for.
        Ok(Self::at(there.unwrap_or(&places[0]).clone()))
    }

    /// Who answers: its versions and what it is made of. Whoever does not say that is no engine.
    pub async fn greet(&self, patience: Duration) -> Answered<Value> {
        let path = "/version";
        match self.within(patience, Method::GET, path, None).await {
            Ok(said) if said["Version"].is_string() && said["ApiVersion"].is_string() => Ok(said),
            Ok(_) | Err(EngineError::Refused { .. }) => Err(self.stranger(path)),
            Err(error) => Err(error),
        }
    }

    pub async fn get(&self, path: &str) -> Answered<Value> {
        match self.within(LOOK, Method::GET, path, None).await {
            Ok(Value::Null) => Err(self.stranger(path)),
            answered => answered,
        }
    }

    pub async fn post(&self, path: &str, body: Option<&Value>) -> Answered<Value> {
        self.within(CHANGE, Method::POST, path, body).await
    }

    /// As [`Engine::post`], for what an engine does at once.
    pub async fn tell(&self, path: &str) -> Answered<Value> {
        self.within(LOOK, Method::POST, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Answered<Value> {
        self.within(CHANGE, Method::DELETE, path, None).await
    }

    async fn within(&self, patience: Duration, method: Method, path: &str, body: Option<&Value>) -> Answered<Value> {
        match timeout(patience, self.wait(method, path, body)).await {
            Ok(answered) => answered,
            Err(_) => Err(self.away(format!("no answer within {} s", patience.as_secs()))),
        }
    }

    /// As the others, for however long it takes.
    pub async fn wait(&self, method: Method, path: &str, body: Option<&Value>) -> Answered<Value> {
        let response = self.open(method, path, body).await?;
        let text = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let text = text.map_err(|error| self.away(error.to_string()))?.to_bytes();
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&text).map_err(|_| self.stranger(path))
    }

    /// The body of an answer as it comes.
    pub async fn open(&self, method: Method, path: &str, body: Option<&Value>) -> Answered<Response<Incoming>> {
        let text = body.map(ToString::to_string).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header(HOST, "docker");
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::from(text));
        self.send(request.map_err(|error| self.away(error.to_string()))?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answered<Response<Incoming>> {
        let away = |error: &dyn std::fmt::Display| self.away(error.to_string());
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| self.unreachable(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| away(&error))?;
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await.map_err(|error| away(&error))?;
        let status = response.status();
        if status.is_success() || status.is_informational() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let text = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let text = text.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let said: Value = serde_json::from_slice(&text).unwrap_or(Value::Null);
        let reason = said["message"].as_str().map(str::to_owned);
        Err(EngineError::Refused {
            status,
            reason: reason.unwrap_or_else(|| format!("the engine answers {status}")),
        })
    }

    /// Gives a container its standard input, whole: what it is told this way is in no listing of the engine.
    pub async fn feed(
        &self,
        container: &str,
        text: &[u8],
        started: impl Future<Output = Answered<Value>>,
    ) -> Answered<()> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/containers/{container}/attach?stream=1&stdin=1"))
            .header(HOST, "docker")
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "tcp")
            .body(Full::default());
        let response = self
            .send(request.map_err(|error| self.away(error.to_string()))?)
            .await?;
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| self.away(error.to_string()))?;
        started.await?;
        let mut pipe = TokioIo::new(upgraded);
        let written = async {
            pipe.write_all(text).await?;
            pipe.shutdown().await
        };
        match timeout(LOOK, written).await {
            // It has ended already: whoever watches it sees that. One that was told a part of it does nothing.
            Ok(_) => Ok(()),
            Err(_) => Err(self.away("it does not take what a container is to be told".to_owned())),
        }
    }

    fn unreachable(&self, error: &io::Error) -> EngineError {
        if error.kind() == io::ErrorKind::PermissionDenied {
            let what = format!(
                "the user who runs creel may not use Docker's socket {}",
                self.socket.display()
            );
            return EngineError::Away(Absence {
                reason: Reason::Forbidden,
                what,
            });
        }
        self.away(error.to_string())
    }

    fn stranger(&self, path: &str) -> EngineError {
        EngineError::Away(Absence {
            reason: Reason::Stranger,
            what: format!(
                "what answers on {} is no container engine (asked for {path})",
                self.socket.display()
            ),
        })
    }

    fn away(&self, error: String) -> EngineError {
        EngineError::Away(Absence {
            reason: Reason::Silent,
            what: format!("Docker does not answer on {} ({error})", self.socket.display()),
        })
    }
}

/// As a part of a path.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/:@".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
