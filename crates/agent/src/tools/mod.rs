//! What a model may call during a turn.
//!
//! No tool runs a tenant's code inside this process: tools are MCP servers beside it, and the memory files of the workspace.

mod mcp;
mod memory;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use creel_llm::ToolSpec;

pub use mcp::{McpServer, McpServers, McpTransport};
pub use memory::MemoryTools;

/// Bytes of one tool result that reach the model and the transcript.
pub const RESULT_LIMIT: usize = 64 * 1024;

/// What a tool answered. An error is told to the model, which may try otherwise; it does not end the turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutput {
    pub text: String,
    pub is_error: bool,
}

impl ToolOutput {
    pub fn ok(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: false,
        }
    }

    pub fn error(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: true,
        }
    }

    /// Cuts the text at [`RESULT_LIMIT`] and says so.
    fn bounded(mut self) -> Self {
        if self.text.len() > RESULT_LIMIT {
            let total = self.text.len();
            let end = self.text.floor_char_boundary(RESULT_LIMIT);
            self.text.truncate(end);
            self.text.push_str(&format!("\n[cut: {total} bytes in all]"));
        }
        self
    }
}

/// A group of tools with one owner: the memory files, or all MCP servers of a user.
#[async_trait]
pub trait ToolSource: Send + Sync {
    /// Begins what takes time, in the background: it will be asked for soon.
    fn prepare(&self) {}

    /// What can be called right now. May connect on first use; a source that cannot be reached offers nothing and logs why.
    async fn specs(&self) -> Vec<ToolSpec>;

    /// Calls `name` with `arguments` (JSON text, as the model wrote it), for a bounded time. `None`: no such tool here.
    async fn call(&self, name: &str, arguments: &str) -> Option<ToolOutput>;
}

/// All tools of one user's gateway.
#[derive(Clone, Default)]
pub struct Toolbox {
    sources: Vec<Arc<dyn ToolSource>>,
}

impl Toolbox {
    pub fn new(sources: Vec<Arc<dyn ToolSource>>) -> Self {
        Self { sources }
    }

    /// Begins what takes time, in the background.
    pub fn prepare(&self) {
        for source in &self.sources {
            source.prepare();
        }
    }

    /// What can be called right now. Of tools with one name the first is offered, which is the one that [`Self::call`] finds: providers
    /// refuse a request that has two, and with it the turn.
    pub async fn specs(&self) -> Vec<ToolSpec> {
        let mut specs = Vec::new();
        let mut names = HashSet::new();
        for source in &self.sources {
            let offered = source.specs().await.into_iter();
            specs.extend(offered.filter(|tool| names.insert(tool.name.clone())));
        }
        specs
    }

    /// Calls a tool, bounded in size. Always answers: an unknown tool is an error for the model to read.
    pub async fn call(&self, name: &str, arguments: &str) -> ToolOutput {
        for source in &self.sources {
            if let Some(output) = source.call(name, arguments).await {
                return output.bounded();
            }
        }
        ToolOutput::error(format!("there is no tool named {name}"))
    }
}
