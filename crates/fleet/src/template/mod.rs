//! The files a new instance gets, from templates that an operator can override in `<home>/templates/`.
//!
//! A template is a text with `{{name}}` places ([`crate::fill`]). One with a hole is refused before anything is made.

mod adopt;
mod base;
mod catalogue;
mod diff;
mod draft;
mod merge;
mod railway;
mod veil;

use std::path::Path;

use creel_config::json5;
use creel_records::{Channel, InstanceRecord, Runtime};
use serde_json::json;

pub use self::adopt::{Changed, adopt};
pub use self::base::{recall, remember};
pub use self::catalogue::{BrokenTemplate, Listed, Shown, TEMPLATES, Template, find};
use self::catalogue::{ENVIRONMENT, IDENTITY, NATIVE_CONFIG, OPENCLAW_CONFIG};
pub use self::diff::{Conflict, conflicts, unified};
pub use self::draft::{Draft, Drafted};
pub use self::merge::{Merged, Side, Texts, merge};
pub use self::railway::RailwayFile;
pub use self::veil::Veil;
use crate::directory::{CONFIG, ENV_FILE, InstanceDirectory};
use crate::environment::MAX_ENV_FILE;
use crate::fill::{Value, Values};
use crate::instance::to_rfc3339;
use crate::{FleetError, channel};

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
    let places = places(workspace, record.into());
    let write = |path: &str, text: String| directory.write_missing(path, &text).map_err(in_directory(path));

    let added: String = variables
        .iter()
        .map(|(name, value)| crate::environment::line(name, value))
        .collect();
    let environment = ENVIRONMENT.fill(&ENVIRONMENT.text(templates)?, &places)?;
    let description = IDENTITY.fill(&IDENTITY.text(templates)?, &places)?;
    let config = config(templates, workspace, record.into())?;
    let made = write(ENV_FILE, environment + &added)?;
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
    if write(CONFIG, config.clone())? {
        remember(directory, &config)?;
    }
    if record.runtime == Runtime::Native {
        directory
            .make_directory("data/workspace/agent")
            .map_err(in_directory("data/workspace/agent"))?;
    }
    write(identity(record.runtime), description)?;
    Ok(())
}

/// Where the model of an instance stands in its `openclaw.json`.
const MODEL: [&str; 4] = ["agents", "defaults", "model", "primary"];

/// What of an instance its files say.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub runtime: Runtime,
    pub channels: &'a [Channel],
    pub model: Option<&'a str>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
}

impl<'a> From<&'a InstanceRecord> for Subject<'a> {
    fn from(record: &'a InstanceRecord) -> Self {
        Self {
            id: &record.id,
            name: &record.name,
            runtime: record.runtime,
            channels: &record.channels,
            model: record.model.as_deref(),
            created_at: record.created_at,
        }
    }
}

/// The configuration with the model and the channels that were asked for.
fn asked_for(mut text: String, subject: Subject<'_>, model_path: &[&str]) -> Result<String, json5::EditError> {
    if let Some(model) = subject.model {
        text = json5::set(&text, model_path, &json!(model))?;
    }
    let mut channels = subject.channels.iter();
    channels.try_fold(text, |text, one| channel::configure(text, subject.runtime, one))
}

/// Where the assistant's description is, relative to the directory.
fn identity(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Native => "data/workspace/agent/IDENTITY.md",
        // Upstream keeps the files of its workspace at the top.
        Runtime::Openclaw => "data/workspace/IDENTITY.md",
    }
}

/// What the templates make of an instance's `openclaw.json` now.
pub fn config(templates: &Path, workspace: &Path, subject: Subject<'_>) -> Result<String, FleetError> {
    let template = match subject.runtime {
        Runtime::Native => &NATIVE_CONFIG,
        Runtime::Openclaw => &OPENCLAW_CONFIG,
    };
    let text = template.fill(&template.text(templates)?, &places(workspace, subject))?;
    asked_for(text, subject, &MODEL).map_err(|error| {
        let reason = format!("{} has no room for what was asked for: {error}", template.path);
        FleetError::invalid("template", reason)
    })
}

fn places(workspace: &Path, subject: Subject<'_>) -> Values {
    vec![
        ("id", Value::one(subject.id)),
        ("name", Value::one(subject.name)),
        ("runtime", Value::one(subject.runtime)),
        ("workspace", Value::one(workspace.display())),
        ("created_at", Value::One(to_rfc3339(subject.created_at))),
    ]
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use creel_records::{Desired, Driver, Idle, Status};

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
            "{id: \"{{id}}\", n: \"{{name}}\"}",
        )
        .unwrap();
        let (_dir, directory) = made(Runtime::Native, templates.path());
        let config = json5::parse(&fs::read_to_string(directory.config()).unwrap())
            .unwrap()
            .to_json();
        assert_eq!(
            (&config["id"], &config["n"]),
            (&json!("alice"), &json!("Alice \"\n} 张"))
        );
    }
}
