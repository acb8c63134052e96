//! The one table of channels: what each is configured with, where that stands in upstream's `openclaw.json`, the plugin that upstream
//! needs for it, when its platform calls, and what a person is told beforehand.
//!
//! Upstream's keys are those of its own documents and schema (2026.9.6: `docs/channels/`, `openclaw config schema`) and of the plugins' own:
//! the README of `@wecom/wecom-openclaw-plugin`, `openclaw.plugin.json` of `@openclaw-china/dingtalk`. Plugins are pinned to the newest that
//! this version of upstream loads; the digests are those of the npm registry.

use creel_records::Runtime;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A chat platform that an instance can be connected to.
#[derive(Debug, Serialize)]
pub struct ChannelType {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub fields: &'static [Field],
    /// The runtimes that answer there.
    pub runtimes: &'static [Runtime],
    /// What upstream connects it with; `None` where that is a part of upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Plugin>,
    /// Whether upstream has a key `channels.<type>` for it.
    #[serde(skip)]
    pub(super) has_key: bool,
    #[serde(skip)]
    pub(super) called: Called,
    #[serde(skip)]
    pub(super) remark: Remark,
}

/// When the platform calls the gateway, which may sleep in between. Else the gateway holds a connection to it, or asks it for news.
#[derive(Debug, Clone, Copy)]
pub(super) enum Called {
    Never,
    Always,
    /// Where its part of `openclaw.json` has this value.
    IfIs(&'static str, &'static str),
    /// Where its part of `openclaw.json` has a text there.
    IfSet(&'static str),
}

/// What a person may not expect of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Remark {
    Nothing,
    Always(&'static str),
    /// Where none of these pairs of fields is there.
    Without(&'static [[&'static str; 2]], &'static str),
}

/// Something that the platform gives whoever registers a bot with it.
#[derive(Debug, Serialize)]
pub struct Field {
    pub name: &'static str,
    pub required: bool,
    /// Kept in `instance.env`; only a reference to it is recorded, shown and written into `openclaw.json`.
    pub secret: bool,
    pub example: &'static str,
    #[serde(skip)]
    pub(super) form: Form,
    /// Where it stands below upstream's `channels.<type>`.
    #[serde(skip)]
    pub(super) openclaw: &'static [&'static str],
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Text,
    /// Begins like this, and no other field's value does: so one that stands in the wrong field is noticed.
    Begins(&'static str),
    /// As [`Form::Begins`], as far as is known; never longer than this, which secrets are.
    Id(&'static str, usize),
    /// A whole number, also as a text.
    Number,
}

/// An npm package for upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plugin {
    pub package: &'static str,
    pub version: &'static str,
    /// Its `dist.integrity` in the registry (Subresource Integrity).
    pub integrity: &'static str,
    /// Its name in `plugins.entries`.
    pub id: &'static str,
    /// In upstream's own catalog; of any other source upstream wants to be told that it is meant.
    pub is_official: bool,
}

impl Serialize for Plugin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut plugin = serializer.serialize_struct("Plugin", 2)?;
        plugin.serialize_field("package", self.package)?;
        plugin.serialize_field("version", self.version)?;
        plugin.end()
    }
}

const UPSTREAM: &[Runtime] = &[Runtime::Openclaw];

const fn required(name: &'static str, example: &'static str, openclaw: &'static [&'static str]) -> Field {
    Field {
        name,
        required: true,
        secret: false,
        example,
        form: Form::Text,
        openclaw,
    }
}

const fn secret(name: &'static str, example: &'static str, openclaw: &'static [&'static str]) -> Field {
    Field {
        secret: true,
        ..required(name, example, openclaw)
    }
}

impl Field {
    const fn optional(self) -> Self {
        Self {
            required: false,
            ..self
        }
    }

    const fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }
}

const fn official(
    package: &'static str,
    version: &'static str,
    id: &'static str,
    integrity: &'static str,
) -> Option<Plugin> {
    Some(Plugin {
        package,
        version,
        integrity,
        id,
        is_official: true,
    })
}

