//! Which templates there are, and the text of each: the operator's, in `<home>/templates/`, or the built-in one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use creel_config::{Environment, json5};
use creel_records::Runtime;
use serde::Serialize;

use crate::FleetError;
use crate::fill::{self, Braces, Hole, Value, Values};

/// A larger text is no template.
const MAX_TEMPLATE: u64 = 1 << 20;

/// A template: its path in `<home>/templates/` and the built-in text.
pub struct Template {
    pub path: &'static str,
    pub(super) builtin: &'static str,
    pub(super) form: Form,
}

/// What becomes of a template.
pub(super) enum Form {
    /// An instance's `openclaw.json`. What stands between quotes is quoted.
    Config(Runtime),
    /// Another file of an instance.
    Text,
    /// A file of `creel deploy render`, which knows what its places are.
    Deploy,
}

/// What an instance's files may say of it.
pub(super) const PLACES: [&str; 5] = ["id", "name", "runtime", "workspace", "created_at"];
/// Those of `openclaw.json`: what is rendered for an instance is the same every time.
const CONFIG_PLACES: &[&str] = PLACES.split_at(4).0;

pub(super) const NATIVE_CONFIG: Template = Template {
    path: "native/openclaw.json",
    builtin: include_str!("../../templates/native/openclaw.json"),
    form: Form::Config(Runtime::Native),
};
pub(super) const OPENCLAW_CONFIG: Template = Template {
    path: "openclaw/openclaw.json",
    builtin: include_str!("../../templates/openclaw/openclaw.json"),
    form: Form::Config(Runtime::Openclaw),
};
pub(super) const ENVIRONMENT: Template = Template {
    path: "instance.env",
    builtin: include_str!("../../templates/instance.env"),
    form: Form::Text,
};
pub(super) const IDENTITY: Template = Template {
    path: "IDENTITY.md",
    builtin: include_str!("../../templates/IDENTITY.md"),
    form: Form::Text,
};

macro_rules! deploy {
    ($directory:literal, $name:literal) => {
        Template {
            path: concat!("deploy/", $name),
            builtin: include_str!(concat!("../../../../deploy/", $directory, "/", $name)),
            form: Form::Deploy,
        }
    };
}

/// Every template, in the order of their paths.
pub const TEMPLATES: &[Template] = &[
    IDENTITY,
    deploy!("compose", "Dockerfile"),
    deploy!("compose", "compose.yaml"),
    deploy!("systemd", "creel-gateway.service"),
    deploy!("prometheus", "creel-rules.yml"),
    deploy!("nginx", "creel.conf"),
    deploy!("systemd", "creel.service"),
    deploy!("compose", "instance.yaml"),
    deploy!("compose", "instances.yaml"),
    deploy!("kubernetes", "kubernetes.yaml"),
    deploy!("prometheus", "prometheus.yml"),
    deploy!("railway", "railway.toml"),
    ENVIRONMENT,
    NATIVE_CONFIG,
    OPENCLAW_CONFIG,
];

/// A template as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub path: &'static str,
    /// Whether the operator's counts, not the built-in one.
    pub overridden: bool,
}

/// A template as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// What counts.
    pub content: String,
    pub builtin: &'static str,
    pub overridden: bool,
}

/// A template that cannot be used, and where. Displays as one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {path}:{line}:{column}: {message}")]
pub struct BrokenTemplate {
    pub path: &'static str,
    /// Counts from 1, likewise `column`.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// The template of this path.
pub fn find(path: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.path == path)
}

