//! The MCP server of the scenarios (`fixtures/mcp_server.py`), over standard input and output or over HTTP.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::process::Process;
use crate::scripts::{fixture, python};
use crate::wait::within;

/// `mcp.servers.NAME`: the gateway starts it by itself.
pub fn stdio() -> Value {
    json!({"command": python(), "args": ["-u", fixture("mcp_server.py")], "env": {"GREETING": "hello"}})
}

/// What a gateway logs of a server whose tools it has: no turn waits for one for long.
pub const CONNECTED: &str = "MCP server connected";

/// A server that listens by itself. Dropping it ends it.
pub struct HttpServer {
    _process: Process,
    url: String,
}

impl HttpServer {
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        Self::start_at(0).await
    }

    /// On this port; 0 is a free one.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_at(port: u16) -> Self {
        let mut command = Command::new(python());
        command.arg("-u").arg(fixture("mcp_server.py"));
        command.args(["--http", &port.to_string()]);
        let mut process = Process::start(command);
        let url = within("address of the MCP server", process.stdout_mut().first_line()).await;
        let url = url.unwrap_or_else(|_| panic!("the MCP server does not start: {}", process.stderr().so_far()));
        Self { _process: process, url }
    }

    /// `mcp.servers.NAME`, with a header that the server can tell of.
    pub fn config(&self) -> Value {
        json!({"url": self.url, "transport": "streamable-http", "headers": {"x-secret": "of the server"}})
    }
}