/// Every channel, in the order in which people are shown them.
pub const CHANNELS: &[ChannelType] = &[
    ChannelType {
        kind: "feishu",
        fields: &[
            required("appId", "cli_a1b2c3d4e5f6", &["accounts", "default", "appId"]).form(Form::Begins("cli_")),
            secret("appSecret", "the app's secret", &["accounts", "default", "appSecret"]),
            required("domain", "lark", &["accounts", "default", "domain"]).optional(),
        ],
        runtimes: UPSTREAM,
        plugin: official(
            "@openclaw/feishu",
            "2026.9.5",
            "feishu",
            "sha512-pDBgnlB81WlhFKQdtsX1txlrhULG3fVVu/v7Gae+ESothIqpjVidE9Wt7CM3Pd/eaKSFXmNIlROq+BIeSWkJnA==",
        ),
        has_key: true,
        called: Called::IfIs("connectionMode", "webhook"),
        remark: Remark::Nothing,
    },
    ChannelType {
        kind: "dingtalk",
        fields: &[
            // Of other kinds of apps it begins otherwise; a secret has 64 letters.
            required("clientId", "dinga1b2c3d4", &["clientId"]).form(Form::Id("ding", 40)),
            secret("clientSecret", "the app's secret", &["clientSecret"]),
        ],
        runtimes: UPSTREAM,
        plugin: Some(Plugin {
            package: "@openclaw-china/dingtalk",
            version: "0.1.19",
            integrity: "sha512-AhBQWlC6ozyabBMeAFncP8zGtK1UvR8Le7Lnl0rSdNnvuc7WW3OgcMakO3nBeyIpLfq8RnRZBIZEGC+muIlR0g==",
            id: "dingtalk",
            is_official: false,
        }),
        has_key: true,
        called: Called::Never,
        remark: Remark::Nothing,
    },
    ChannelType {
        kind: "wecom",
        fields: &[
            // `ww` and 16 digits; a secret has 43 letters, and some begin so, too.
            required("corpId", "ww1234567890abcdef", &["agent", "corpId"]).form(Form::Id("", 32)),
            required("agentId", "1000002", &["agent", "agentId"]).form(Form::Number),
            secret("secret", "the app's secret", &["agent", "corpSecret"]),
            secret("token", "the callback's token", &["agent", "token"]).optional(),
            secret(
                "encodingAESKey",
                "the callback's key, 43 letters",
                &["agent", "encodingAESKey"],
            )
            .optional(),
            required("botId", "aibot-1", &["botId"]).optional(),
            secret("botSecret", "the AI bot's secret", &["secret"]).optional(),
        ],
        runtimes: UPSTREAM,
        plugin: official(
            "@wecom/wecom-openclaw-plugin",
            "2026.7.2",
            "wecom-openclaw-plugin",
            "sha512-7kqdBIOF3SgDDoBoFtO6jxnxofbYSgbKdxZDNabD0y0jg2xKcVqlXZOOJ9+XQho/QOtIFrnRH2IRnPukFEYwJg==",
        ),
        has_key: true,
        called: Called::Never,
        remark: Remark::Without(
            // The plugin connects an account that has one pair or the other (its `accounts.js`).
            &[["token", "encodingAESKey"], ["botId", "botSecret"]],
            "nothing is received without token and encodingAESKey of the app's callback, or botId and botSecret of an AI bot",
        ),
    },
    ChannelType {
        kind: "telegram",
        fields: &[secret("botToken", "123456:ABC-DEF1234", &["botToken"])],
        runtimes: UPSTREAM,
        plugin: None,
        has_key: true,
        called: Called::IfSet("webhookUrl"),
        remark: Remark::Nothing,
    },
    ChannelType {
        kind: "discord",
        fields: &[secret("token", "the bot's token", &["token"])],
        runtimes: UPSTREAM,
        plugin: official(
            "@openclaw/discord",
            "2026.9.6",
            "discord",
            "sha512-EjlDGt3+bFDi1y62kPZpXuvITH7VOTXlEBhqpGDSqVfF7JgitYcfrH1X7fZMJ1VFURAljlhWDKBMt3VALlYPBQ==",
        ),
        has_key: true,
        called: Called::Never,
        remark: Remark::Nothing,
    },
    ChannelType {
        kind: "slack",
        fields: &[
            secret("botToken", "xoxb-1234", &["botToken"]).form(Form::Begins("xoxb-")),
            secret("appToken", "xapp-1234", &["appToken"]).form(Form::Begins("xapp-")),
        ],
        runtimes: UPSTREAM,
        plugin: official(
            "@openclaw/slack",
            "2026.9.6",
            "slack",
            "sha512-3+vRRyTYYdiuUPdPVZVTiPqpbWCjSzEyyCOe2xPpjX2AyLb1XZI/yhOsUFEAxoMyXFrmi4gEEOwXLGckOZV5Cg==",
        ),
        has_key: true,
        called: Called::IfIs("mode", "http"),
        remark: Remark::Nothing,
    },
    ChannelType {
        kind: "whatsapp",
        fields: &[],
        runtimes: UPSTREAM,
        plugin: official(
            "@openclaw/whatsapp",
            "2026.9.6",
            "whatsapp",
            "sha512-fil4GLL7zk1kHIj+xrUaoFQYI6Jkt0TvyHoI6OjZySl18LeEfIxRiRunOs4071UvWMAyOX0UbWnfQPyjMo0LRA==",
        ),
        has_key: true,
        called: Called::Never,
        remark: Remark::Always(
            "link a phone to it once it runs, with `openclaw channels login --channel whatsapp` in the instance",
        ),
    },
    // Both gateways serve a page of their own.
    ChannelType {
        kind: "webchat",
        fields: &[],
        runtimes: &[Runtime::Native, Runtime::Openclaw],
        plugin: None,
        has_key: false,
        called: Called::Always,
        remark: Remark::Nothing,
    },
];

