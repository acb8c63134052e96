//! MCP servers as tools (Model Context Protocol, <https://modelcontextprotocol.io/specification>), over the official Rust SDK.
//!
//! A server is connected when a turn first asks what there is to call, and once more after it went away. Its tools are offered
//! as `SERVER__TOOL`, in the characters that every model API allows. One that cannot be reached offers nothing for a while:
//! a turn is never lost to a broken tool.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use creel_llm::ToolSpec;
use futures_util::future::join_all;
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, RoleClient, ServiceExt as _};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{ToolOutput, ToolSource};

/// A server has this long to start and to list its tools, unless it is configured otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A call may take this long, unless its server is configured otherwise.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// After a failed attempt, none is made for this long.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Longest tool name that the OpenAI and Anthropic APIs take.
const NAME_LIMIT: usize = 64;

/// One server: how to reach it, and what of it to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    pub transport: McpTransport,
    /// How long it may take to start and to list its tools.
    pub connect_timeout: Option<Duration>,
    /// How long a call of one of its tools may take.
    pub call_timeout: Option<Duration>,
    /// Tools to offer, as names with `*`; empty is all.
    pub include: Vec<String>,
    /// Tools to hide, as names with `*`.
    pub exclude: Vec<String>,
}

/// How to reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpTransport {
    /// A program spoken to over its standard input and output. It gets `environment` and nothing of the gateway's own.
    Stdio {
        command: String,
        args: Vec<String>,
        environment: BTreeMap<String, String>,
        directory: Option<PathBuf>,
    },
    /// A streamable HTTP endpoint.
    Http {
        url: String,
        headers: BTreeMap<String, String>,
        /// Only where it is on the open internet.
        public_only: bool,
    },
}

/// All MCP servers of one user.
pub struct McpServers {
    servers: Vec<Server>,
}

struct Server {
    name: String,
    how: McpServer,
    /// Held across the connection attempt on purpose: two turns must not start the same server twice.
    state: Mutex<State>,
}

enum State {
    Idle,
    Failed { until: Instant },
    Connected(Arc<Connection>),
}

struct Connection {
    service: RunningService<RoleClient, Listener>,
    changed: Arc<AtomicBool>,
    tools: Mutex<Tools>,
}

#[derive(Clone, Default)]
struct Tools {
    specs: Vec<ToolSpec>,
    /// Offered name -> the server's own name.
    names: HashMap<String, String>,
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

/// Listens to a server's notifications; only a changed tool list matters here.
struct Listener {
    changed: Arc<AtomicBool>,
}

impl ClientHandler for Listener {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Release);
    }
}

impl McpServers {
    pub fn new(servers: impl IntoIterator<Item = (String, McpServer)>) -> Self {
        let servers = servers
            .into_iter()
            .map(|(name, how)| Server {
                name,
                how,
                state: Mutex::new(State::Idle),
            })
            .collect();
        Self { servers }
    }
}

#[async_trait]
impl ToolSource for McpServers {
    async fn specs(&self) -> Vec<ToolSpec> {
        let all = join_all(self.servers.iter().map(Server::tools)).await;
        all.into_iter().flatten().flat_map(|(_, tools)| tools.specs).collect()
    }

    async fn call(&self, name: &str, arguments: &str) -> Option<ToolOutput> {
        for server in &self.servers {
            if !name.starts_with(&server.prefix()) {
                continue;
            }
            let Some((connection, tools)) = server.tools().await else {
                return Some(ToolOutput::error(format!(
                    "the MCP server {} cannot be reached",
                    server.name
                )));
            };
            if let Some(own_name) = tools.names.get(name) {
                let limit = server.how.call_timeout.unwrap_or(CALL_TIMEOUT);
                let output = tokio::time::timeout(limit, connection.call(own_name, arguments)).await;
                let too_late =
                    |_| ToolOutput::error(format!("{name} gave no answer within {} seconds", limit.as_secs_f64()));
                return Some(output.unwrap_or_else(too_late));
            }
        }
        None
    }
}

impl Server {
    fn prefix(&self) -> String {
        format!("{}__", allowed(&self.name))
    }

    /// The connection and its tools; connects where there is none.
    async fn tools(&self) -> Option<(Arc<Connection>, Tools)> {
        let connection = self.connection().await?;
        match self.list(&connection).await {
            Ok(tools) => Some((connection, tools)),
            Err(error) => {
                tracing::warn!(server = self.name, %error, "MCP server does not list its tools");
                *self.state.lock().await = State::Failed {
                    until: Instant::now() + RETRY_AFTER,
                };
                None
            }
        }
    }

