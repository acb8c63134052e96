//! What the environment and the command line put over the file.

use std::time::Duration;

use crate::environment::filled;
use crate::error::Elsewhere;
use crate::settings::{DM_SCOPES, GatewayDraft, LEVELS, MODES, per_minute};
use crate::{Agents, Bind, ConfigError, Environment, Level, Logging, Overrides, Secret, SessionConfig};

/// The variables of upstream (docs/help/environment) and those that early documents name.
pub(crate) fn environment(
    env: &dyn Environment,
    gateway: &mut GatewayDraft,
    agents: &mut Agents,
    session: &mut SessionConfig,
    logging: &mut Logging,
) -> Result<(), ConfigError> {
    let variables = Variables(env);
    let limits = &mut gateway.limits;
    variables.read("OPENCLAW_GATEWAY_PORT", number("a port, 0 to 65535"), |port| {
        gateway.port = Some(port)
    })?;
    for name in ["GATEWAY_BIND", "OPENCLAW_GATEWAY_BIND"] {
        variables.read(name, Bind::parse, |bind| {
            gateway.bind = bind;
            gateway.bind_from = Some(Elsewhere::Environment(name));
        })?;
    }
    variables.read("GATEWAY_AUTH_MODE", word(&MODES), |mode| {
        gateway.mode = Some(mode);
        gateway.mode_from = Some(Elsewhere::Environment("GATEWAY_AUTH_MODE"));
    })?;
    variables.read("OPENCLAW_GATEWAY_TOKEN", secret, |token| gateway.token = Some(token))?;
    variables.read("OPENCLAW_GATEWAY_PASSWORD", secret, |password| {
        gateway.password = Some(password)
    })?;
    variables.read("GATEWAY_RATE_LIMIT", per_minute, |rate| {
        limits.requests_per_minute = rate
    })?;
    variables.read("GATEWAY_CONCURRENT_CONNECTIONS", count, |count| {
        limits.connections = count
    })?;
    variables.read("GATEWAY_WEBSOCKET_MAX_CONNECTIONS", count, |count| {
        limits.websocket_connections = count
    })?;
    variables.read("GATEWAY_WEBSOCKET_TIMEOUT", millis, |time| {
        limits.websocket_timeout = time
    })?;
    variables.read("GATEWAY_WEBSOCKET_HEARTBEAT", millis, |time| limits.heartbeat = time)?;
    variables.read(
        "MODEL_NAME",
        |text| Ok(text.to_owned()),
        |model| agents.defaults.model = Some(model),
    )?;
    variables.read("DM_SCOPE", word(&DM_SCOPES), |scope| session.dm_scope = scope)?;
    if filled(env, "DEBUG").is_some_and(|scopes| {
        scopes
            .split(',')
            .any(|scope| scope == "*" || scope.starts_with("openclaw"))
    }) {
        logging.level = logging.level.max(Level::Debug);
    }
    variables.read("OPENCLAW_LOG_LEVEL", word(&LEVELS), |level| logging.level = level)
}

pub(crate) fn command_line(overrides: &Overrides, gateway: &mut GatewayDraft) -> Result<(), ConfigError> {
    gateway.port = overrides.port.or(gateway.port);
    if let Some(text) = &overrides.bind {
        let flag = Elsewhere::CommandLine("--bind");
        gateway.bind = Bind::parse(text).map_err(|problem| ConfigError::elsewhere(flag, problem))?;
        gateway.bind_from = Some(flag);
    }
    if let Some(text) = &overrides.auth_mode {
        let flag = Elsewhere::CommandLine("--auth");
        gateway.mode = Some(word(&MODES)(text).map_err(|problem| ConfigError::elsewhere(flag, problem))?);
        gateway.mode_from = Some(flag);
    }
    let filled = |secret: &Option<Secret>| secret.clone().filter(|secret| !secret.is_empty());
    gateway.token = filled(&overrides.token).or(gateway.token.take());
    gateway.password = filled(&overrides.password).or(gateway.password.take());
    Ok(())
}

struct Variables<'a>(&'a dyn Environment);

impl Variables<'_> {
    /// Reads a variable, if it says something.
    fn read<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        put: impl FnOnce(T),
    ) -> Result<(), ConfigError> {
        if let Some(text) = filled(self.0, name) {
            let fail = |problem| ConfigError::elsewhere(Elsewhere::Environment(name), problem);
            put(parse(&text).map_err(fail)?);
        }
        Ok(())
    }
}

fn number<T: std::str::FromStr>(what: &str) -> impl Fn(&str) -> Result<T, String> {
    move |text| text.parse().map_err(|_| format!("is {text:?}; it must be {what}"))
}

fn count(text: &str) -> Result<u32, String> {
    number("a whole number of at least 1")(text).and_then(|count| match count {
        0 => Err("is 0; it must be at least 1".to_owned()),
        count => Ok(count),
    })
}

fn millis(text: &str) -> Result<Duration, String> {
    number("a whole number of milliseconds of at least 1")(text).and_then(|millis| match millis {
        0 => Err("is 0; it must be at least 1 millisecond".to_owned()),
        millis => Ok(Duration::from_millis(millis)),
    })
}

fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let all = || {
            words
                .iter()
                .map(|(word, _)| format!("{word:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.ok_or_else(|| format!("is {text:?}; it must be one of {}", all()))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "has the shape of its neighbours")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::from(text))
}
