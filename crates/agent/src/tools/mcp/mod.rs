//! MCP servers as tools (Model Context Protocol, <https://modelcontextprotocol.io/specification>), over the official Rust SDK.
//!
//! A server is connected in the background, when it is configured or when a turn first asks what there is to call, and again whenever it
//! went away. Its tools are offered as `SERVER__TOOL`, in the characters that every model API allows. One that is away offers
//! nothing, and nobody waits for it: a turn is never lost to a broken tool.

mod connection;
mod listing;
mod names;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use creel_llm::ToolSpec;
use futures_util::future::join_all;

use super::{ToolOutput, ToolSource};
use server::Server;

/// One attempt to connect and to list the tools may take so long, unless the server is configured otherwise. No turn waits for that.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A call may take this long, unless its server is configured otherwise.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

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

impl McpServers {
    pub fn new(servers: impl IntoIterator<Item = (String, McpServer)>) -> Self {
        let servers = servers.into_iter().map(|(name, how)| Server::new(name, how)).collect();
        Self { servers }
    }
}

#[async_trait]
impl ToolSource for McpServers {
    fn prepare(&self) {
        for server in &self.servers {
            server.connect();
        }
    }

    async fn specs(&self) -> Vec<ToolSpec> {
        let all = join_all(self.servers.iter().map(Server::tools)).await;
        all.into_iter()
            .flatten()
            .flat_map(|(_, tools)| tools.specs.clone())
            .collect()
    }

    async fn call(&self, name: &str, arguments: &str) -> Option<ToolOutput> {
        for server in &self.servers {
            if let Some(output) = server.call(name, arguments).await {
                return Some(output);
            }
        }
        None
    }
}
