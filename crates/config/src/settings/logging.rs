//! `logging`: what is written down.

use crate::ConfigError;
use crate::section::Section;

/// What the gateway logs, how, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    pub level: Level,
    pub format: LogFormat,
    /// Whether every line names the instance.
    pub include_instance_id: bool,
    pub output: LogOutput,
}

/// From silence to everything. Upstream's `fatal` is read as `error`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Silent,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogOutput {
    Stdout,
    #[default]
    Stderr,
}

/// The words of the file and of `OPENCLAW_LOG_LEVEL`.
pub(crate) const LEVELS: [(&str, Level); 7] = [
    ("silent", Level::Silent),
    ("fatal", Level::Error),
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

const FORMATS: [(&str, LogFormat); 4] = [
    ("text", LogFormat::Text),
    ("pretty", LogFormat::Text),
    ("compact", LogFormat::Text),
    ("json", LogFormat::Json),
];

const OUTPUTS: [(&str, LogOutput); 2] = [("stdout", LogOutput::Stdout), ("stderr", LogOutput::Stderr)];

const KEYS: &[&str] = &[
    "level",
    "consoleLevel",
    "consoleStyle",
    "format",
    "includeInstanceId",
    "output",
];

/// Known to upstream, and nothing done with them.
const IDLE: &[&str] = &["file", "maxFileBytes", "redactSensitive", "redactPatterns", "audit"];

impl Logging {
    /// The native gateway logs to its console, so `consoleLevel` and `consoleStyle` count where they are given.
    pub(crate) fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows_also(KEYS, IDLE);
        let level = section.one_of("level", &LEVELS)?;
        let style = section.one_of("consoleStyle", &FORMATS)?;
        Ok(Self {
            level: section.one_of("consoleLevel", &LEVELS)?.or(level).unwrap_or_default(),
            format: section.one_of("format", &FORMATS)?.or(style).unwrap_or_default(),
            include_instance_id: section.boolean("includeInstanceId")?.unwrap_or(true),
            output: section.one_of("output", &OUTPUTS)?.unwrap_or_default(),
        })
    }
}
