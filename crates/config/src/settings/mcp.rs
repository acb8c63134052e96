//! `mcp`: the tools.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::json5::Value;
use crate::section::Section;
use crate::web::{check_address, check_header_name, check_header_value};
use crate::{ConfigError, Secret};

/// The tool servers, by name; those that are switched off are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mcp {
    pub servers: BTreeMap<String, McpServer>,
}

/// A server of tools that speaks the Model Context Protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct McpServer {
    pub transport: McpTransport,
    pub connect_timeout: Option<Duration>,
    pub request_timeout: Option<Duration>,
    /// Tools to offer, as names with `*`; empty is all.
    pub include: Vec<String>,
    /// Tools to hide, as names with `*`.
    pub exclude: Vec<String>,
    /// Named by one who may reach the open internet only, see [`crate::Endpoints::Public`].
    pub public_only: bool,
}

/// How a tool server is reached.
#[derive(Clone, Debug, PartialEq)]
pub enum McpTransport {
    /// A child process that talks on its standard input and output.
    Stdio {
        command: String,
        args: Vec<String>,
        env: BTreeMap<String, Secret>,
        cwd: Option<PathBuf>,
    },
    /// Streamable HTTP.
    Http {
        url: String,
        headers: BTreeMap<String, Secret>,
    },
}

const KEYS: &[&str] = &["servers"];

/// Known to upstream, and nothing done with them.
const IDLE: &[&str] = &["sessionIdleTtlMs", "apps"];

const SERVER_KEYS: &[&str] = &[
    "enabled",
    "command",
    "args",
    "env",
    "cwd",
    "url",
    "transport",
    "headers",
    "connectionTimeoutMs",
    "requestTimeoutMs",
    "toolFilter",
];

/// Known to upstream, and nothing done with them.
const SERVER_IDLE: &[&str] = &[
    "supportsParallelToolCalls",
    "auth",
    "oauth",
    "sslVerify",
    "clientCert",
    "clientKey",
    "codex",
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Stdio,
    Http,
    Sse,
}

impl Mcp {
    pub(crate) fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows_also(KEYS, IDLE);
        let mut servers = BTreeMap::new();
        for (name, section) in section.entries("servers")? {
            section.knows_also(SERVER_KEYS, SERVER_IDLE);
            if section.boolean("enabled")? != Some(false)
                && let Some(server) = McpServer::read(&section)?
            {
                servers.insert(name, server);
            }
        }
        Ok(Self { servers })
    }
}

impl McpServer {
    /// `None`: a server that the native runtime cannot talk to; a warning says so.
    fn read(section: &Section) -> Result<Option<Self>, ConfigError> {
        let kinds = [
            ("stdio", Kind::Stdio),
            ("streamable-http", Kind::Http),
            ("http", Kind::Http),
            ("sse", Kind::Sse),
        ];
        let (command, url) = (section.filled("command")?, section.filled("url")?);
        let transport = match (command, url, section.one_of("transport", &kinds)?) {
            (_, _, Some(Kind::Sse)) => {
                section.warn_key(
                    "transport",
                    "is \"sse\", which the native runtime does not speak; the server is left out",
                );
                return Ok(None);
            }
            (Some(command), None, None | Some(Kind::Stdio)) => McpTransport::Stdio {
                command,
                args: section.strings("args")?.unwrap_or_default(),
                env: words(section, "env")?,
                cwd: section.path("cwd")?,
            },
            (None, Some(url), None | Some(Kind::Http)) => {
                check_address(&url).map_err(|problem| section.error("url", problem))?;
                let (headers, place) = (words(section, "headers")?, section.section("headers")?);
                for (name, value) in &headers {
                    check_header_name(name)
                        .and_then(|()| check_header_value(value.expose()))
                        .map_err(|problem| place.error(name, problem))?;
                }
                McpTransport::Http { url, headers }
            }
            (Some(_), Some(_), _) => {
                return Err(section.error("url", "and `command` exclude each other: give one of them"));
            }
            (None, None, _) => return Err(section.error("command", "is missing, and so is `url`: give one of them")),
            (Some(_), None, Some(_)) => {
                return Err(section.error("transport", "does not fit a `command`; it needs a `url`"));
            }
            (None, Some(_), Some(_)) => {
                return Err(section.error("transport", "does not fit a `url`; it needs a `command`"));
            }
        };
        let filter = section.section("toolFilter")?;
        filter.knows(&["include", "exclude"]);
        Ok(Some(Self {
            transport,
            connect_timeout: section.millis("connectionTimeoutMs", 1)?,
            request_timeout: section.millis("requestTimeoutMs", 1)?,
            include: filter.strings("include")?.unwrap_or_default(),
            exclude: filter.strings("exclude")?.unwrap_or_default(),
            public_only: false,
        }))
    }
}

/// A map to texts, where numbers and booleans are texts, too. Any of them may be a secret.
fn words(section: &Section, key: &str) -> Result<BTreeMap<String, Secret>, ConfigError> {
    let map = section.section(key)?;
    let mut words = BTreeMap::new();
    for member in map.members() {
        let word = match &member.value.value {
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => Secret::from(member.value.to_json().to_string()),
            _ => map.secret_of(&member.value, &map.path_of(&member.key))?,
        };
        words.insert(member.key.clone(), word);
    }
    Ok(words)
}
