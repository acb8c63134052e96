//! The templates of the home, and bringing what changed in them to instances that are there already.

use std::fs;
use std::io;

use creel_config::{ConfigError, Warning, json5};

use super::{Fleet, MAX_CONFIG};
use crate::actor::Command;
use crate::directory::CONFIG;
use crate::template::{self, Conflict, Listed, Shown, Side, TEMPLATES, Template, Texts, Veil};
use crate::{ConfigVersion, FleetError, InstanceId, write_private};

/// What a sync would make of an instance's `openclaw.json`. Nothing in here is secret.
#[derive(Debug, Clone)]
pub struct ConfigDiff {
    /// Of the text that is there now.
    pub version: ConfigVersion,
    pub changed: bool,
    /// Unified, empty where nothing changes.
    pub diff: String,
    /// The text after.
    pub content: String,
    /// What the person and the template changed differently; the person's counts in `content`.
    pub conflicts: Vec<Conflict>,
}

/// What becomes of values that a person and the template changed differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conflicts {
    /// Nothing is changed then.
    #[default]
    Refuse,
    /// The person's stay.
    Keep,
    /// The template's are taken.
    Template,
}

/// What a sync did.
#[derive(Debug, Clone)]
pub struct Synced {
    pub changed: bool,
    pub warnings: Vec<Warning>,
}

/// The present text, what the template makes of it, and what the template says by itself.
struct Step {
    present: String,
    merged: template::Merged,
    template: String,
}

impl Fleet {
    /// Every template, by path.
    #[must_use]
    pub fn templates(&self) -> Vec<Listed> {
        let directory = self.shared.home.templates_dir();
        let listed = TEMPLATES.iter().map(|template| Listed {
            path: template.path,
            overridden: template.file(&directory).exists(),
        });
        listed.collect()
    }

    /// # Errors
    /// [`FleetError::NoTemplate`], [`FleetError::File`].
    pub fn template(&self, path: &str) -> Result<Shown, FleetError> {
        let template = known(path)?;
        let own = template.own(&self.shared.home.templates_dir())?;
        Ok(Shown {
            overridden: own.is_some(),
            content: own.unwrap_or_else(|| template.builtin().to_owned()),
            builtin: template.builtin(),
        })
    }

