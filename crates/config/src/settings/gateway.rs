//! `gateway`: the door.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::error::Elsewhere;
use crate::json5::Value;
use crate::section::Section;
use crate::{ConfigError, Secret};

/// Where the gateway listens, whom it lets in, and how much it takes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    pub port: u16,
    pub bind: Bind,
    pub auth: Auth,
    pub limits: Limits,
    /// Whether `/v1/chat/completions` is served. On unless switched off (upstream has it off).
    pub chat_completions: bool,
}

/// The addresses the gateway listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// This machine only.
    Loopback,
    /// All interfaces.
    Lan,
    Address(IpAddr),
}

impl Bind {
    pub fn address(self) -> IpAddr {
        match self {
            Self::Loopback => Ipv4Addr::LOCALHOST.into(),
            Self::Lan => Ipv4Addr::UNSPECIFIED.into(),
            Self::Address(address) => address,
        }
    }

    pub fn is_loopback(self) -> bool {
        self.address().is_loopback()
    }
}

impl Gateway {
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.bind.address(), self.port)
    }
}

/// How clients prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    pub mode: AuthMode,
    /// Never empty. Present whenever the mode is `Token`.
    pub token: Option<Secret>,
    /// Never empty. Present whenever the mode is `Password`.
    pub password: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Nobody is asked; only on a loopback address.
    None,
    Token,
    Password,
}

/// How much the gateway takes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests a client may make in a minute; 0 is no limit.
    pub requests_per_minute: u32,
    /// Open connections, of any kind.
    pub connections: u32,
    /// Open WebSocket connections.
    pub websocket_connections: u32,
    /// How long a WebSocket may stay silent.
    pub websocket_timeout: Duration,
    /// How often a WebSocket is pinged.
    pub heartbeat: Duration,
    /// How long an HTTP connection may stay silent between requests.
    pub idle_timeout: Duration,
    /// How long a client may take for the head of a request, from its first byte.
    pub head_timeout: Duration,
    /// How long a client may read nothing of what waits for it.
    pub stall_timeout: Duration,
    pub max_body_bytes: usize,
    /// How long running work may take to finish when the gateway stops.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_minute: 200,
            connections: 100,
            websocket_connections: 100,
            websocket_timeout: Duration::from_secs(3600),
            heartbeat: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            head_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(60),
            max_body_bytes: 20 * 1024 * 1024,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Upstream's (its JSON Schema, 2026.9.6), those that early documents name, and `limits`, which is the native runtime's.
const KEYS: &[&str] = &[
    "port",
    "mode",
    "bind",
    "customBindHost",
    "auth",
    "tls",
    "http",
    "token",
    "rateLimit",
    "concurrentConnections",
    "websocket",
    "limits",
];

/// Known to upstream, and nothing done with them.
const IDLE: &[&str] = &[
    "publicOrigin",
    "portals",
    "controlUi",
    "cliAgents",
    "terminal",
    "roles",
    "trustedProxies",
    "allowRealIpFallback",
    "tools",
    "tailscale",
    "remote",
    "reload",
    "push",
    "nodes",
    "ha",
    "lock",
    "sessions",
];

const AUTH_KEYS: &[&str] = &["mode", "token", "password"];

/// Known to upstream, and nothing done with them.
const AUTH_IDLE: &[&str] = &["allowTailscale", "identityScopes", "rateLimit", "trustedProxy"];

pub(crate) const MODES: [(&str, AuthMode); 3] = [
    ("none", AuthMode::None),
    ("token", AuthMode::Token),
    ("password", AuthMode::Password),
];

/// The gateway section, where what was not said is still open.
#[derive(Clone, Debug)]
pub(crate) struct GatewayDraft {
    pub port: Option<u16>,
    pub bind: Bind,
    /// `None`: the file, or nobody.
    pub bind_from: Option<Elsewhere>,
    pub mode: Option<AuthMode>,
    /// `None`: the file, or nobody.
    pub mode_from: Option<Elsewhere>,
    pub token: Option<Secret>,
    pub password: Option<Secret>,
    pub limits: Limits,
    pub chat_completions: bool,
}

