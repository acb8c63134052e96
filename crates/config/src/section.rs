//! Reading a section of the file: typed values, each error at its place, a warning for each key that nobody knows.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::filled;
use crate::error::Place;
use crate::json5::{Node, Span, Value, place};
use crate::locations::expand_home;
use crate::nearest::nearest;
use crate::substitute::{Missing, substitute};
use crate::{ConfigError, Environment, Secret, Warning};

/// What all sections of one file share.
pub(crate) struct Source<'a> {
    pub text: &'a str,
    pub origin: &'a Path,
    pub env: &'a dyn Environment,
    /// The whole file, for secrets that are kept by a provider defined elsewhere in it.
    pub root: &'a Node,
    pub warnings: RefCell<Vec<Warning>>,
}

impl Source<'_> {
    fn is_warned_of_enough(&self) -> bool {
        self.warnings.borrow().len() > MOST_WARNINGS
    }
}

/// One object of the file; it may be missing, and then has nothing in it.
#[derive(Clone)]
pub(crate) struct Section<'a> {
    pub(crate) source: &'a Source<'a>,
    /// Dotted, as messages show it; empty for the whole file.
    path: String,
    node: Option<&'a Node>,
}

/// Nobody reads more, and each is looked for in the whole file, which may be a stranger's.
const MOST_WARNINGS: usize = 100;

/// Said of a key of upstream's, or of Creel's own documents, that nothing is done with.
pub(crate) const NO_EFFECT: &str = "has no effect on the native gateway (yet)";

type Result<T> = std::result::Result<T, ConfigError>;

impl<'a> Section<'a> {
    /// The whole file.
    pub fn root(source: &'a Source<'a>) -> Result<Self> {
        let whole = Self {
            source,
            path: String::new(),
            node: Some(source.root),
        };
        match source.root.value {
            Value::Object(_) => Ok(whole),
            _ => Err(whole.error_at(
                source.root,
                format!("the configuration must be an object, {{…}}, not {}", source.root.kind()),
            )),
        }
    }

    /// Warns of every key that is not among `read`, the keys that are.
    pub fn knows(&self, read: &[&str]) -> &Self {
        self.knows_also(read, &[])
    }

    /// Warns of every key that is not among `read`: of those that are `idle` it is known what they mean to upstream, and that the
    /// native gateway does nothing with them. Whoever wrote one must not believe that it does.
    pub fn knows_also(&self, read: &[&str], idle: &[&str]) -> &Self {
        for member in self.members() {
            let name = member.key.as_str();
            if read.contains(&name) {
                continue;
            }
            if self.source.is_warned_of_enough() {
                break;
            }
            let key = self.path_of(name);
            let message = if idle.contains(&name) {
                if asks_for_nothing(&member.value) {
                    continue;
                }
                format!("`{key}` {NO_EFFECT}")
            } else {
                let hint = match nearest(name, read.iter().chain(idle).copied()) {
                    Some(meant) => format!("did you mean `{}`?", self.path_of(meant)),
                    None => "it has no effect".to_owned(),
                };
                format!("unknown key `{key}`; {hint}")
            };
            self.warn(member.key_span.start, message);
        }
        self
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn get(&self, key: &str) -> Option<&'a Node> {
        Some(&self.node?.member(key)?.value)
    }

    /// The section of this name, empty if it is missing.
    pub fn section(&self, key: &str) -> Result<Self> {
        self.get(key).map_or_else(
            || {
                Ok(Self {
                    source: self.source,
                    path: self.path_of(key),
                    node: None,
                })
            },
            |node| self.below(self.path_of(key), node),
        )
    }

    /// The members of the section of this name, each a section of its own; the last of equal names counts.
    pub fn entries(&self, key: &str) -> Result<Vec<(String, Self)>> {
        let parent = self.section(key)?;
        let members = parent.members().iter();
        let last = members.filter(|member| {
            parent
                .get(&member.key)
                .is_some_and(|node| std::ptr::eq(node, &member.value))
        });
        last.map(|member| {
            Ok((
                member.key.clone(),
                self.below(parent.path_of(&member.key), &member.value)?,
            ))
        })
        .collect()
    }

    /// The items of the list of this name, each a section.
    pub fn sections(&self, key: &str) -> Result<Vec<Self>> {
        let items = self.list(key)?.unwrap_or_default().iter().enumerate();
        items
            .map(|(at, node)| self.below(format!("{}[{at}]", self.path_of(key)), node))
            .collect()
    }

    pub fn string(&self, key: &str) -> Result<Option<String>> {
        self.get(key)
            .map(|node| self.text(node, &self.path_of(key)))
            .transpose()
    }

