//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::json5::SyntaxError;

/// A configuration that cannot be used. Displays as one line: `openclaw.json:3:7: what is wrong, and what to do`.
///
/// Lines and columns count from 1, columns in characters. Never carries the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub path: PathBuf,
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub message: String,
}

impl ConfigError {
    /// A problem with no place in the file: the environment, the command line, or the file as a whole.
    pub fn general(path: &Path, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            column: None,
            message: message.into(),
        }
    }

    /// A text that is no JSON5.
    pub fn syntax(path: &Path, error: SyntaxError) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(error.line),
            column: Some(error.column),
            message: error.message,
        }
    }

    /// A problem with what was said outside of the file.
    pub(crate) fn elsewhere(source: Elsewhere, problem: impl fmt::Display) -> Self {
        let (origin, name) = match source {
            Elsewhere::Environment(name) => ("environment", name),
            Elsewhere::CommandLine(name) => ("command line", name),
        };
        Self::general(Path::new(origin), format!("{name} {problem}"))
    }

    /// As it displays, with the whole path of the file: for the operator, who may have several of that name.
    pub fn in_full(&self) -> impl fmt::Display {
        fmt::from_fn(|f| self.tell(&self.path, f))
    }

    fn tell(&self, file: &Path, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", file.display())?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }

    pub(crate) fn at(path: &Path, place: Place, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(place.line),
            column: Some(place.column),
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.path.file_name().map_or(self.path.as_path(), Path::new);
        self.tell(name, f)
    }
}

/// Something in the file that is probably a mistake, but does not keep the gateway from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Counts from 1.
    pub line: usize,
    /// Counts from 1, in characters.
    pub column: usize,
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Where something was said that is not in the file: whoever reads of it must not look there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// A variable.
    Environment(&'static str),
    /// A flag.
    CommandLine(&'static str),
}

/// A line and a column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}
