//! The channels as somebody asks for them, checked against the table. What is refused is told without the value: it may be a secret that
//! stands in the wrong place.

use creel_records::{Channel, Runtime};
use serde_json::{Map, Value};

use super::secrets::{self, Variables};
use super::table::{self, CHANNELS, ChannelType, Field, Form, Remark};
use crate::FleetError;

/// Channels that can be recorded.
#[derive(Debug, Default)]
pub struct Given {
    /// With references in place of their secrets.
    pub channels: Vec<Channel>,
    /// What the references refer to.
    pub variables: Variables,
}

/// Takes the channels of an instance.
///
/// # Errors
/// [`FleetError::Invalid`]: an unknown channel, a field that is unknown, missing, or cannot be.
pub fn take(channels: Vec<Channel>) -> Result<Given, FleetError> {
    let mut given = Given::default();
    for channel in channels {
        let kind = table::find(&channel.kind).ok_or_else(|| {
            let known: Vec<&str> = CHANNELS.iter().map(|channel| channel.kind).collect();
            // A name that is none may be anything, a secret too.
            let name = shown(&channel.kind).map_or_else(|| "one of them".to_owned(), |name| format!("\"{name}\""));
            FleetError::invalid(
                "channels",
                format!("{name} is no channel; known are {}", known.join(", ")),
            )
        })?;
        if given.channels.iter().any(|taken| taken.kind == kind.kind) {
            return Err(FleetError::invalid(
                "channels",
                format!("\"{}\" is there twice", kind.kind),
            ));
        }
        let config = fields(kind, channel.config, &mut given.variables)
            .map_err(|reason| FleetError::invalid("channels", format!("{}: {reason}", kind.kind)))?;
        given.channels.push(Channel {
            kind: kind.kind.to_owned(),
            config: Value::Object(config),
        });
    }
    Ok(given)
}

fn fields(kind: &ChannelType, config: Value, variables: &mut Variables) -> Result<Map<String, Value>, String> {
    let config = match config {
        Value::Null => Map::new(),
        Value::Object(config) => config,
        _ => return Err(format!("its config must be an object; {}", kind.takes())),
    };
    let unknown = config
        .keys()
        .find(|name| !kind.fields.iter().any(|field| field.name == **name));
    if let Some(name) = unknown {
        let name = shown(name).map_or_else(|| "a field that is there".to_owned(), |name| format!("\"{name}\""));
        return Err(format!("{name} is no field of it; {}", kind.takes()));
    }
    in_their_own_fields(kind, &config)?;
    let mut taken = Map::new();
    for field in kind.fields {
        let value = match config.get(field.name) {
            Some(value) if !is_blank(value) => checked(field, value)?,
            _ if field.required => return Err(format!("{} is missing; {}", field.name, kind.takes())),
            _ => continue,
        };
        let value = match field.secret {
            true => secrets::hide(variables, kind.kind, field.name, value),
            false => value,
        };
        taken.insert(field.name.to_owned(), value);
    }
    Ok(taken)
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Refuses a field that holds what looks like another one's.
fn in_their_own_fields(kind: &ChannelType, config: &Map<String, Value>) -> Result<(), String> {
    for field in kind.fields {
        let Some(text) = config.get(field.name).and_then(Value::as_str) else {
            continue;
        };
        let other = kind.fields.iter().find(|other| match other.form {
            Form::Begins(start) | Form::Id(start, _) => {
                other.name != field.name && !start.is_empty() && text.trim().starts_with(start)
            }
            _ => false,
        });
        if let Some(other) = other {
            return Err(format!(
                "{} holds what looks like {}; are the two swapped?",
                field.name, other.name
            ));
        }
    }
    Ok(())
}

/// The value as it is kept.
fn checked(field: &Field, value: &Value) -> Result<Value, String> {
    let name = field.name;
    if let Form::Number = field.form {
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_u64(),
        };
        return number
            .map(|number: u64| number.into())
            .ok_or_else(|| format!("{name} must be a number, such as {}", field.example));
    }
    if field.secret && secrets::is_reference_object(value) {
        return Ok(value.clone());
    }
    let Value::String(text) = value else {
        return Err(format!("{name} must be a text"));
    };
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(format!("{name} must be a text on one line"));
    }
    // What is no secret is shown to everybody who may look.
    let is_wrong = match field.form {
        Form::Begins(start) => !text.starts_with(start),
        Form::Id(_, longest) => text.chars().count() > longest,
        _ => false,
    };
    if is_wrong && !field.secret {
        let example = field.example;
        return Err(format!(
            "{name} must be such as {example}; what is there looks like something else"
        ));
    }
    Ok(text.into())
}

/// A name for a message: only one that cannot be a secret by its looks.
fn shown(name: &str) -> Option<&str> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphabetic() || b"_-".contains(&byte));
    (plain && (1..=24).contains(&name.len())).then_some(name)
}

/// What will not be as a person may expect of the channels of an instance, one line each.
#[must_use]
pub fn warnings(channels: &[Channel], runtime: Runtime) -> Vec<String> {
    let known = channels
        .iter()
        .filter_map(|channel| Some((table::find(&channel.kind)?, channel)));
    known
        .filter_map(|(kind, channel)| warning(kind, &channel.config, runtime))
        .collect()
}

