//! A new instance on the data that was kept of an earlier one: what it was asked to be goes over what is there.

use std::io;
use std::path::Path;

use creel_config::{ConfigError, json5};
use creel_records::InstanceRecord;

use super::{IDENTITY, MODEL, asked_for, identity, places};
use crate::FleetError;
use crate::directory::{CONFIG, InstanceDirectory};
use crate::fleet::MAX_CONFIG;

/// Files whose text was changed, with the one before.
#[derive(Default)]
pub struct Changed(Vec<(&'static str, String)>);

impl Changed {
    fn replace(
        &mut self,
        directory: &InstanceDirectory,
        path: &'static str,
        before: String,
        text: &str,
    ) -> Result<(), FleetError> {
        if text != before {
            let written = directory.replace(path, text);
            written.map_err(FleetError::file("write", directory.root().join(path)))?;
            self.0.push((path, before));
        }
        Ok(())
    }

    /// Puts the texts back.
    pub fn undo(&self, directory: &InstanceDirectory) -> io::Result<()> {
        self.0
            .iter()
            .rev()
            .try_for_each(|(path, before)| directory.replace(path, before))
    }
}

/// Lays what a new instance was asked to be over the data that was kept of an earlier one. What the person wrote stays: only the
/// model and the channels that were named are put into `openclaw.json`, and the name into a text that is still the template's.
pub fn adopt(
    templates: &Path,
    directory: &InstanceDirectory,
    record: &InstanceRecord,
    renamed: bool,
) -> Result<Changed, FleetError> {
    let mut changed = Changed::default();
    let read = |path: &'static str| {
        let text = directory.read(path, MAX_CONFIG);
        text.map_err(FleetError::file("read", directory.root().join(path)))
    };
    let description = if renamed {
        let template = IDENTITY.text(templates)?;
        let text = IDENTITY.fill(&template, &places(&directory.workspace(), record.into()))?;
        read(identity(record.runtime))?
            .filter(|before| is_of(&template, before))
            .map(|before| (before, text))
    } else {
        None
    };
    let asks = record.model.is_some() || !record.channels.is_empty();
    if asks && let Some(before) = read(CONFIG)? {
        let text = over(&before, directory, record)?;
        changed.replace(directory, CONFIG, before, &text)?;
    }
    if let Some((before, text)) = description {
        let written = changed.replace(directory, identity(record.runtime), before, &text);
        if let Err(error) = written {
            let _ = changed.undo(directory);
            return Err(error);
        }
    }
    Ok(changed)
}

/// Whether the text is the template's yet, whatever the name in it.
fn is_of(template: &str, text: &str) -> bool {
    template.split_once("{{name}}").is_some_and(|(head, tail)| {
        text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail)
    })
}

fn over(before: &str, directory: &InstanceDirectory, record: &InstanceRecord) -> Result<String, FleetError> {
    let root = json5::parse(before).map_err(|error| ConfigError::syntax(&directory.config(), error))?;
    // Where the model is written as a text alone, it stays one.
    let model = root.get(&MODEL[..3]);
    let is_text = model.is_some_and(|model| model.as_str().is_some());
    let path = if is_text { &MODEL[..3] } else { &MODEL };
    asked_for(before.to_owned(), record.into(), path)
        .map_err(|error| FleetError::invalid("keep_data", format!("{CONFIG}: {error}")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use creel_records::{Channel, Runtime};

    use super::super::tests::{made, record};
    use super::*;

    #[test]
    fn what_is_asked_for_goes_over_what_was_kept_and_can_be_undone() {
        let (_dir, directory) = made(Runtime::Native, Path::new("/nonexistent"));
        let kept = "// mine\n{ agents: { defaults: { model: 'old/m' } }, channels: { slack: { x: 1 } } }\n";
        fs::write(directory.config(), kept).unwrap();
        let identity = directory.workspace().join("agent/IDENTITY.md");
        let before = fs::read_to_string(&identity).unwrap();
        let asked = InstanceRecord {
            name: "Bob".into(),
            model: Some("new/m".into()),
            channels: vec![Channel {
                kind: "telegram".into(),
                config: serde_json::json!({"botToken": "${T}"}),
            }],
            ..record(Runtime::Native)
        };
        let changed = adopt(Path::new("/nonexistent"), &directory, &asked, true).unwrap();
        let text = fs::read_to_string(directory.config()).unwrap();
        let config = json5::parse(&text).unwrap().to_json();
        assert_eq!(config["agents"]["defaults"]["model"], "new/m");
        assert_eq!(config["channels"]["telegram"]["botToken"], "${T}");
        assert!(
            text.starts_with("// mine") && config["channels"]["slack"]["x"] == 1,
            "{text}"
        );
        assert!(fs::read_to_string(&identity).unwrap().contains("of Bob."));
        changed.undo(&directory).unwrap();
        assert_eq!(fs::read_to_string(directory.config()).unwrap(), kept);
        assert_eq!(fs::read_to_string(&identity).unwrap(), before);
    }

    #[test]
    fn what_a_person_wrote_stays() {
        let (_dir, directory) = made(Runtime::Native, Path::new("/nonexistent"));
        let identity = directory.workspace().join("agent/IDENTITY.md");
        fs::write(&identity, "You are a pirate.").unwrap();
        fs::write(directory.config(), "{ broken").unwrap();
        let asked = InstanceRecord {
            name: "Bob".into(),
            model: None,
            channels: vec![],
            ..record(Runtime::Native)
        };
        adopt(Path::new("/nonexistent"), &directory, &asked, true).unwrap();
        assert_eq!(fs::read_to_string(&identity).unwrap(), "You are a pirate.");
        let asked = record(Runtime::Native);
        let refused = adopt(Path::new("/nonexistent"), &directory, &asked, true).map(drop);
        assert!(
            matches!(refused, Err(FleetError::Config(ConfigError { line: Some(1), .. }))),
            "{refused:?}"
        );
        assert_eq!(fs::read_to_string(directory.config()).unwrap(), "{ broken");
    }
}
