//! `railway.toml` of one instance: for the driver, and for `creel deploy render railway`.

use std::path::Path;

use creel_records::{Channel, Runtime};

use super::find;
use crate::channel::{self, CHANNELS};
use crate::fill::{Value, Values};
use crate::{FleetError, InstanceId};

/// Its template, in the operator's directory of templates.
const PATH: &str = "deploy/railway.toml";

/// What the file says of an instance.
pub struct RailwayFile<'a> {
    pub id: &'a InstanceId,
    pub runtime: Runtime,
    pub channels: &'a [Channel],
    pub model: Option<&'a str>,
    pub timezone: &'a str,
    /// What Railway builds, relative to the directory that is sent to it.
    pub dockerfile: &'a str,
    /// A shell script in the image of upstream that is run before its gateway.
    pub first: Option<&'a str>,
    /// Names of the variables that are secret.
    pub secrets: &'a [String],
}

impl RailwayFile<'_> {
    /// With the operator's template in this directory over the built-in one.
    ///
    /// # Errors
    /// [`FleetError::Template`] if it has a hole.
    pub fn render(&self, templates: &Path) -> Result<String, FleetError> {
        let Some(template) = find(PATH) else {
            return Err(FleetError::invalid("template", format!("this creel has no {PATH}")));
        };
        Ok(template.fill(&template.text(templates)?, &self.values())?)
    }

    fn values(&self) -> Values {
        let switches = CHANNELS.iter().filter(|channel| !channel.fields.is_empty());
        let switches = switches.map(|channel| {
            let is_on = self.channels.iter().any(|own| own.kind == channel.kind);
            format!("{}_ENABLED = \"{is_on}\"", channel.kind.to_ascii_uppercase())
        });
        let model = self.model.iter().map(|model| format!("MODEL_NAME = \"{model}\""));
        let secrets = self.secrets.iter().map(|name| format!("#   {name}"));
        vec![
            ("id", Value::one(self.id)),
            ("name", Value::One(channel::name_of(self.id, self.channels))),
            ("secrets", Value::Each(secrets.collect())),
            ("dockerfile", Value::one(self.dockerfile)),
            ("start_command", Value::One(self.start_command())),
            ("timezone", Value::one(self.timezone)),
            ("model", Value::Each(model.collect())),
            ("channels", Value::Each(switches.collect())),
        ]
    }

    fn start_command(&self) -> String {
        match self.runtime {
            Runtime::Native => "creel gateway run --auth token --bind lan --port 8080".to_owned(),
            // A shell, because Railway hands the command of an image on as it stands.
            Runtime::Openclaw => {
                let first = self.first.map(|script| format!("sh {script} && ")).unwrap_or_default();
                format!(
                    "bash -c '{first}node dist/index.js gateway --allow-unconfigured --auth token --bind lan --port ${{PORT:-8080}}'"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_of_upstream_comes_after_its_script() {
        let id = InstanceId::new("a").unwrap();
        let channels = [Channel {
            kind: "feishu".to_owned(),
            config: serde_json::json!({}),
        }];
        let secrets = ["FEISHU_APP_SECRET".to_owned()];
        let file = |runtime, first| RailwayFile {
            id: &id,
            runtime,
            channels: &channels,
            model: Some("x/y"),
            timezone: "UTC",
            dockerfile: "Dockerfile.railway",
            first,
            secrets: &secrets,
        };
        let none = Path::new("/nonexistent");
        let text = file(Runtime::Openclaw, Some("/x/plugins.sh")).render(none).unwrap();
        assert!(
            text.contains("\"bash -c 'sh /x/plugins.sh && node dist/index.js gateway "),
            "{text}"
        );
        let text = file(Runtime::Native, None).render(none).unwrap();
        assert!(
            text.contains("startCommand = \"creel gateway run --auth token"),
            "{text}"
        );
        for line in [
            "# openclaw-a-feishu on Railway",
            "FEISHU_ENABLED = \"true\"",
            "DINGTALK_ENABLED = \"false\"",
            "MODEL_NAME = \"x/y\"",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
