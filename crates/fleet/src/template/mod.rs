//! The files a new instance gets, from templates that an operator can override in `<home>/templates/`.
//!
//! A template is a text with `{{name}}` places. Embedded ones apply where there is no file of the same name.

mod adopt;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use creel_config::json5;
use creel_records::{InstanceRecord, Runtime};
use serde_json::json;

pub use self::adopt::{Changed, adopt};
use crate::directory::{CONFIG, ENV_FILE, InstanceDirectory};
use crate::environment::MAX_ENV_FILE;
use crate::instance::to_rfc3339;
use crate::{FleetError, channel};

/// A template: its path in `<home>/templates/` and the embedded text.
struct Template {
    path: &'static str,
    embedded: &'static str,
}

const NATIVE_CONFIG: Template = Template {
    path: "native/openclaw.json",
    embedded: include_str!("../../templates/native/openclaw.json"),
};
const OPENCLAW_CONFIG: Template = Template {
    path: "openclaw/openclaw.json",
    embedded: include_str!("../../templates/openclaw/openclaw.json"),
};
const ENVIRONMENT: Template = Template {
    path: "instance.env",
    embedded: include_str!("../../templates/instance.env"),
};
const IDENTITY: Template = Template {
    path: "IDENTITY.md",
    embedded: include_str!("../../templates/IDENTITY.md"),
};

/// Makes every file and directory of an instance that is missing in `directory`; overwrites nothing. `variables` are added to
/// `instance.env`. `workspace` is the absolute path by which the instance will know its workspace.
pub fn make_missing(
    templates: &Path,
    directory: &InstanceDirectory,
    workspace: &Path,
    record: &InstanceRecord,
    variables: &[(String, String)],
) -> Result<(), FleetError> {
    let in_directory = |path: &str| FleetError::file("write", directory.root().join(path));
    for path in [
        "data/workspace/memory",
        "data/workspace/sessions",
        "logs",
        "home",
        "tmp",
    ] {
        directory.make_directory(path).map_err(in_directory(path))?;
    }
    let places = places(workspace, record);
    let write = |path: &str, text: String| directory.write_missing(path, &text).map_err(in_directory(path));

    let added: String = variables
        .iter()
        .map(|(name, value)| crate::environment::line(name, value))
        .collect();
    let made = write(ENV_FILE, fill(&ENVIRONMENT.text(templates)?, &places) + &added)?;
    if !made && !added.is_empty() {
        // Data kept from an earlier instance of this name: of two lines for one name the later counts.
        let kept = directory
            .read(ENV_FILE, MAX_ENV_FILE)
            .map_err(in_directory(ENV_FILE))?
            .unwrap_or_default();
        directory
            .replace(ENV_FILE, &format!("{}\n{added}", kept.trim_end()))
            .map_err(in_directory(ENV_FILE))?;
    }
    write(CONFIG, config(templates, record, &places)?)?;
    if record.runtime == Runtime::Native {
        directory
            .make_directory("data/workspace/agent")
            .map_err(in_directory("data/workspace/agent"))?;
    }
    write(identity(record.runtime), fill(&IDENTITY.text(templates)?, &places))?;
    Ok(())
}

/// Where the model of an instance stands in its `openclaw.json`.
const MODEL: [&str; 4] = ["agents", "defaults", "model", "primary"];

/// The configuration with the model and the channels that were asked for.
fn asked_for(mut text: String, record: &InstanceRecord, model_path: &[&str]) -> Result<String, json5::EditError> {
    if let Some(model) = &record.model {
        text = json5::set(&text, model_path, &json!(model))?;
    }
    let channels = record.channels.iter();
    for configured in channels.filter(|channel| channel::in_config(record.runtime, channel)) {
        text = json5::set(&text, &["channels", &configured.kind], &channel::config(configured))?;
    }
    Ok(text)
}

/// Where the assistant's description is, relative to the directory.
fn identity(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Native => "data/workspace/agent/IDENTITY.md",
        // Upstream keeps the files of its workspace at the top.
        Runtime::Openclaw => "data/workspace/IDENTITY.md",
    }
}

fn config(templates: &Path, record: &InstanceRecord, places: &Places) -> Result<String, FleetError> {
    let template = match record.runtime {
        Runtime::Native => &NATIVE_CONFIG,
        Runtime::Openclaw => &OPENCLAW_CONFIG,
    };
    let quoted = places
        .iter()
        .map(|(name, value)| (*name, in_json_string(value)))
        .collect();
    asked_for(fill(&template.text(templates)?, &quoted), record, &MODEL)
        .map_err(|error| FleetError::invalid("template", format!("{} cannot be filled in: {error}", template.path)))
}

type Places = BTreeMap<&'static str, String>;

fn places(workspace: &Path, record: &InstanceRecord) -> Places {
    [
        ("id", record.id.clone()),
        ("name", record.name.clone()),
        ("runtime", record.runtime.to_string()),
        ("created_at", to_rfc3339(record.created_at)),
        ("workspace", workspace.display().to_string()),
    ]
    .into()
}

impl Template {
    fn text(&self, templates: &Path) -> Result<String, FleetError> {
        let path = templates.join(self.path);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.embedded.to_owned()),
            Err(error) => Err(FleetError::file("read the template", path)(error)),
        }
    }
}

