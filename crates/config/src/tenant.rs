//! One user's configuration in a gateway for many: what it may say, and what it makes of the global one.
//!
//! It comes from a person whom the operator need not trust. So it may hold the sections of [`SECTIONS`] only, it never sees the
//! gateway's environment or files, and it names no directory and no program; URLs only where the operator allows it.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::json5::{Node, Value, parse};
use crate::load::{WithInline, inline_variables};
use crate::section::{Section, Source};
use crate::{
    Agents, ConfigError, Endpoints, Environment, GatewayConfig, Mcp, McpServer, Models, Provider, SessionConfig,
};

/// Bytes that one user's configuration may have.
pub const MAX_USER_CONFIG: usize = 256 * 1024;
/// Of each of these a user may name so many. An agent is a directory and a set of tools, a server a connection: within the bytes above
/// there is room for tens of thousands.
const MOST: usize = 32;

/// What a user may configure. The rest of `openclaw.json` is the operator's.
const SECTIONS: &[&str] = &[
    "$schema", "meta", "agents", "models", "mcp", "session", "identity", "messages", "ui",
];
/// Of the global file, what users' configurations are laid over, and what its texts may refer to.
const GLOBAL: &[&str] = &["agents", "env"];

/// The part of the global file that users change key by key. It may hold secrets, and does not show itself.
#[derive(Clone, PartialEq)]
pub struct Base {
    origin: PathBuf,
    sections: Json,
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base(…)")
    }
}