impl Template {
    /// The built-in text.
    #[must_use]
    pub fn builtin(&self) -> &'static str {
        self.builtin
    }

    /// The operator's text, if there is one.
    pub fn own(&self, templates: &Path) -> Result<Option<String>, FleetError> {
        let path = self.file(templates);
        let large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {MAX_TEMPLATE} bytes"));
        let read = || match fs::metadata(&path)?.len() {
            0..=MAX_TEMPLATE => fs::read_to_string(&path),
            _ => Err(large()),
        };
        match read() {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FleetError::file("read the template", path)(error)),
        }
    }

    pub(super) fn text(&self, templates: &Path) -> Result<String, FleetError> {
        Ok(self.own(templates)?.unwrap_or_else(|| self.builtin.to_owned()))
    }

    pub fn file(&self, templates: &Path) -> PathBuf {
        templates.join(self.path)
    }

    /// The text of an instance's file.
    pub(super) fn fill(&self, text: &str, values: &Values) -> Result<String, BrokenTemplate> {
        match &self.form {
            Form::Config(_) => {
                let quoted = config_values(values);
                let filled = fill::fill(text, &quoted, Braces::Ours).map_err(|hole| self.broken(hole))?;
                json5::parse(&filled).map_err(|error| BrokenTemplate {
                    path: self.path,
                    line: error.line,
                    column: fill::column_before(text, &quoted, error.line, error.column),
                    message: error.message,
                })?;
                Ok(filled)
            }
            Form::Text => fill::fill(text, values, Braces::Ours).map_err(|hole| self.broken(hole)),
            Form::Deploy => fill::fill(text, values, Braces::OfOthers).map_err(|hole| self.broken(hole)),
        }
    }

    /// Whether the text could be used: every place of it has a value, and what is made of it can be read.
    pub fn check(&self, text: &str) -> Result<(), BrokenTemplate> {
        let whole = |message: String| {
            self.broken(Hole {
                line: 1,
                column: 1,
                message,
            })
        };
        if text.len() as u64 > MAX_TEMPLATE {
            return Err(whole(format!("larger than {MAX_TEMPLATE} bytes")));
        }
        if let Some(missing) = self
            .required()
            .find(|name| !fill::names(text, self.braces()).any(|found| found == *name))
        {
            return Err(whole(format!(
                "{{{{{missing}}}}} is missing: nothing would be known of it"
            )));
        }
        let samples = |names: &[&'static str]| names.iter().map(|name| (*name, Value::one("sample"))).collect();
        match &self.form {
            Form::Config(runtime) => {
                let values: Values = samples(&PLACES);
                let filled = self.fill(text, &values)?;
                if *runtime == Runtime::Native {
                    creel_config::check(&filled, Path::new(self.path), &Referred(&filled)).map_err(|error| {
                        BrokenTemplate {
                            path: self.path,
                            line: error.line.unwrap_or(1),
                            column: error.column.unwrap_or(1),
                            message: error.message,
                        }
                    })?;
                }
                Ok(())
            }
            Form::Text => self.fill(text, &samples(&PLACES)).map(drop),
            Form::Deploy => {
                let known: Vec<&'static str> = fill::names(self.builtin, Braces::OfOthers).collect();
                self.fill(text, &samples(&known)).map(drop)
            }
        }
    }

    /// Places without which the file could not be of the instance.
    fn required(&self) -> impl Iterator<Item = &'static str> {
        let names: &'static [&'static str] = match self.form {
            // Upstream would keep its workspace where its own default says.
            Form::Config(Runtime::Openclaw) => &["workspace"],
            _ => &[],
        };
        names.iter().copied()
    }

    fn braces(&self) -> Braces {
        match self.form {
            Form::Deploy => Braces::OfOthers,
            Form::Config(_) | Form::Text => Braces::Ours,
        }
    }

    fn broken(&self, hole: Hole) -> BrokenTemplate {
        BrokenTemplate {
            path: self.path,
            line: hole.line,
            column: hole.column,
            message: hole.message,
        }
    }
}

/// As they stand between the quotes of a JSON string (which is also safe in a comment: no line break survives).
fn config_values(values: &Values) -> Values {
    let known = values.iter().filter(|(name, _)| CONFIG_PLACES.contains(name));
    let quoted = known.map(|(name, value)| match value {
        Value::One(text) => {
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            (*name, Value::one(&quoted[1..quoted.len() - 1]))
        }
        list => (*name, list.clone()),
    });
    quoted.collect()
}

/// The variables that a configuration refers to: an instance will have them, and nobody knows yet what they say.
struct Referred<'a>(&'a str);

