//! One MCP server: connected in the background, and again when it went away, so that no turn waits for one that is dead.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use creel_llm::ToolSpec;
use rmcp::RoleClient;
use rmcp::service::Peer;
use serde_json::Value;
use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::connection::{self, Service, connect};
use super::listing;
use super::names::{allowed, matches};
use super::{CALL_TIMEOUT, CONNECT_TIMEOUT, McpServer};
use crate::tools::ToolOutput;

/// How long turns wait for a server that is being connected, counted from the begin of the first attempt: in the time after it they go on
/// without its tools, and so they do while a server is away.
const GRACE: Duration = Duration::from_secs(5);
/// Between two attempts to reach a server that is away: doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A server that was there for less is not believed to be back for good.
const STEADY: Duration = Duration::from_secs(60);
/// Longest tool name that the OpenAI and Anthropic APIs take.
const NAME_LIMIT: usize = 64;

/// Dropping it ends the connection.
pub struct Server {
    shared: Arc<Shared>,
    keeper: OnceLock<AbortHandle>,
}

struct Shared {
    name: String,
    how: McpServer,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    Connecting { since: Instant },
    Connected(Arc<Connection>),
    Away,
}

/// A server that is there.
pub struct Connection {
    peer: Peer<RoleClient>,
    changed: Arc<AtomicBool>,
    tools: Mutex<Arc<Tools>>,
    /// Cancelled when the server does not answer any more.
    lost: CancellationToken,
}

#[derive(Default)]
pub struct Tools {
    pub specs: Vec<ToolSpec>,
    /// Offered name -> the server's own name.
    names: HashMap<String, String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.abort();
        }
    }
}

impl Server {
    pub fn new(name: String, how: McpServer) -> Self {
        let since = Instant::now();
        Self {
            shared: Arc::new(Shared {
                name,
                how,
                state: watch::Sender::new(State::Connecting { since }),
            }),
            keeper: OnceLock::new(),
        }
    }

    pub fn prefix(&self) -> String {
        self.shared.prefix()
    }

    /// Begins to connect, unless that was done. Needs a tokio runtime.
    pub fn connect(&self) {
        self.keeper.get_or_init(|| {
            let since = Instant::now();
            self.shared.state.send_replace(State::Connecting { since });
            tokio::spawn(self.shared.clone().keep()).abort_handle()
        });
    }

    /// What it offers. `None`: it is away, or did not come in time.
    pub async fn tools(&self) -> Option<(Arc<Connection>, Arc<Tools>)> {
        self.connect();
        let connection = self.shared.connection().await?;
        let tools = self.shared.listed(&connection).await?;
        Some((connection, tools))
    }

    /// Calls a tool by the name under which it is offered. `None`: it is not this server's.
    pub async fn call(&self, name: &str, arguments: &str) -> Option<ToolOutput> {
        if !name.starts_with(&self.prefix()) {
            return None;
        }
        let Some((connection, tools)) = self.tools().await else {
            return Some(ToolOutput::error(format!(
                "the MCP server {} is away",
                self.shared.name
            )));
        };
        let own_name = tools.names.get(name)?;
        let limit = self.shared.how.call_timeout.unwrap_or(CALL_TIMEOUT);
        Some(
            match timeout(limit, connection::call(&connection.peer, own_name, arguments)).await {
                Ok(Ok(output)) => output,
                Ok(Err(error)) => {
                    self.shared.lose(&connection);
                    ToolOutput::error(error)
                }
                Err(_) => ToolOutput::error(format!("{name} gave no answer within {} seconds", limit.as_secs_f64())),
            },
        )
    }
}

impl Shared {
    fn prefix(&self) -> String {
        format!("{}__", allowed(&self.name))
    }

    fn patience(&self) -> Duration {
        self.how.connect_timeout.unwrap_or(CONNECT_TIMEOUT)
    }

    async fn connection(&self) -> Option<Arc<Connection>> {
        let mut state = self.state.subscribe();
        loop {
            let now = state.borrow_and_update().clone();
            match now {
                State::Connected(connection) if connection.peer.is_transport_closed() => self.lose(&connection),
                State::Connected(connection) => return Some(connection),
                State::Connecting { since } => timeout_at(since + GRACE, state.changed()).await.ok()?.ok()?,
                State::Away => return None,
            }
        }
    }

