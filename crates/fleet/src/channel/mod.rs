//! The chat platforms of a new instance: which there are, and how their secrets are kept out of records and listings.
//!
//! A channel's configuration arrives with its secrets. They go into `instance.env` (0600) under names such as
//! `FEISHU_APP_SECRET`; what is recorded, shown and written into `openclaw.json` is the reference `${FEISHU_APP_SECRET}`.

mod secrets;

use creel_records::{Channel, Runtime};
use serde_json::{Map, Value, json};

use self::secrets::Hiding;
pub use self::secrets::Variables;
use crate::FleetError;

/// The platforms a channel can connect to.
const KINDS: [&str; 8] = [
    "feishu", "dingtalk", "wecom", "telegram", "discord", "slack", "whatsapp", "webchat",
];

/// Channels with their secrets replaced by references, and the variables these refer to.
pub fn take_secrets(channels: Vec<Channel>) -> Result<(Vec<Channel>, Variables), FleetError> {
    let mut variables = Vec::new();
    let mut kinds = Vec::new();
    let mut kept = Vec::new();
    for channel in channels {
        if !KINDS.contains(&channel.kind.as_str()) {
            let reason = format!("\"{}\" is no channel; known are {}", channel.kind, KINDS.join(", "));
            return Err(FleetError::invalid("channels", reason));
        }
        if kinds.contains(&channel.kind) {
            return Err(FleetError::invalid(
                "channels",
                format!("\"{}\" is there twice", channel.kind),
            ));
        }
        let config = match channel.config {
            Value::Null => Map::new(),
            Value::Object(config) => config,
            _ => {
                let reason = format!(
                    "the config of \"{}\" must be an object such as {{\"appId\": …}}",
                    channel.kind
                );
                return Err(FleetError::invalid("channels", reason));
            }
        };
        let prefix = channel.kind.to_ascii_uppercase();
        let config = Hiding::into(&mut variables)
            .members(&prefix, &channel.kind, false, config)
            .map_err(|fault| FleetError::invalid("channels", format!("{}: {}", fault.path, fault.reason)))?;
        let config = Value::Object(config);
        kinds.push(channel.kind.clone());
        kept.push(Channel {
            kind: channel.kind,
            config,
        });
    }
    Ok((kept, variables))
}

/// Whether the channel belongs into the instance's `openclaw.json`. Upstream refuses to start over the configuration of a
/// channel whose plugin is not installed; telegram is the one that ships inside it (its `gateway/config-channels.md`).
pub fn in_config(runtime: Runtime, channel: &Channel) -> bool {
    match runtime {
        Runtime::Native => true,
        Runtime::Openclaw => channel.kind == "telegram",
    }
}

/// The channel's part of `openclaw.json`.
pub fn config(channel: &Channel) -> Value {
    let mut config = json!({"enabled": true});
    if let (Some(all), Value::Object(own)) = (config.as_object_mut(), &channel.config) {
        all.extend(own.clone());
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(kind: &str, config: Value) -> Channel {
        Channel {
            kind: kind.into(),
            config,
        }
    }

    #[test]
    fn secrets_become_references() {
        let given = channel(
            "feishu",
            json!({"appId": "cli_1", "appSecret": "s3", "accounts": {"a": {"verifyToken": "t"}}}),
        );
        let (kept, variables) = take_secrets(vec![given]).expect("a known channel");
        assert_eq!(
            kept[0].config,
            json!({"appId": "cli_1", "appSecret": "${FEISHU_APP_SECRET}",
                   "accounts": {"a": {"verifyToken": "${FEISHU_ACCOUNTS_A_VERIFY_TOKEN}"}}})
        );
        assert_eq!(
            variables,
            [
                ("FEISHU_APP_SECRET".into(), "s3".into()),
                ("FEISHU_ACCOUNTS_A_VERIFY_TOKEN".into(), "t".into())
            ]
        );
        assert_eq!(config(&kept[0])["enabled"], true);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let say = |channels| take_secrets(channels).expect_err("not allowed").to_string();
        assert!(say(vec![channel("irc", json!({}))]).contains("known are feishu"));
        assert!(say(vec![channel("feishu", json!([]))]).contains("must be an object"));
        assert!(say(vec![channel("slack", json!({})), channel("slack", json!({}))]).contains("twice"));
    }
}