impl GatewayDraft {
    pub(crate) fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows_also(KEYS, IDLE);
        if section.string("mode")?.is_some_and(|mode| mode != "local") {
            return Err(section.error("mode", "must be \"local\": a gateway that runs here is local"));
        }
        let auth = section.section("auth")?;
        auth.knows_also(AUTH_KEYS, AUTH_IDLE);
        if auth.string("mode")?.as_deref() == Some("trusted-proxy") {
            return Err(auth.error(
                "mode",
                "is \"trusted-proxy\", which the native runtime does not have; use \"token\"",
            ));
        }
        let tls = section.section("tls")?;
        if tls.boolean("enabled")? == Some(true) {
            return Err(tls.error(
                "enabled",
                "is true, and the native runtime speaks no TLS: put a proxy that does before it",
            ));
        }
        let chat = section
            .section("http")?
            .section("endpoints")?
            .section("chatCompletions")?;
        Ok(Self {
            port: section
                .integer("port", 1..=65535)?
                .and_then(|port| u16::try_from(port).ok()),
            bind: bind(section)?,
            bind_from: None,
            mode: auth.one_of("mode", &MODES)?,
            mode_from: None,
            token: auth.secret("token")?.or(section.secret("token")?),
            password: auth.secret("password")?,
            limits: Limits::read(section)?,
            chat_completions: chat.boolean("enabled")?.unwrap_or(true),
        })
    }

    /// Settles what is open, and refuses what would leave the door open. The error is what to tell the operator, and who said what is
    /// wrong where that is not the file.
    pub(crate) fn settle(self, default_port: u16, multi_tenant: bool) -> Result<Gateway, (Option<Elsewhere>, String)> {
        let mode = self.mode.unwrap_or(match (&self.token, &self.password) {
            (Some(_), _) => AuthMode::Token,
            (None, Some(_)) => AuthMode::Password,
            (None, None) => AuthMode::None,
        });
        match mode {
            AuthMode::Token if self.token.is_none() => {
                return Err(self.without("token", "OPENCLAW_GATEWAY_TOKEN"));
            }
            AuthMode::Password if self.password.is_none() => {
                return Err(self.without("password", "OPENCLAW_GATEWAY_PASSWORD"));
            }
            // Many users have a token each.
            AuthMode::None if !self.bind.is_loopback() && !multi_tenant => {
                let opens = match self.bind_from {
                    Some(_) => "opens the gateway on",
                    None => "the gateway would listen on",
                };
                let problem = format!(
                    "{opens} {} for everybody, with no token; set gateway.auth.token or OPENCLAW_GATEWAY_TOKEN, or bind to \
                     \"loopback\"",
                    self.bind.address()
                );
                return Err((self.bind_from, problem));
            }
            _ => {}
        }
        Ok(Gateway {
            port: self.port.unwrap_or(default_port),
            bind: self.bind,
            auth: Auth {
                mode,
                token: self.token,
                password: self.password,
            },
            limits: self.limits,
            chat_completions: self.chat_completions,
        })
    }

    /// A mode without what it needs.
    fn without(&self, what: &str, variable: &str) -> (Option<Elsewhere>, String) {
        let subject = if self.mode_from.is_some() {
            ""
        } else {
            "gateway.auth.mode "
        };
        let problem = format!("{subject}is \"{what}\", but there is no {what}; set gateway.auth.{what} or {variable}");
        (self.mode_from, problem)
    }
}

impl Bind {
    /// The words of the file, the environment and the command line, or an IP address.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "loopback" | "auto" | "localhost" => Ok(Self::Loopback),
            "lan" => Ok(Self::Lan),
            _ => text.trim_matches(['[', ']']).parse().map(Self::Address).map_err(|_| {
                format!("is {text:?}; it must be \"loopback\", \"lan\", or an IP address such as 0.0.0.0")
            }),
        }
    }
}

fn bind(section: &Section) -> Result<Bind, ConfigError> {
    match section.filled("bind")?.as_deref() {
        None => Ok(Bind::Loopback),
        Some("custom") => {
            let Some(host) = section.filled("customBindHost")? else {
                return Err(section.error(
                    "bind",
                    "is \"custom\", which needs `gateway.customBindHost`, an IP address",
                ));
            };
            host.parse()
                .map(Bind::Address)
                .map_err(|_| section.error("customBindHost", format!("is {host:?}, not an IP address")))
        }
        Some("tailnet") => Err(section.error(
            "bind",
            "is \"tailnet\", which the native runtime does not have; use \"custom\" with `gateway.customBindHost`",
        )),
        Some(text) => Bind::parse(text).map_err(|problem| section.error("bind", problem)),
    }
}