/// Puts values into their places; a place nobody knows stays as it is.
fn fill(template: &str, places: &Places) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        match after
            .split_once("}}")
            .and_then(|(name, after)| Some((places.get(name.trim())?, after)))
        {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push_str("{{");
                rest = after;
            }
        }
    }
    text + rest
}

/// As it stands between the quotes of a JSON string (which is also safe in a comment: no line break survives).
fn in_json_string(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use creel_records::{Channel, Desired, Driver, Idle, Status};

    use super::*;

    pub fn record(runtime: Runtime) -> InstanceRecord {
        InstanceRecord {
            id: "alice".into(),
            name: "Alice \"\n} 张".into(),
            runtime,
            driver: Driver::Process,
            channels: vec![Channel {
                kind: "telegram".into(),
                config: json!({"botToken": "${TELEGRAM_BOT_TOKEN}"}),
            }],
            model: Some("corp/m1".into()),
            port: 18789,
            port_fixed: false,
            version: None,
            memory_bytes: None,
            cpus: None,
            idle: Idle::Always,
            desired: Desired::Running,
            status: Status::Created,
            error: None,
            pid: None,
            pid_started: None,
            external_id: None,
            image: None,
            token_sha256: [0; 32],
            token_sealed: vec![],
            created_at: 1_700_000_000_000,
            updated_at: 1_700_000_000_000,
        }
    }

    pub fn made(runtime: Runtime, templates: &Path) -> (tempfile::TempDir, InstanceDirectory) {
        let dir = tempfile::tempdir().unwrap();
        let directory = InstanceDirectory::new(dir.path().join("alice"));
        make_missing(
            templates,
            &directory,
            &directory.workspace(),
            &record(runtime),
            &[("A".into(), "x y".into())],
        )
        .unwrap();
        (dir, directory)
    }

    #[test]
    fn both_templates_are_json5_and_take_model_and_channel() {
        for runtime in [Runtime::Native, Runtime::Openclaw] {
            let (_dir, directory) = made(runtime, Path::new("/nonexistent"));
            let text = fs::read_to_string(directory.config()).unwrap();
            let config = json5::parse(&text).unwrap().to_json();
            assert_eq!(config["agents"]["defaults"]["model"]["primary"], "corp/m1");
            assert_eq!(config["channels"]["telegram"]["botToken"], "${TELEGRAM_BOT_TOKEN}");
            assert!(text.contains("instance \"alice\""), "comments are kept");
        }
    }

    #[test]
    fn the_native_template_loads_and_warns_of_its_channel_alone() {
        let (_dir, directory) = made(Runtime::Native, Path::new("/nonexistent"));
        let env: BTreeMap<&str, &str> = [
            ("TELEGRAM_BOT_TOKEN", "x"),
            ("OPENCLAW_GATEWAY_TOKEN", "t"),
            ("OPENAI_API_KEY", "k"),
        ]
        .into();
        let text = fs::read_to_string(directory.config()).unwrap();
        let text = text.replace("corp/m1", "openai/gpt-4o-mini");
        let loaded = creel_config::check(&text, &directory.config(), &env).unwrap();
        let [warning] = loaded.warnings.as_slice() else {
            panic!("{:?}", loaded.warnings);
        };
        assert!(warning.message.contains("`channels.telegram`"), "{warning}");
    }

    #[test]
    fn nothing_is_overwritten_and_what_is_missing_comes_back() {
        let (_dir, directory) = made(Runtime::Native, Path::new("/nonexistent"));
        fs::write(directory.config(), "{mine: true}").unwrap();
        fs::remove_file(directory.workspace().join("agent/IDENTITY.md")).unwrap();
        let workspace = directory.workspace();
        let variables = [("A".into(), "new".into())];
        make_missing(
            Path::new("/nonexistent"),
            &directory,
            &workspace,
            &record(Runtime::Native),
            &variables,
        )
        .unwrap();
        assert_eq!(fs::read_to_string(directory.config()).unwrap(), "{mine: true}");
        assert!(
            fs::read_to_string(directory.workspace().join("agent/IDENTITY.md"))
                .unwrap()
                .contains("张")
        );
        let environment = fs::read_to_string(directory.env_file()).unwrap();
        assert!(environment.ends_with("\nA=\"x y\"\nA=new\n"), "{environment}");
    }

    #[test]
    fn an_operator_overrides_a_template() {
        let templates = tempfile::tempdir().unwrap();
        fs::create_dir(templates.path().join("native")).unwrap();
        fs::write(
            templates.path().join("native/openclaw.json"),
            "{id: \"{{id}}\", n: \"{{name}}\", x: \"{{y}}\"}",
        )
        .unwrap();
        let (_dir, directory) = made(Runtime::Native, templates.path());
        let config = json5::parse(&fs::read_to_string(directory.config()).unwrap())
            .unwrap()
            .to_json();
        assert_eq!(
            (&config["id"], &config["n"], &config["x"]),
            (&json!("alice"), &json!("Alice \"\n} 张"), &json!("{{y}}"))
        );
    }
}