    /// Puts the operator's text in the place of the built-in one; new instances are made from it, those that are there when they are
    /// synced. With `read`, only while the text is one of those.
    ///
    /// # Errors
    /// [`FleetError::Template`] with line and column if it could not be used, [`FleetError::TemplateChanged`] (nothing is changed then).
    pub fn set_template(&self, path: &str, text: &str, read: Option<&[ConfigVersion]>) -> Result<Shown, FleetError> {
        let template = known(path)?;
        template.check(text)?;
        let _alone = self.shared.templates.lock().expect("no holder panics");
        self.must_be_read(path, read)?;
        let file = template.file(&self.shared.home.templates_dir());
        let made = file.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| write_private(&file, text.as_bytes()))
            .map_err(FleetError::file("write the template", file))?;
        self.template(path)
    }

    /// Deletes the operator's text: the built-in one counts again.
    ///
    /// # Errors
    /// [`FleetError::NoTemplate`], [`FleetError::File`].
    pub fn reset_template(&self, path: &str) -> Result<Shown, FleetError> {
        let file = known(path)?.file(&self.shared.home.templates_dir());
        let _alone = self.shared.templates.lock().expect("no holder panics");
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FleetError::file("delete the template", file)(error))
            }
            _ => self.template(path),
        }
    }

    fn must_be_read(&self, path: &str, read: Option<&[ConfigVersion]>) -> Result<(), FleetError> {
        let Some(read) = read else { return Ok(()) };
        match read.contains(&ConfigVersion::of(&self.template(path)?.content)) {
            true => Ok(()),
            false => Err(FleetError::TemplateChanged(path.to_owned())),
        }
    }

    /// What the templates, as they are now, would change of an instance's `openclaw.json`.
    ///
    /// # Errors
    /// [`FleetError::NotFound`], [`FleetError::Template`], [`FleetError::Config`] if the present text is broken.
    pub async fn config_diff(&self, id: &InstanceId) -> Result<ConfigDiff, FleetError> {
        let step = self.merged(id, Side::Person).await?;
        let mut veil = Veil::default();
        let (before, after) = (veil.over(&step.present), veil.over(&step.merged.text));
        let changed = step.merged.text != step.present;
        Ok(ConfigDiff {
            version: ConfigVersion::of(&step.present),
            changed,
            diff: if changed {
                template::unified(&before, &after)
            } else {
                String::new()
            },
            content: after,
            conflicts: template::conflicts(&step.present, &step.merged.conflicts),
        })
    }

    /// Changes it so. With `read`, only while the text is one of those.
    ///
    /// # Errors
    /// As [`Fleet::config_diff`], and [`FleetError::Conflicts`] where these are to be refused, [`FleetError::Changed`]. Nothing is
    /// changed then.
    pub async fn sync_config(
        &self,
        id: &InstanceId,
        read: Option<Vec<ConfigVersion>>,
        conflicts: Conflicts,
    ) -> Result<Synced, FleetError> {
        let side = match conflicts {
            Conflicts::Refuse | Conflicts::Keep => Side::Person,
            Conflicts::Template => Side::Template,
        };
        let Step {
            present,
            merged,
            template,
        } = self.merged(id, side).await?;
        let version = ConfigVersion::of(&present);
        if read.is_some_and(|read| !read.contains(&version)) {
            return Err(FleetError::Changed(id.clone()));
        }
        if conflicts == Conflicts::Refuse && !merged.conflicts.is_empty() {
            return Err(FleetError::Conflicts {
                id: id.clone(),
                paths: merged.conflicts.iter().map(|path| path.join(".")).collect(),
            });
        }
        let warnings = self.check_config(id, &merged.text)?;
        let changed = merged.text != present;
        self.ask(id, |done| Command::SetConfig {
            text: merged.text,
            read: Some(vec![version]),
            template: Some(template),
            done,
        })
        .await?;
        Ok(Synced { changed, warnings })
    }

    async fn merged(&self, id: &InstanceId, side: Side) -> Result<Step, FleetError> {
        let directory = self.directory(id)?;
        let record = self.shared.records.instance(id.as_str()).await?;
        let record = record.ok_or_else(|| FleetError::NotFound(id.clone()))?;
        let templates = self.shared.home.templates_dir();
        let id = id.clone();
        // Aside: an instance may have made its file as long as it likes.
        let work = tokio::task::spawn_blocking(move || {
            let path = directory.config();
            let present = directory
                .read(CONFIG, MAX_CONFIG)
                .map_err(FleetError::file("read", &path))?;
            let present = present.ok_or_else(|| FleetError::file("read", &path)(io::ErrorKind::NotFound.into()))?;
            let template = template::config(&templates, &directory.workspace(), (&record).into())?;
            let base = template::recall(&directory)?;
            let texts = Texts {
                base: base.as_deref(),
                present: &present,
                template: &template,
            };
            let merged = template::merge(texts, side).map_err(|error| match error {
                json5::EditError::Syntax(error) => FleetError::Config(ConfigError {
                    path,
                    line: Some(error.line),
                    column: Some(error.column),
                    message: error.message,
                }),
                error => FleetError::Config(ConfigError::general(&path, error.to_string())),
            })?;
            Ok(Step {
                present,
                merged,
                template,
            })
        });
        work.await.unwrap_or(Err(FleetError::NotFound(id)))
    }
}

fn known(path: &str) -> Result<&'static Template, FleetError> {
    template::find(path).ok_or_else(|| FleetError::NoTemplate {
        path: path.to_owned(),
        known: TEMPLATES.iter().map(|template| template.path).collect(),
    })
}