impl Limits {
    fn read(section: &Section) -> Result<Self, ConfigError> {
        let default = Self::default();
        let websocket = section.section("websocket")?;
        // There is no WebSocket yet; the heartbeat is that of streams too.
        websocket.knows_also(&["heartbeat"], &["timeout", "maxConnections"]);
        let limits = section.section("limits")?;
        limits.knows(&[
            "idleTimeoutMs",
            "headTimeoutMs",
            "stallTimeoutMs",
            "maxBodyBytes",
            "drainTimeoutMs",
        ]);
        let rate = match section.get("rateLimit").map(|node| &node.value) {
            Some(Value::String(_)) => match section.filled("rateLimit")? {
                Some(text) => Some(per_minute(&text).map_err(|problem| section.error("rateLimit", problem))?),
                None => None,
            },
            _ => section.u32("rateLimit", 0)?,
        };
        Ok(Self {
            requests_per_minute: rate.unwrap_or(default.requests_per_minute),
            connections: section.u32("concurrentConnections", 1)?.unwrap_or(default.connections),
            websocket_connections: websocket
                .u32("maxConnections", 1)?
                .unwrap_or(default.websocket_connections),
            websocket_timeout: websocket.millis("timeout", 1)?.unwrap_or(default.websocket_timeout),
            heartbeat: websocket.millis("heartbeat", 1)?.unwrap_or(default.heartbeat),
            idle_timeout: limits.millis("idleTimeoutMs", 1)?.unwrap_or(default.idle_timeout),
            head_timeout: limits.millis("headTimeoutMs", 1)?.unwrap_or(default.head_timeout),
            stall_timeout: limits.millis("stallTimeoutMs", 1)?.unwrap_or(default.stall_timeout),
            max_body_bytes: limits
                .integer("maxBodyBytes", 1..=1 << 32)?
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(default.max_body_bytes),
            drain_timeout: limits.millis("drainTimeoutMs", 0)?.unwrap_or(default.drain_timeout),
        })
    }
}

/// `200/minute`, as early documents write it; also per second or hour, or a number of requests a minute. `off` and 0
/// are no limit. What does not come out whole is rounded up, so that a limit never becomes none.
pub(crate) fn per_minute(text: &str) -> Result<u32, String> {
    let parse = || {
        let (count, unit) = text.split_once('/').unwrap_or((text, "minute"));
        let count: u64 = count.trim().parse().ok()?;
        let per_minute = match unit.trim() {
            "second" | "sec" | "s" => count.checked_mul(60)?,
            "minute" | "min" | "m" => count,
            "hour" | "h" => count.div_ceil(60),
            _ => return None,
        };
        u32::try_from(per_minute).ok()
    };
    if text.trim() == "off" {
        return Ok(0);
    }
    parse().ok_or_else(|| format!("is {text:?}; write it like \"200/minute\" (or /second, /hour), or \"off\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, expected) in [
            ("200/minute", 200),
            ("10/second", 600),
            ("100/hour", 2),
            ("30", 30),
            (" 5 / min ", 5),
            ("off", 0),
            ("0/minute", 0),
        ] {
            assert_eq!(per_minute(text), Ok(expected), "{text}");
        }
        for text in ["", "x/minute", "5/day", "-1/minute", "5/minute/2", "99999999999/second"] {
            assert!(per_minute(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(Bind::parse("localhost"), Ok(Bind::Loopback));
        assert_eq!(Bind::parse("lan").map(Bind::address), Ok(Ipv4Addr::UNSPECIFIED.into()));
        for (text, loopback) in [("127.0.0.2", true), ("0.0.0.0", false), ("::1", true), ("[::]", false)] {
            assert_eq!(Bind::parse(text).map(Bind::is_loopback), Ok(loopback), "{text}");
        }
        for text in ["", "example.com", "0.0.0.0:80", "lan "] {
            assert!(Bind::parse(text).is_err(), "{text}");
        }
    }
}