    /// A text that says something: blank counts as missing.
    pub fn filled(&self, key: &str) -> Result<Option<String>> {
        Ok(self
            .string(key)?
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()))
    }

    pub fn strings(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(items) = self.list(key)? else { return Ok(None) };
        let path = self.path_of(key);
        items
            .iter()
            .enumerate()
            .map(|(at, node)| self.text(node, &format!("{path}[{at}]")))
            .collect::<Result<_>>()
            .map(Some)
    }

    /// A path, with `~` expanded.
    pub fn path(&self, key: &str) -> Result<Option<PathBuf>> {
        let env = self.source.env;
        let home = filled(env, "OPENCLAW_HOME")
            .or_else(|| filled(env, "HOME"))
            .map(PathBuf::from);
        Ok(self.filled(key)?.map(|path| expand_home(&path, home.as_deref())))
    }

    pub fn boolean(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key).map(|node| (node, &node.value)) {
            None => Ok(None),
            Some((_, Value::Bool(value))) => Ok(Some(*value)),
            Some((node, _)) => Err(self.mismatch(node, &self.path_of(key), "true or false")),
        }
    }

    /// A whole number in a range.
    pub fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(node) = self.get(key) else { return Ok(None) };
        let value = match node.value {
            Value::Integer(value) => u64::try_from(value).ok().filter(|value| range.contains(value)),
            // 1e6 is a whole number, too; beyond 2^53 nobody knows which one.
            Value::Float(value) if value.fract() == 0.0 && (0.0..9e15).contains(&value) => {
                format!("{value:.0}").parse().ok().filter(|value| range.contains(value))
            }
            Value::Float(_) => None,
            _ => return Err(self.mismatch(node, &self.path_of(key), "a whole number")),
        };
        let (low, high) = range.into_inner();
        value.map(Some).ok_or_else(|| {
            let bounds = if high == u64::MAX {
                format!("of at least {low}")
            } else {
                format!("from {low} to {high}")
            };
            let found = &self.source.text[node.span.start..node.span.end];
            self.error_at(
                node,
                format!("`{}` is {found}; it must be a whole number {bounds}", self.path_of(key)),
            )
        })
    }

    pub fn u32(&self, key: &str, low: u32) -> Result<Option<u32>> {
        let value = self.integer(key, u64::from(low)..=u64::from(u32::MAX))?;
        Ok(value.and_then(|value| u32::try_from(value).ok()))
    }

    /// A time given in milliseconds, up to ten years.
    pub fn millis(&self, key: &str, low: u64) -> Result<Option<Duration>> {
        Ok(self.integer(key, low..=315_360_000_000)?.map(Duration::from_millis))
    }

    /// A time given in seconds, up to ten years.
    pub fn seconds(&self, key: &str) -> Result<Option<Duration>> {
        Ok(self.integer(key, 1..=315_360_000)?.map(Duration::from_secs))
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.string(key)? else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let hint = nearest(&text, words.iter().map(|(word, _)| *word));
                let hint = hint
                    .map(|word| format!("; did you mean \"{word}\"?"))
                    .unwrap_or_default();
                let all: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                Err(self.error(key, format!("is {text:?}; it must be one of {}{hint}", all.join(", "))))
            }
        }
    }

    /// A text, with variables replaced.
    pub fn text(&self, node: &Node, path: &str) -> Result<String> {
        let Value::String(text) = &node.value else {
            return Err(self.mismatch(node, path, "a text"));
        };
        substitute(text, |name| self.source.env.var(name)).map_err(|Missing(name)| {
            self.error_at(
                node,
                format!("`{path}` needs the environment variable {name}, which is not set"),
            )
        })
    }

    /// A secret: a text, or a reference to where it is kept. Blank counts as missing.
    pub fn secret(&self, key: &str) -> Result<Option<Secret>> {
        let Some(node) = self.get(key) else { return Ok(None) };
        let secret = self.secret_of(node, &self.path_of(key))?;
        Ok(Some(secret).filter(|secret| !secret.expose().trim().is_empty()))
    }

    /// An error about the value of a key of this section; the message goes on from its name.
    pub fn error(&self, key: &str, message: impl AsRef<str>) -> ConfigError {
        let message = format!("`{}` {}", self.path_of(key), message.as_ref());
        match self.get(key).or(self.node) {
            Some(node) => self.error_at(node, message),
            None => ConfigError::general(self.source.origin, message),
        }
    }

    pub fn warn_key(&self, key: &str, message: &str) {
        if let Some(node) = self.get(key).or(self.node) {
            self.warn(node.span.start, format!("`{}` {message}", self.path_of(key)));
        }
    }

    pub fn error_at(&self, node: &Node, message: String) -> ConfigError {
        ConfigError::at(self.source.origin, self.place(node.span.start), message)
    }

    /// An error about a key itself.
    pub fn error_at_span(&self, span: Span, message: String) -> ConfigError {
        ConfigError::at(self.source.origin, self.place(span.start), message)
    }

    pub fn mismatch(&self, node: &Node, path: &str, expected: &str) -> ConfigError {
        self.error_at(node, format!("`{path}` is {}; it must be {expected}", node.kind()))
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub fn members(&self) -> &'a [crate::json5::Member] {
        self.node.map_or(&[], Node::members)
    }

    fn list(&self, key: &str) -> Result<Option<&'a [Node]>> {
        match self.get(key).map(|node| (node, &node.value)) {
            None => Ok(None),
            Some((_, Value::Array(items))) => Ok(Some(items)),
            Some((node, _)) => Err(self.mismatch(node, &self.path_of(key), "a list, […]")),
        }
    }

    fn below(&self, path: String, node: &'a Node) -> Result<Self> {
        match node.value {
            Value::Object(_) => Ok(Self {
                source: self.source,
                path,
                node: Some(node),
            }),
            _ => Err(self.mismatch(node, &path, "an object, {…}")),
        }
    }

    /// The one after the last that is told says that there are more.
    pub fn warn(&self, offset: usize, message: String) {
        let so_far = self.source.warnings.borrow().len();
        if so_far > MOST_WARNINGS {
            return;
        }
        let message = if so_far == MOST_WARNINGS {
            format!("there is more to warn of than the {MOST_WARNINGS} that are told")
        } else {
            message
        };
        let Place { line, column } = self.place(offset);
        self.source
            .warnings
            .borrow_mut()
            .push(Warning { line, column, message });
    }

    fn place(&self, offset: usize) -> Place {
        place(self.source.text, offset)
    }
}

/// Whether a setting says no more than that there is none: `{}`, `[]`, `{enabled: false, …}`.
pub(crate) fn asks_for_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => {
            let enabled = node.member("enabled").map(|member| &member.value.value);
            members.is_empty() || matches!(enabled, Some(Value::Bool(false)))
        }
        _ => false,
    }
}