impl Base {
    pub(crate) fn new(source: &Source) -> Self {
        let members = source.root.members().iter();
        let shared = members.filter(|member| GLOBAL.contains(&member.key.as_str()));
        Self {
            origin: source.origin.to_owned(),
            sections: shared
                .map(|member| (member.key.clone(), member.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// The configuration of one user: theirs laid over `global`. Their agents are merged with the global ones, object by object; their
    /// providers and tool servers, where they may have any, stand beside the global ones: one cannot be changed, or its key would go
    /// wherever the user says. They cannot raise the limits of a turn.
    ///
    /// # Errors
    /// What is wrong with theirs, at its place in `text`.
    pub fn with_user(
        &self,
        global: &GatewayConfig,
        text: &str,
        env: &dyn Environment,
        endpoints: Endpoints,
    ) -> Result<GatewayConfig, ConfigError> {
        let UserConfig {
            root,
            models,
            mcp,
            session,
        } = UserConfig::read(text, endpoints != Endpoints::Operators)?;
        let mut sections = self.sections.clone();
        if let Some(agents) = root.get(&["agents"]) {
            merge(&mut sections, serde_json::json!({"agents": agents.to_json()}));
        }
        let mut agents = self.agents(&sections.to_string(), env)?;
        let defaults = &mut agents.defaults;
        let inherited = &global.agents.defaults;
        if root.get(&["agents", "defaults", "model"]).is_none() {
            // The environment beats the file, and a user's configuration beats both.
            defaults.model = inherited.model.clone();
            defaults.fallbacks = inherited.fallbacks.clone();
        }
        defaults.max_tool_rounds = defaults.max_tool_rounds.min(inherited.max_tool_rounds);
        defaults.timeout = defaults.timeout.min(inherited.timeout);
        let taken = |kind: &str, name: &str| {
            let message = format!("{kind} `{name}` is the operator's; give yours another name");
            ConfigError::general(Path::new(ORIGIN), message)
        };
        let mut config = GatewayConfig {
            agents,
            ..global.clone()
        };
        let public_only = endpoints != Endpoints::Any;
        for (name, provider) in models.providers {
            if config.models.providers.contains_key(&name) {
                return Err(taken("the model provider", &name));
            }
            let provider = Provider {
                public_only,
                ..provider
            };
            config.models.providers.insert(name, provider);
        }
        for (name, server) in mcp.servers {
            if config.mcp.servers.contains_key(&name) {
                return Err(taken("the tool server", &name));
            }
            let server = McpServer { public_only, ..server };
            config.mcp.servers.insert(name, server);
        }
        if root.get(&["session", "dmScope"]).is_some() {
            config.session = session;
        }
        Ok(config)
    }

    fn agents(&self, text: &str, env: &dyn Environment) -> Result<Agents, ConfigError> {
        let root = parse(text).map_err(|error| ConfigError::general(&self.origin, error.message))?;
        let source = Source {
            text,
            origin: &self.origin,
            env: &WithInline {
                env,
                inline: inline_variables(&root),
            },
            root: &root,
            warnings: RefCell::default(),
        };
        Agents::read(&Section::root(&source)?.section("agents")?)
    }
}

/// What messages call a user's configuration.
const ORIGIN: &str = "openclaw.json";

/// A user's configuration by itself, read without any environment.
struct UserConfig {
    root: Node,
    models: Models,
    mcp: Mcp,
    session: SessionConfig,
}

/// Checks a user's configuration by itself; what the Cloud Backend does before it takes one.
///
/// # Errors
/// The first thing that is wrong, with its line and column.
pub fn check_user(text: &str, user_endpoints: bool) -> Result<(), ConfigError> {
    UserConfig::read(text, user_endpoints).map(drop)
}

impl UserConfig {
    fn read(text: &str, user_endpoints: bool) -> Result<Self, ConfigError> {
        let origin = Path::new(ORIGIN);
        if text.len() > MAX_USER_CONFIG {
            let limit = MAX_USER_CONFIG >> 10;
            return Err(ConfigError::general(
                origin,
                format!(
                    "has {} bytes; a user's configuration may have up to {limit} KiB",
                    text.len()
                ),
            ));
        }
        let root = parse(text).map_err(|error| ConfigError::syntax(origin, error))?;
        let nothing = std::collections::BTreeMap::<String, String>::new();
        let source = Source {
            text,
            origin,
            env: &nothing,
            root: &root,
            warnings: RefCell::default(),
        };
        let file = Section::root(&source)?;
        refuse_what_is_not_theirs(&file, &root, user_endpoints)?;
        Agents::read(&file.section("agents")?)?;
        let models = Models::read(&file.section("models")?)?;
        let session = SessionConfig::read(&file.section("session")?)?;
        let mcp = Mcp::read(&file.section("mcp")?)?;
        drop(source);
        Ok(Self {
            root,
            models,
            mcp,
            session,
        })
    }
}

fn refuse_what_is_not_theirs(file: &Section, root: &Node, user_endpoints: bool) -> Result<(), ConfigError> {
    for member in root.members() {
        if !SECTIONS.contains(&member.key.as_str()) {
            let message = format!(
                "`{}` is the operator's; a user's configuration may hold {}",
                member.key,
                SECTIONS[2..].join(", ")
            );
            return Err(file.error_at_span(member.key_span, message));
        }
    }
    walk(root, &mut |node| match &node.value {
        Value::String(text) if text.contains("${") => Err(file.error_at(
            node,
            "a user's configuration cannot refer to environment variables".to_owned(),
        )),
        _ if is_secret_reference(node) => {
            let message = "a user's configuration cannot refer to secrets that are kept elsewhere; write the text";
            Err(file.error_at(node, message.to_owned()))
        }
        _ => Ok(()),
    })?;
    for path in [
        ["agents", "entries"],
        ["agents", "list"],
        ["models", "providers"],
        ["mcp", "servers"],
    ] {
        let Some(node) = root.get(&path) else { continue };
        let count = match &node.value {
            Value::Array(items) => items.len(),
            _ => node.members().len(),
        };
        if count > MOST {
            let message = format!("`{}` has {count} entries; a user may have {MOST}", path.join("."));
            return Err(file.error_at(node, message));
        }
    }
    let agents = root.get(&["agents"]);
    let entries = agents.into_iter().flat_map(|agents| {
        let list = agents.get(&["list"]).map(|list| &list.value);
        let list = match list {
            Some(Value::Array(items)) => items.iter().collect(),
            _ => Vec::new(),
        };
        let entries = agents.get(&["entries"]).map(Node::members).unwrap_or_default();
        entries
            .iter()
            .map(|member| &member.value)
            .chain(list)
            .chain(agents.get(&["defaults"]))
    });
    for agent in entries {
        if let Some(fallbacks) = agent.get(&["model", "fallbacks"])
            && let Value::Array(models) = &fallbacks.value
            && models.len() > MOST
        {
            let message = format!("{} fallbacks; a model may have {MOST}", models.len());
            return Err(file.error_at(fallbacks, message));
        }
        for key in ["workspace", "cwd", "agentDir"] {
            if let Some(member) = agent.member(key) {
                let message = format!("`{key}` is the operator's: a user's files are in the user's workspace");
                return Err(file.error_at_span(member.key_span, message));
            }
        }
    }
    let servers = root.get(&["mcp", "servers"]).map(Node::members).unwrap_or_default();
    for server in servers {
        if let Some(command) = server.value.member("command") {
            let message = "`command` is the operator's: a user's configuration cannot start programs";
            return Err(file.error_at_span(command.key_span, message.to_owned()));
        }
        if !user_endpoints {
            let message = "tool servers are the operator's here (`multiTenant.userEndpoints` is off)";
            return Err(file.error_at_span(server.key_span, message.to_owned()));
        }
    }
    let providers = root
        .get(&["models", "providers"])
        .map(Node::members)
        .unwrap_or_default();
    if let Some(provider) = providers.first()
        && !user_endpoints
    {
        let message = "model providers are the operator's here (`multiTenant.userEndpoints` is off)";
        return Err(file.error_at_span(provider.key_span, message.to_owned()));
    }
    Ok(())
}

/// `{source: …, id: …}`, wherever it stands.
fn is_secret_reference(node: &Node) -> bool {
    node.member("source").is_some() && node.member("id").is_some()
}

fn walk(node: &Node, look: &mut impl FnMut(&Node) -> Result<(), ConfigError>) -> Result<(), ConfigError> {
    look(node)?;
    match &node.value {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, look)),
        Value::Object(members) => members.iter().try_for_each(|member| walk(&member.value, look)),
        _ => Ok(()),
    }
}

/// Lays `over` over `under`, as a JSON Merge Patch would (RFC 7396): object by object, and null removes.
pub fn merge(under: &mut Json, over: Json) {
    let Json::Object(over) = over else {
        *under = over;
        return;
    };
    if !under.is_object() {
        *under = Json::Object(serde_json::Map::new());
    }
    if let Json::Object(under) = under {
        for (key, value) in over {
            if value.is_null() {
                under.shift_remove(&key);
            } else {
                merge(under.entry(key).or_insert(Json::Null), value);
            }
        }
    }
}
