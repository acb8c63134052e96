//! The chat platforms of an instance: what may be said of each, how their secrets are kept out of records and listings, and what stands
//! in `openclaw.json` for them.
//!
//! A channel's configuration arrives with its secrets. They go into `instance.env` (0600) under names such as
//! `FEISHU_APP_SECRET`; what is recorded, shown and written into `openclaw.json` is the reference `${FEISHU_APP_SECRET}`.

mod given;
mod secrets;
mod table;

use creel_config::json5::{self, EditError};
use creel_records::{Channel, Runtime};
use serde_json::{Map, Value, json};

pub use self::given::{take, warnings};
pub use self::table::{CHANNELS, ChannelType, Field, Plugin, is_called};
use crate::InstanceId;

/// `openclaw.json` with what the channel needs there.
pub fn configure(text: String, runtime: Runtime, channel: &Channel) -> Result<String, EditError> {
    match (runtime, table::find(&channel.kind)) {
        (Runtime::Openclaw, Some(kind)) => {
            let mut text = text;
            if kind.has_key {
                text = json5::set(&text, &["channels", kind.kind], &upstream(kind, channel))?;
            }
            if let Some(plugin) = &kind.plugin {
                text = json5::set(&text, &["plugins", "entries", plugin.id, "enabled"], &json!(true))?;
            }
            Ok(text)
        }
        // Recorded by a Creel that knew it.
        (Runtime::Openclaw, None) => Ok(text),
        (Runtime::Native, _) => json5::set(&text, &["channels", &channel.kind], &native(channel)),
    }
}

/// What people see of an instance with these channels that nobody named.
pub fn name_of(id: &InstanceId, channels: &[Channel]) -> String {
    if channels.is_empty() {
        return id.to_string();
    }
    let kinds: Vec<&str> = channels.iter().map(|channel| channel.kind.as_str()).collect();
    format!("openclaw-{id}-{}", kinds.join("-"))
}

/// The plugins that upstream needs for these channels.
pub fn plugins(channels: &[Channel]) -> Vec<Plugin> {
    let known = channels.iter().filter_map(|channel| table::find(&channel.kind));
    known.filter_map(|kind| kind.plugin).collect()
}

fn native(channel: &Channel) -> Value {
    let mut config = json!({"enabled": true});
    if let (Some(all), Value::Object(own)) = (config.as_object_mut(), &channel.config) {
        all.extend(own.clone());
    }
    config
}

/// The channel's fields where upstream looks for them.
fn upstream(kind: &ChannelType, channel: &Channel) -> Value {
    let mut config = Map::from_iter([("enabled".to_owned(), json!(true))]);
    for field in kind.fields {
        if let Some(value) = channel.config.get(field.name) {
            put(&mut config, field.openclaw, value.clone());
        }
    }
    Value::Object(config)
}

fn put(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((name, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        object.insert((*name).to_owned(), value);
    } else if let Some(inner) = object.entry(*name).or_insert_with(|| json!({})).as_object_mut() {
        put(inner, rest, value);
    }
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

    fn configured(runtime: Runtime, kind: &str, config: Value) -> Value {
        let text = configure("{}".to_owned(), runtime, &channel(kind, config)).expect("a text to put it in");
        json5::parse(&text).expect("it is JSON5").to_json()
    }

    #[test]
    fn each_runtime_finds_the_fields_where_it_looks() {
        let config = json!({"appId": "cli_1", "appSecret": "${FEISHU_APP_SECRET}"});
        assert_eq!(
            configured(Runtime::Native, "feishu", config.clone()),
            json!({"channels": {"feishu": {"enabled": true, "appId": "cli_1", "appSecret": "${FEISHU_APP_SECRET}"}}})
        );
        assert_eq!(
            configured(Runtime::Openclaw, "feishu", config.clone()),
            json!({
                "channels": {"feishu": {"enabled": true, "accounts": {"default": config}}},
                "plugins": {"entries": {"feishu": {"enabled": true}}},
            })
        );
        let wecom = json!({"corpId": "ww1", "agentId": 1000002, "secret": "${A}", "botId": "b", "botSecret": "${B}"});
        assert_eq!(
            configured(Runtime::Openclaw, "wecom", wecom)["channels"]["wecom"],
            json!({"enabled": true, "agent": {"corpId": "ww1", "agentId": 1000002, "corpSecret": "${A}"},
                   "botId": "b", "secret": "${B}"})
        );
    }

    #[test]
    fn what_upstream_has_itself_needs_no_plugin_and_the_page_no_key() {
        let telegram = configured(Runtime::Openclaw, "telegram", json!({"botToken": "${T}"}));
        assert_eq!(
            telegram,
            json!({"channels": {"telegram": {"enabled": true, "botToken": "${T}"}}})
        );
        assert_eq!(configured(Runtime::Openclaw, "webchat", json!({})), json!({}));
        assert!(plugins(&[channel("webchat", json!({})), channel("telegram", json!({}))]).is_empty());
        assert_eq!(
            plugins(&[channel("dingtalk", json!({}))])[0].package,
            "@openclaw-china/dingtalk"
        );
    }
}
