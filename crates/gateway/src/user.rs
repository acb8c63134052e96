//! A user of this gateway: their workspaces and tools, one set for each of their agents.
//!
//! A single-user gateway has one, the owner. Everything that a request touches is reached through the user it was
//! authenticated as.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use creel_agent::{McpServer, McpServers, McpTransport, MemoryTools, ToolSource, Toolbox, Workspace};
use creel_config::{GatewayConfig, Mcp, Secret};

pub struct User {
    default: AgentSetup,
    agents: BTreeMap<String, AgentSetup>,
    mcp: Mcp,
}

#[derive(Clone)]
pub struct AgentSetup {
    pub workspace: Workspace,
    pub toolbox: Toolbox,
    /// What the configuration adds to the prompt.
    pub instructions: Option<String>,
}

impl User {
    /// Sets the user up. MCP servers of `before` that are configured as they were go on running.
    pub fn new(config: &GatewayConfig, workspace: PathBuf, before: Option<&User>) -> Self {
        let mcp = config.mcp.clone();
        let unchanged = before.filter(|user| user.mcp == mcp);
        let set_up = |root: PathBuf, instructions: Option<&String>, old: Option<&AgentSetup>| {
            let set_up = match old {
                Some(old) if old.workspace.root() == root => old.clone(),
                _ => AgentSetup::new(root, &mcp),
            };
            AgentSetup {
                instructions: instructions.cloned(),
                ..set_up
            }
        };
        let defaults = &config.agents.defaults;
        let agents = config
            .agents
            .entries
            .iter()
            .map(|(name, entry)| {
                let root = entry.workspace.clone().unwrap_or_else(|| sibling(&workspace, name));
                let old = unchanged.and_then(|user| user.agents.get(name));
                let instructions = entry.system_prompt.as_ref().or(defaults.system_prompt.as_ref());
                (name.clone(), set_up(root, instructions, old))
            })
            .collect();
        let default = set_up(
            workspace.clone(),
            defaults.system_prompt.as_ref(),
            unchanged.map(|user| &user.default),
        );
        Self { default, agents, mcp }
    }

    /// Begins to connect the default agent's MCP servers; those of other agents when they are first asked.
    pub fn prepare(&self) {
        self.default.toolbox.prepare();
    }

    /// The set-up of an agent by its id; the default one where none is named.
    pub fn agent(&self, name: Option<&str>) -> &AgentSetup {
        name.and_then(|name| self.agents.get(name)).unwrap_or(&self.default)
    }
}

/// The workspace of an agent that names none: `workspace-ID` beside the default one, as upstream has it.
fn sibling(workspace: &std::path::Path, agent: &str) -> PathBuf {
    let name = workspace.file_name().unwrap_or_default().to_string_lossy();
    workspace.with_file_name(format!("{name}-{agent}"))
}

impl AgentSetup {
    fn new(root: PathBuf, mcp: &Mcp) -> Self {
        let workspace = Workspace::new(root);
        if let Err(error) = workspace.create() {
            // Not the end: whoever writes into it will be told.
            tracing::warn!(path = %workspace.root().display(), %error, "the workspace cannot be made");
        }
        let mut sources: Vec<Arc<dyn ToolSource>> = vec![Arc::new(MemoryTools::new(workspace.clone()))];
        if !mcp.servers.is_empty() {
            let servers = mcp
                .servers
                .iter()
                .map(|(name, server)| (name.clone(), spoken_to(server, &workspace)));
            sources.push(Arc::new(McpServers::new(servers)));
        }
        Self {
            workspace,
            toolbox: Toolbox::new(sources),
            instructions: None,
        }
    }
}

/// What an MCP server that runs beside the gateway may know of its environment; the rest, with its secrets, stays here.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER"];

fn spoken_to(server: &creel_config::McpServer, workspace: &Workspace) -> McpServer {
    let plain = |secrets: &BTreeMap<String, Secret>| -> BTreeMap<String, String> {
        secrets
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()))
            .collect()
    };
    let transport = match &server.transport {
        creel_config::McpTransport::Stdio {
            command,
            args,
            env,
            cwd,
        } => {
            let passed_on = PASSED_ON
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
            let mut environment: BTreeMap<String, String> = passed_on.collect();
            environment.extend(plain(env));
            let directory = cwd.clone().unwrap_or_else(|| workspace.root().to_owned());
            McpTransport::Stdio {
                command: command.clone(),
                args: args.clone(),
                environment,
                directory: Some(directory),
            }
        }
        creel_config::McpTransport::Http { url, headers } => McpTransport::Http {
            url: url.clone(),
            headers: plain(headers),
            public_only: server.public_only,
        },
    };
    McpServer {
        transport,
        connect_timeout: server.connect_timeout,
        call_timeout: server.request_timeout,
        include: server.include.clone(),
        exclude: server.exclude.clone(),
    }
}
