//! Which chat platforms an instance must be awake for: those it holds a connection to, or asks for news. Asleep it would lose what
//! they send. One that calls the instance (a webhook) or the web chat finds it by its port, and wakes it.

use creel_config::json5;
use creel_records::Channel;
use serde_json::Value;

use crate::{FleetError, channel};

/// The platforms that this instance must be awake for, of its recorded channels and those that its `openclaw.json` has besides.
pub fn awake_for(channels: &[Channel], config: Option<&str>) -> Vec<String> {
    let recorded = channels.iter().map(|channel| (channel.kind.as_str(), &channel.config));
    let mut found: Vec<String> = recorded
        .filter(|(kind, config)| holds_a_connection(kind, config))
        .map(|(kind, _)| kind.to_owned())
        .collect();
    // A text that is broken is not the one that runs.
    let written = config
        .and_then(|text| json5::parse(text).ok())
        .map(|root| root.to_json());
    let written = written.as_ref().and_then(|root| root["channels"].as_object());
    for (kind, config) in written.into_iter().flatten() {
        if holds_a_connection(kind, config) && !found.contains(kind) {
            found.push(kind.clone());
        }
    }
    found
}

fn holds_a_connection(kind: &str, config: &Value) -> bool {
    // What holds for all channels.
    const OF_ALL: &str = "defaults";
    let is_off = config["enabled"] == false;
    !is_off && kind != OF_ALL && !channel::is_called(kind, config)
}

/// Refuses `what` (a field of a request) for an instance that must be awake.
pub fn check(what: &'static str, channels: &[Channel], config: Option<&str>) -> Result<(), FleetError> {
    let platforms = awake_for(channels, config);
    match platforms.is_empty() {
        true => Ok(()),
        false => Err(FleetError::StaysOn { field: what, platforms }),
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

    #[test]
    fn what_polls_or_listens_keeps_an_instance_awake() {
        for kind in [
            "telegram", "discord", "feishu", "slack", "dingtalk", "whatsapp", "wecom", "later",
        ] {
            assert_eq!(awake_for(&[channel(kind, json!({}))], None), [kind]);
        }
    }

    #[test]
    fn what_is_called_by_its_platform_may_sleep() {
        let called = [
            channel("webchat", json!({})),
            channel("feishu", json!({"connectionMode": "webhook"})),
            channel("slack", json!({"mode": "http"})),
            channel("telegram", json!({"webhookUrl": "https://x.example.com/t"})),
            channel("discord", json!({"enabled": false})),
        ];
        assert!(awake_for(&called, Some("{ channels: { defaults: { x: 1 } } }")).is_empty());
        assert!(check("idle", &called, Some("{ broken")).is_ok());
    }

    #[test]
    fn what_is_written_into_the_configuration_counts_too() {
        let config = "{ channels: { discord: { token: '${T}' }, telegram: {} } }";
        let recorded = [channel("telegram", json!({}))];
        assert_eq!(awake_for(&recorded, Some(config)), ["telegram", "discord"]);
        let error = check("idle", &[], Some(config)).unwrap_err().to_string();
        assert!(error.contains("idle: ") && error.contains("discord"), "{error}");
    }
}
