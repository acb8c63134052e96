//! Defaults, file, environment, command line: laid over each other in this order.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::Elsewhere;
use crate::file;
use crate::idle::warn_of_idle;
use crate::json5::{Node, Value, parse, utf8};
use crate::overruled::warn_of_overruled;
use crate::section::{Section, Source};
use crate::settings::{GatewayDraft, warn_of_unknown_models, warn_of_unserved};
use crate::{
    Agents, ConfigError, Environment, GatewayConfig, Locations, Logging, Mcp, Models, MultiTenant, Secret,
    SessionConfig, Warning,
};

/// A configuration larger than this is none.
pub(crate) const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Open connections of a gateway for many users, unless it is told otherwise.
const MULTI_TENANT_CONNECTIONS: u32 = 16_384;

/// Every top-level section that upstream has (its JSON Schema, 2026.9.6, and older ones still found in files), and those
/// that the documents of Creel's users name. Who reads a section looks at its keys; nobody looks at the others.
const KEYS: &[&str] = &[
    "$schema",
    "$include",
    "meta",
    "env",
    "wizard",
    "logging",
    "secrets",
    "models",
    "agents",
    "tools",
    "session",
    "channels",
    "gateway",
    "mcp",
    "multiTenant",
    "cluster",
];

/// Known to upstream, and nothing done with them.
const IDLE: &[&str] = &[
    "diagnostics",
    "update",
    "telemetry",
    "browser",
    "ui",
    "auth",
    "accessGroups",
    "acp",
    "nodeHost",
    "worktreeRoot",
    "worktreeAcceleration",
    "security",
    "bindings",
    "broadcast",
    "attachments",
    "messages",
    "tts",
    "commands",
    "approvals",
    "cron",
    "transcripts",
    "hooks",
    "discovery",
    "talk",
    "cloudWorkers",
    "desktop",
    "memory",
    "skills",
    "plugins",
    "surfaces",
    "proxy",
    "web",
    "media",
    "audio",
    "canvasHost",
    "identity",
    "storage",
];

/// What the command line says; it beats everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    pub port: Option<u16>,
    /// `loopback`, `lan`, or an IP address.
    pub bind: Option<String>,
    /// `none`, `token` or `password`.
    pub auth_mode: Option<String>,
    pub token: Option<Secret>,
    pub password: Option<Secret>,
    pub instance_id: Option<String>,
}

/// A configuration that can be used, and what is odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub config: GatewayConfig,
    pub warnings: Vec<Warning>,
}

/// Reads the configuration of a gateway. A file that does not exist reads as an empty one, unless somebody named it
/// or made a link to it.
///
/// # Errors
/// The first thing that is wrong, with its place: a syntax error, a value of the wrong type or out of range, a variable
/// that is not set, an address open to the network without a token.
pub fn load(locations: &Locations, env: &dyn Environment, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let path = &locations.config;
    let named = |problem: String| ConfigError::elsewhere(Elsewhere::Environment("OPENCLAW_CONFIG_PATH"), problem);
    let unreadable = |error: std::io::Error| match locations.config_is_named {
        true => named(format!("names {}, which cannot be read: {error}", path.display())),
        false => ConfigError::general(path, format!("cannot read {}: {error}", path.display())),
    };
    let text = match file::read(path, MAX_BYTES) {
        Ok(bytes) => utf8(bytes).map_err(|error| ConfigError::syntax(path, error))?,
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            return Err(ConfigError::general(
                path,
                format!("larger than {} MiB: this is no configuration", MAX_BYTES >> 20),
            ));
        }
        Err(error) if error.kind() == ErrorKind::NotFound && locations.config_is_named => {
            return Err(named(format!(
                "names {}, which is not there; make it, or unset the variable",
                path.display()
            )));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            // Whoever made the link means a configuration, not the lack of one, which lets everybody on this machine in.
            Ok(target) => {
                let (link, target) = (path.display(), target.display());
                let problem = format!("{link} is a link to {target}, which is not there; make it, or remove the link");
                return Err(ConfigError::general(path, problem));
            }
            Err(_) => "{}".to_owned(),
        },
        Err(error) => return Err(unreadable(error)),
    };
    resolve(&text, path, env, overrides, locations.default_port)
}