    /// The tools as last listed; listed again when the server said that they changed.
    async fn list(&self, connection: &Connection) -> Result<Tools, String> {
        let mut tools = connection.tools.lock().await;
        if connection.changed.swap(false, Ordering::AcqRel) {
            // A turn that is cancelled while it lists must not leave the next one without tools.
            let mut unlisted = Unlisted(Some(&connection.changed));
            let listing = tokio::time::timeout(self.patience(), connection.service.list_all_tools()).await;
            let listed = listing.map_err(|_| self.silent())?.map_err(|error| error.to_string())?;
            unlisted.0 = None;
            *tools = Tools::default();
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
                    schema: Value::Object((*tool.input_schema).clone()),
                });
            }
        }
        Ok(tools.clone())
    }

    fn offers(&self, tool: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tool));
        (self.how.include.is_empty() || any(&self.how.include)) && !any(&self.how.exclude)
    }

    fn patience(&self) -> Duration {
        self.how.connect_timeout.unwrap_or(CONNECT_TIMEOUT)
    }

    fn silent(&self) -> String {
        format!("no answer within {} seconds", self.patience().as_secs_f64())
    }

    async fn connection(&self) -> Option<Arc<Connection>> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Connected(connection) if !connection.service.is_transport_closed() => {
                return Some(connection.clone());
            }
            State::Failed { until } if Instant::now() < *until => return None,
            _ => {}
        }
        let attempt = tokio::time::timeout(self.patience(), connect(&self.how.transport)).await;
        match attempt.unwrap_or_else(|_| Err(self.silent())) {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *state = State::Connected(connection.clone());
                tracing::info!(server = self.name, "MCP server connected");
                Some(connection)
            }
            Err(error) => {
                tracing::warn!(server = self.name, %error, "MCP server cannot be reached");
                *state = State::Failed {
                    until: Instant::now() + RETRY_AFTER,
                };
                None
            }
        }
    }
}

impl Connection {
    async fn call(&self, name: &str, arguments: &str) -> ToolOutput {
        let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
        let object = match serde_json::from_str::<Value>(arguments) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return ToolOutput::error("arguments: must be a JSON object"),
            Err(error) => return ToolOutput::error(format!("arguments: {error}")),
        };
        let params = CallToolRequestParams::new(name.to_owned()).with_arguments(object);
        match self.service.call_tool(params).await {
            Ok(result) => output(result),
            Err(error) => ToolOutput::error(error.to_string()),
        }
    }
}

async fn connect(transport: &McpTransport) -> Result<Connection, String> {
    let changed = Arc::new(AtomicBool::new(true));
    let listener = Listener {
        changed: changed.clone(),
    };
    let service = match transport {
        McpTransport::Stdio {
            command,
            args,
            environment,
            directory,
        } => {
            let mut process = tokio::process::Command::new(command);
            process.args(args).env_clear().envs(environment);
            if let Some(directory) = directory {
                process.current_dir(directory);
            }
            // Its standard error goes where the gateway's goes: into the instance's log.
            let (transport, _) = TokioChildProcess::builder(process)
                .stderr(Stdio::inherit())
                .spawn()
                .map_err(|error| format!("{command}: {error}"))?;
            listener.serve(transport).await.map_err(|error| error.to_string())?
        }
        McpTransport::Http {
            url,
            headers,
            public_only,
        } => {
            let mut custom = HashMap::new();
            for (name, value) in headers {
                let name: reqwest::header::HeaderName =
                    name.parse().map_err(|_| format!("{name}: not a header name"))?;
                let value = value.parse().map_err(|_| format!("{name}: not a header value"))?;
                custom.insert(name, value);
            }
            let config = StreamableHttpClientTransportConfig::with_uri(url.as_str()).custom_headers(custom);
            // Does nothing where a provider is already installed.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let builder = reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(reqwest::redirect::Policy::none());
            let builder = if *public_only {
                let parsed = reqwest::Url::parse(url).map_err(|error| format!("{url}: {error}"))?;
                creel_llm::check_public(&parsed)?;
                creel_llm::public_only(builder)
            } else {
                builder
            };
            let client = builder.build().map_err(|error| error.to_string())?;
            let transport = StreamableHttpClientTransport::with_client(client, config);
            listener.serve(transport).await.map_err(|error| error.to_string())?
        }
    };
    Ok(Connection {
        service,
        changed,
        tools: Mutex::default(),
    })
}

/// Text as it is; anything else named, so that the model knows that it was there.
fn output(result: CallToolResult) -> ToolOutput {
    let mut text = String::new();
    for block in &result.content {
        if !text.is_empty() {
            text.push('\n');
        }
        match block {
            ContentBlock::Text(block) => text.push_str(&block.text),
            ContentBlock::Image(_) => text.push_str("[an image]"),
            ContentBlock::Audio(_) => text.push_str("[audio]"),
            ContentBlock::ResourceLink(link) => text.push_str(&format!("[{}]({})", link.name, link.uri)),
            other => text.push_str(&serde_json::to_string(other).unwrap_or_default()),
        }
    }
    if text.is_empty()
        && let Some(structured) = &result.structured_content
    {
        text = structured.to_string();
    }
    ToolOutput {
        text,
        is_error: result.is_error.unwrap_or(false),
    }
}

/// The characters that every model API takes in a tool's name.
fn allowed(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// Whether `name` is `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(name) = name.strip_prefix(head) else {
        return false;
    };
    // Every place at which the rest may begin, the end included.
    (0..=name.len())
        .filter(|at| name.is_char_boundary(*at))
        .any(|at| matches(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("a", "a"),
            ("*", ""),
            ("*", "x"),
            ("read_*", "read_file"),
            ("*_x_*", "a_x_b"),
            ("a*c*", "abcd"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "ab"), ("read_*", "write"), ("*x", "xy"), ("", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn names_are_what_every_api_takes() {
        assert_eq!(allowed("fs.read file/あ"), "fs_read_file__");
    }
}