fn warning(kind: &ChannelType, config: &Value, runtime: Runtime) -> Option<String> {
    let name = kind.kind;
    if !kind.runtimes.contains(&runtime) {
        return Some(format!(
            "{name}: the {runtime} runtime does not answer there; the runtime {} does",
            kind.runtimes.first().map_or("", |runtime| runtime.as_str())
        ));
    }
    let has = |pair: &[&str; 2]| pair.iter().all(|name| config.get(*name).is_some());
    match kind.remark {
        Remark::Nothing => None,
        Remark::Without(pairs, _) if pairs.iter().any(has) => None,
        Remark::Always(told) | Remark::Without(_, told) => Some(format!("{name}: {told}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn channel(kind: &str, config: Value) -> Channel {
        Channel {
            kind: kind.into(),
            config,
        }
    }

    fn refusal(kind: &str, config: Value) -> String {
        let refused = take(vec![channel(kind, config)]);
        refused.expect_err("not allowed").to_string()
    }

    #[test]
    fn secrets_become_references() {
        let feishu = channel("feishu", json!({"appId": "cli_1", "appSecret": " s3 ", "domain": null}));
        let wecom = channel("wecom", json!({"corpId": "ww1", "agentId": "1000002", "secret": "s4"}));
        let given = take(vec![feishu, wecom]).expect("they are whole");
        assert_eq!(
            given.channels[0].config,
            json!({"appId": "cli_1", "appSecret": "${FEISHU_APP_SECRET}"})
        );
        assert_eq!(given.channels[1].config["agentId"], 1_000_002);
        let variables = [("FEISHU_APP_SECRET", "s3"), ("WECOM_SECRET", "s4")];
        assert_eq!(
            given.variables,
            variables.map(|(name, value)| (name.into(), value.into()))
        );
        let warned = warnings(&given.channels, Runtime::Openclaw);
        assert!(
            matches!(&*warned, [one] if one.contains("encodingAESKey")),
            "{warned:?}"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        for (kind, config, said) in [
            (
                "irc",
                json!({}),
                "channels: \"irc\" is no channel; known are feishu, dingtalk, wecom, telegram, discord, slack, whatsapp, webchat",
            ),
            (
                "feishu",
                json!({"appId": "cli_1"}),
                "channels: feishu: appSecret is missing; it takes appId, appSecret, and may have domain",
            ),
            (
                "dingtalk",
                json!({"clientId": "a", "clientSecret": " "}),
                "channels: dingtalk: clientSecret is missing; it takes clientId, clientSecret",
            ),
            (
                "dingtalk",
                json!({"clientId": "a", "clientSecret": "b", "clientsecret": "c"}),
                "channels: dingtalk: \"clientsecret\" is no field of it; it takes clientId, clientSecret",
            ),
            (
                "webchat",
                json!({"x": 1}),
                "channels: webchat: \"x\" is no field of it; it takes no fields",
            ),
            (
                "feishu",
                json!([]),
                "channels: feishu: its config must be an object; it takes appId, appSecret, and may have domain",
            ),
            (
                "wecom",
                json!({"corpId": "ww1", "agentId": "plum", "secret": "x"}),
                "channels: wecom: agentId must be a number, such as 1000002",
            ),
            (
                "telegram",
                json!({"botToken": ["plum"]}),
                "channels: telegram: botToken must be a text",
            ),
            (
                "telegram",
                json!({"botToken": "plum\nplum"}),
                "channels: telegram: botToken must be a text on one line",
            ),
        ] {
            assert_eq!(refusal(kind, config), said);
        }
        let twice = vec![channel("webchat", json!({})), channel("webchat", json!({}))];
        assert!(take(twice).expect_err("twice").to_string().contains("twice"));
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_noticed_and_not_repeated() {
        for (kind, config) in [
            ("feishu", json!({"appId": "plum1", "appSecret": "cli_a1"})),
            ("feishu", json!({"appId": "plum1", "appSecret": "x"})),
            ("dingtalk", json!({"clientId": "plum1", "clientSecret": "dinga1b2c3d4"})),
            ("dingtalk", json!({"clientId": "plum1".repeat(13), "clientSecret": "x"})),
            (
                "wecom",
                json!({"corpId": "plum1".repeat(8), "agentId": 1, "secret": "x"}),
            ),
            ("slack", json!({"botToken": "xapp-plum1", "appToken": "xoxb-plum1"})),
            (
                "feishu",
                json!({"appId": "cli_1", "appSecret": "x", "plum1": "appSecret"}),
            ),
            ("plum1", json!({})),
            (
                "wecom",
                json!({"corpId": "ww1", "agentId": "plum1", "secret": "1000002"}),
            ),
        ] {
            let said = refusal(kind, config);
            assert!(!said.contains("plum1"), "{said}");
        }
        assert!(refusal("feishu", json!({"appId": "x", "appSecret": "cli_1"})).contains("swapped"));
    }

    #[test]
    fn who_gets_no_answer_is_told() {
        let native = |kind: &str| warnings(&[channel(kind, Value::Null)], Runtime::Native);
        assert_eq!(
            native("telegram"),
            ["telegram: the native runtime does not answer there; the runtime openclaw does"]
        );
        assert!(native("webchat").is_empty());
    }
}
