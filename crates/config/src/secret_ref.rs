//! Secrets that the file only points to: `{source: "env" | "file", provider, id}` (upstream:
//! docs/gateway/config-secrets-env, "SecretRef").

use std::io;

use crate::file;
use crate::json5::{Node, Value, parse};
use crate::section::Section;
use crate::{ConfigError, Secret};

/// A file of secrets larger than this is none.
const MAX_FILE: u64 = 1024 * 1024;

impl Section<'_> {
    /// The secret that `node` is or points to.
    pub(crate) fn secret_of(&self, node: &Node, path: &str) -> Result<Secret, ConfigError> {
        match &node.value {
            Value::String(_) => self.text(node, path).map(Secret::from),
            Value::Object(_) => self.follow(node, path),
            _ => Err(self.mismatch(node, path, "a text, or a reference {source, provider, id}")),
        }
    }

    fn follow(&self, node: &Node, path: &str) -> Result<Secret, ConfigError> {
        let text = |key: &str| node.get(&[key]).and_then(Node::as_str);
        let fail = |message: String| self.error_at(node, format!("`{path}` {message}"));
        let (Some(source), Some(id)) = (text("source"), text("id")) else {
            return Err(fail(
                "must be a text, or a reference with source, provider and id".to_owned(),
            ));
        };
        match source {
            "env" => self
                .source
                .env
                .var(id)
                .filter(|value| !value.trim().is_empty())
                .map(Secret::from)
                .ok_or_else(|| fail(format!("needs the environment variable {id}, which is not set"))),
            "file" => self.read_from_file(text("provider"), id).map_err(fail),
            "exec" | "store" => Err(fail(format!(
                "uses a secret of the source \"{source}\", which the native runtime does not have; use \"env\" or \"file\""
            ))),
            other => Err(fail(format!(
                "has the unknown source {other:?}; use \"env\" or \"file\""
            ))),
        }
    }

    /// A secret in a file that `secrets.providers` names. Messages never carry what is in it.
    fn read_from_file(&self, provider: Option<&str>, id: &str) -> Result<Secret, String> {
        let root = self.source.root;
        let default = root.get(&["secrets", "defaults", "file"]).and_then(Node::as_str);
        let name = provider
            .filter(|name| *name != "default")
            .or(default)
            .unwrap_or("default");
        let Some(definition) = root.get(&["secrets", "providers", name]) else {
            return Err(format!(
                "names the secret provider {name:?}, which `secrets.providers` does not define"
            ));
        };
        let key = format!("secrets.providers.{name}.path");
        let text = |key: &str| definition.get(&[key]).and_then(Node::as_str);
        let Some(file) = text("path") else {
            return Err(format!("needs `{key}`, the file to read"));
        };
        let home = ["OPENCLAW_HOME", "HOME"]
            .iter()
            .find_map(|name| crate::environment::filled(self.source.env, name));
        let file = crate::locations::expand_home(file, home.as_deref().map(std::path::Path::new));
        // Relative to the configuration, wherever the gateway was started.
        let file = self
            .source
            .origin
            .parent()
            .map_or_else(|| file.clone(), |dir| dir.join(&file));
        let shown = file.display();
        let content = file::read(&file, MAX_FILE).and_then(|bytes| {
            let text = String::from_utf8(bytes);
            text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8"))
        });
        let content = content.map_err(|error| format!("cannot read the secret file {shown}: {error}"))?;
        if text("mode") == Some("singleValue") {
            return Ok(Secret::from(content.trim_end_matches(['\r', '\n'])));
        }
        let node = parse(&content).map_err(|error| {
            format!(
                "points to {shown}, which is broken at line {}, column {}",
                error.line, error.column
            )
        })?;
        let keys: Vec<String> = id
            .split('/')
            .skip(1)
            .map(|key| key.replace("~1", "/").replace("~0", "~"))
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        match node.get(&keys).and_then(Node::as_str) {
            Some(secret) if id.starts_with('/') && !secret.trim().is_empty() => Ok(Secret::from(secret)),
            _ => Err(format!("points to {id:?} in {shown}, where no text is")),
        }
    }
}