/// Reads a configuration from a text, by the rules of [`load`], without command line: what the editor calls before it
/// saves. `origin` is the file the text is meant for.
///
/// # Errors
/// As [`load`].
pub fn check(text: &str, origin: &Path, env: &dyn Environment) -> Result<Loaded, ConfigError> {
    resolve(text, origin, env, &Overrides::default(), crate::locations::PORT)
}

fn resolve(
    text: &str,
    origin: &Path,
    env: &dyn Environment,
    overrides: &Overrides,
    default_port: u16,
) -> Result<Loaded, ConfigError> {
    let root = parse(text).map_err(|error| ConfigError::syntax(origin, error))?;
    let env = &WithInline {
        env,
        inline: inline_variables(&root),
    };
    let source = Source {
        text,
        origin,
        env,
        root: &root,
        warnings: RefCell::default(),
    };
    let file = Section::root(&source)?;
    file.knows_also(KEYS, IDLE);
    if file.has("$include") {
        return Err(file.error(
            "$include",
            "is not read by the native runtime; put what it includes into this file",
        ));
    }

    let mut gateway = GatewayDraft::read(&file.section("gateway")?)?;
    let mut models = Models::read(&file.section("models")?)?;
    let mut agents = Agents::read(&file.section("agents")?)?;
    let mut session = SessionConfig::read(&file.section("session")?)?;
    let mut logging = Logging::read(&file.section("logging")?)?;
    let mcp = Mcp::read(&file.section("mcp")?)?;
    let multi_tenant = MultiTenant::read(&file)?;
    let cluster_name = file.section("cluster")?.filled("instanceId")?;

    if multi_tenant.is_some() && !file.section("gateway")?.has("concurrentConnections") {
        gateway.limits.connections = MULTI_TENANT_CONNECTIONS;
    }
    crate::overlay::environment(env, &mut gateway, &mut agents, &mut session, &mut logging)?;
    crate::overlay::command_line(overrides, &mut gateway)?;
    models.add_from(env)?;
    warn_of_unknown_models(&file, &models)?;
    warn_of_unserved(&file);
    warn_of_idle(&file, &mcp)?;
    warn_of_overruled(&file)?;
    agents.defaults.model = agents.defaults.model.take().or_else(|| models.default_model());

    let gateway = gateway
        .settle(default_port, multi_tenant.is_some())
        .map_err(|(elsewhere, problem)| match (elsewhere, file.get("gateway")) {
            (Some(source), _) => ConfigError::elsewhere(source, problem),
            (None, Some(node)) => file.error_at(node, problem),
            (None, None) => ConfigError::general(origin, problem),
        })?;
    let instance_id = overrides
        .instance_id
        .clone()
        .or_else(|| crate::environment::filled(env, "OPENCLAW_INSTANCE_ID"))
        .or(cluster_name)
        .unwrap_or_else(|| format!("{}-{}", host_name(), gateway.port));
    let config = GatewayConfig {
        gateway,
        models,
        agents,
        session,
        logging,
        mcp,
        multi_tenant,
        instance_id,
    };
    let mut warnings = source.warnings.into_inner();
    warnings.sort_by_key(|warning| (warning.line, warning.column));
    Ok(Loaded { config, warnings })
}

/// The environment, and behind it the variables that the file itself sets (upstream: `env.vars`, formerly `env`).
pub(crate) struct WithInline<'a> {
    pub env: &'a dyn Environment,
    pub inline: BTreeMap<String, String>,
}

impl Environment for WithInline<'_> {
    fn var(&self, name: &str) -> Option<String> {
        self.env
            .var(name)
            .filter(|value| !value.is_empty())
            .or_else(|| self.inline.get(name).cloned())
    }
}

pub(crate) fn inline_variables(root: &Node) -> BTreeMap<String, String> {
    let sections = [&["env"][..], &["env", "vars"]];
    let members = sections
        .iter()
        .filter_map(|path| root.get(path))
        .flat_map(Node::members);
    let variable = |member: &crate::json5::Member| match &member.value.value {
        Value::String(text) => Some((member.key.clone(), text.clone())),
        _ => None,
    };
    members.filter_map(variable).collect()
}

fn host_name() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    if name.is_empty() {
        "gateway".to_owned()
    } else {
        name.into_owned()
    }
}