/// The channel of this name.
pub fn find(kind: &str) -> Option<&'static ChannelType> {
    CHANNELS.iter().find(|channel| channel.kind == kind)
}

/// Whether its platform calls the gateway where this is its configuration. Of one that is not known it is not to be relied on.
pub fn is_called(kind: &str, config: &Value) -> bool {
    match find(kind).map(|channel| channel.called) {
        None | Some(Called::Never) => false,
        Some(Called::Always) => true,
        Some(Called::IfIs(key, value)) => config[key] == value,
        Some(Called::IfSet(key)) => config[key].is_string(),
    }
}

impl ChannelType {
    /// `it takes appId, appSecret, and may have domain`
    pub(super) fn takes(&self) -> String {
        let (needed, more): (Vec<&Field>, Vec<&Field>) = self.fields.iter().partition(|field| field.required);
        let names = |fields: &[&Field]| fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        match (needed.is_empty(), more.is_empty()) {
            (true, true) => "it takes no fields".to_owned(),
            (false, true) => format!("it takes {}", names(&needed)),
            (true, false) => format!("it may have {}", names(&more)),
            (false, false) => format!("it takes {}, and may have {}", names(&needed), names(&more)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_makes_sense() {
        let mut plugins = Vec::new();
        for channel in CHANNELS {
            let places: Vec<_> = channel.fields.iter().map(|field| field.openclaw).collect();
            for (index, field) in channel.fields.iter().enumerate() {
                assert!(
                    !field.openclaw.is_empty() && !places[..index].contains(&field.openclaw),
                    "{field:?}"
                );
                assert!(!field.example.is_empty());
                assert!(channel.fields.iter().filter(|other| other.name == field.name).count() == 1);
            }
            assert!(channel.has_key || channel.fields.is_empty());
            plugins.extend(channel.plugin);
        }
        for plugin in plugins {
            assert!(
                plugin.integrity.starts_with("sha512-") && plugin.integrity.len() == 95,
                "{plugin:?}"
            );
        }
    }
}