impl Environment for Referred<'_> {
    fn var(&self, name: &str) -> Option<String> {
        let refers = name == "OPENCLAW_GATEWAY_TOKEN" || self.0.contains(&format!("${{{name}}}"));
        refers.then(|| "sample".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_can_be_used() {
        for template in TEMPLATES {
            template
                .check(template.builtin)
                .unwrap_or_else(|error| panic!("{error}"));
        }
        assert!(TEMPLATES.is_sorted_by_key(|template| template.path));
    }

    /// Model, scope of direct messages, WebSocket timeout, connections, heartbeat, rate limit, concurrency, browser, skills: as the file says
    /// it, or says where it is decided.
    #[test]
    fn what_an_operator_looks_for_is_in_every_file_of_an_instance() {
        let parts: [(&str, [&str; 9]); 3] = [
            (
                "native/openclaw.json",
                [
                    "agents: {",
                    "dmScope: \"per-peer\"",
                    "timeout: 3600000",
                    "maxConnections: 100",
                    "heartbeat: 30000",
                    "rateLimit: \"200/minute\"",
                    "concurrentConnections: 100",
                    "browser: { enabled: false }",
                    "skills: {}",
                ],
            ),
            (
                "openclaw/openclaw.json",
                [
                    "model: { primary:",
                    "dmScope: \"per-peer\"",
                    "WebSocket times",
                    "has no limit of connections",
                    "heartbeat are its own",
                    "rateLimit: { maxAttempts: 20",
                    "maxConcurrent: 8",
                    "browser: { enabled: false }",
                    "skills: { install:",
                ],
            ),
            (
                "deploy/railway.toml",
                [
                    "{{model}}",
                    "DM_SCOPE = \"per-peer\"",
                    "GATEWAY_WEBSOCKET_TIMEOUT = \"3600000\"",
                    "GATEWAY_WEBSOCKET_MAX_CONNECTIONS = \"100\"",
                    "GATEWAY_WEBSOCKET_HEARTBEAT = \"30000\"",
                    "GATEWAY_RATE_LIMIT = \"200/minute\"",
                    "GATEWAY_CONCURRENT_CONNECTIONS = \"100\"",
                    "OPENCLAW_BROWSER_ENABLED",
                    "OPENCLAW_SKILLS_AUTO_INSTALL",
                ],
            ),
        ];
        for (path, settings) in parts {
            let text = find(path).unwrap().builtin;
            for setting in settings {
                assert!(text.contains(setting), "{path}: {setting}");
            }
        }
        // On Kubernetes and by compose it is the instance's own file that says so.
        assert!(
            find("deploy/kubernetes.yaml")
                .unwrap()
                .builtin
                .contains("openclaw.json: |\n    {{config}}")
        );
        assert!(find("deploy/instance.yaml").unwrap().builtin.contains("{{volume}}"));
    }

    #[test]
    fn a_hole_is_named_with_its_place() {
        for (path, text, said) in [
            (
                "native/openclaw.json",
                "{\n  a: \"{{id}}\", b: {{nme}},\n}",
                "template native/openclaw.json:2:19: nothing is called {{nme}}; there are id, name, runtime, workspace",
            ),
            (
                "native/openclaw.json",
                "{\n  a: \"{{id}}\" b: 1,\n}",
                "template native/openclaw.json:2:15: ",
            ),
            (
                "native/openclaw.json",
                "{ gateway: { port: 0 } }",
                "template native/openclaw.json:1:20: ",
            ),
            (
                "native/openclaw.json",
                "// {{created_at}}\n{}",
                "template native/openclaw.json:1:4: nothing is called {{created_at}}",
            ),
            (
                "openclaw/openclaw.json",
                "{}",
                "template openclaw/openclaw.json:1:1: {{workspace}} is missing",
            ),
            (
                "IDENTITY.md",
                "You serve {{ Name }}.",
                "template IDENTITY.md:1:11: {{ Name }} is no place",
            ),
            ("instance.env", "# {{id", "template instance.env:1:3: {{id is no place"),
            (
                "deploy/creel.conf",
                "\nlisten {{prot}};",
                "template deploy/creel.conf:2:8: nothing is called {{prot}}",
            ),
        ] {
            let refused = find(path).unwrap().check(text).unwrap_err().to_string();
            assert!(refused.starts_with(said), "{refused}");
        }
        let refers = "{ gateway: { auth: { token: \"${OWN}\" } }, x: \"{{id}}\" }";
        find("native/openclaw.json").unwrap().check(refers).unwrap();
    }
}