    /// The server of this connection does not answer: it is to be connected anew.
    fn lose(&self, lost: &Arc<Connection>) {
        let since = Instant::now();
        lost.lost.cancel();
        self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Connected(connection) if Arc::ptr_eq(connection, lost));
            if is_it {
                *state = State::Connecting { since };
            }
            is_it
        });
    }

    /// Its tools as last listed; listed again when it said that they changed.
    async fn listed(&self, connection: &Arc<Connection>) -> Option<Arc<Tools>> {
        let mut tools = connection.tools.lock().await;
        if connection.changed.load(Ordering::Acquire) {
            match timeout(GRACE.min(self.patience()), self.list(connection)).await {
                Ok(Ok(listed)) => *tools = Arc::new(listed),
                Ok(Err(_)) | Err(_) => {
                    self.lose(connection);
                    return None;
                }
            }
        }
        Some(tools.clone())
    }

    async fn list(&self, connection: &Connection) -> Result<Tools, String> {
        // Before the question, so that a change while it is answered is not missed.
        connection.changed.store(false, Ordering::Release);
        // A turn that is cancelled while it lists must not leave the next one without tools.
        let mut unlisted = Unlisted(Some(&connection.changed));
        let listed = listing::list(&connection.peer).await?;
        unlisted.0 = None;
        let mut tools = Tools::default();
        for tool in listed.iter().filter(|tool| self.offers(&tool.name)) {
            let mut offered = format!("{}{}", self.prefix(), allowed(&tool.name));
            offered.truncate(NAME_LIMIT);
            if tools.names.insert(offered.clone(), tool.name.to_string()).is_some() {
                tracing::warn!(
                    tool = offered,
                    "two tools of an MCP server have one name; the last is offered"
                );
                tools.specs.retain(|spec| spec.name != offered);
            }
            tools.specs.push(ToolSpec {
                name: offered,
                description: tool.description.as_deref().unwrap_or_default().to_owned(),
                schema: Value::Object((*tool.input_schema).clone()).into(),
            });
        }
        Ok(tools)
    }

    fn offers(&self, tool: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tool));
        (self.how.include.is_empty() || any(&self.how.include)) && !any(&self.how.exclude)
    }

    /// Connects, waits until the connection ends, and connects again; for ever. Says once that the server is away, and once that it is back.
    async fn keep(self: Arc<Self>) {
        let mut told_away = false;
        let mut pause = Duration::ZERO;
        loop {
            let attempt = timeout(self.patience(), self.attempt()).await;
            let silent = |_| Err(format!("no answer within {} seconds", self.patience().as_secs_f64()));
            let problem = match attempt.unwrap_or_else(silent) {
                Ok((service, connection)) => {
                    let begun = Instant::now();
                    let said = if told_away {
                        "MCP server is back"
                    } else {
                        "MCP server connected"
                    };
                    tracing::info!(server = self.name, "{said}");
                    told_away = false;
                    self.state.send_replace(State::Connected(connection.clone()));
                    tokio::select! {
                        _ = service.waiting() => {}
                        () = connection.lost.cancelled() => {}
                    }
                    self.lose(&connection);
                    if begun.elapsed() >= STEADY {
                        pause = Duration::ZERO;
                    }
                    "it closed the connection, or does not answer".to_owned()
                }
                Err(problem) => {
                    pause = pause.max(PAUSES.0);
                    problem
                }
            };
            if !pause.is_zero() {
                if !std::mem::replace(&mut told_away, true) {
                    let error = problem;
                    tracing::warn!(server = self.name, %error, "MCP server is away; turns go on without its tools until it is back");
                }
                self.state.send_replace(State::Away);
                tokio::time::sleep(pause).await;
            }
            pause = (pause * 2).clamp(PAUSES.0, PAUSES.1);
        }
    }

    /// One attempt to connect and to list the tools.
    async fn attempt(&self) -> Result<(Service, Arc<Connection>), String> {
        let changed = Arc::new(AtomicBool::new(true));
        let service = connect(&self.how.transport, changed.clone()).await?;
        let connection = Arc::new(Connection {
            peer: service.peer().clone(),
            changed,
            tools: Mutex::default(),
            lost: CancellationToken::new(),
        });
        *connection.tools.lock().await = Arc::new(self.list(&connection).await?);
        Ok((service, connection))
    }
}

/// Says again that the tools have changed, unless they were listed.
struct Unlisted<'a>(Option<&'a AtomicBool>);

impl Drop for Unlisted<'_> {
    fn drop(&mut self) {
        if let Some(changed) = self.0 {
            changed.store(true, Ordering::Release);
        }
    }
}
