//! Reaches one MCP server, and speaks with it.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock};
use rmcp::service::{NotificationContext, Peer, RunningService, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, RoleClient, ServiceExt as _};
use serde_json::Value;

use super::{CONNECT_TIMEOUT, McpTransport};
use crate::tools::ToolOutput;

/// Listens to a server's notifications; only a changed tool list matters here.
pub struct Listener {
    changed: Arc<AtomicBool>,
}

impl ClientHandler for Listener {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.store(true, Ordering::Release);
    }
}

pub type Service = RunningService<RoleClient, Listener>;

/// Connects. `changed` is set when the server says that its tools have changed.
pub async fn connect(transport: &McpTransport, changed: Arc<AtomicBool>) -> Result<Service, String> {
    let listener = Listener { changed };
    match transport {
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
            listener.serve(transport).await.map_err(|error| error.to_string())
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
            listener.serve(transport).await.map_err(|error| error.to_string())
        }
    }
}

/// Calls a tool by the server's own name for it. `Err`: the server cannot be reached any more; the text is for the model.
pub async fn call(peer: &Peer<RoleClient>, name: &str, arguments: &str) -> Result<ToolOutput, String> {
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    let object = match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Ok(ToolOutput::error("arguments: must be a JSON object")),
        Err(error) => return Ok(ToolOutput::error(format!("arguments: {error}"))),
    };
    let params = CallToolRequestParams::new(name.to_owned()).with_arguments(object);
    match peer.call_tool(params).await {
        Ok(result) => Ok(output(result)),
        Err(error @ (ServiceError::TransportSend(_) | ServiceError::TransportClosed)) => Err(error.to_string()),
        Err(error) => Ok(ToolOutput::error(error.to_string())),
    }
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
