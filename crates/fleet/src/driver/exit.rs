//! How an instance ended.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use serde_json::{Value, json};

/// As far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// Somebody removed it, and not Creel.
    Removed,
    /// It could not be built, or was not let serve. Trying again changes nothing.
    NotDeployed,
    /// It may live or not: whoever would know does not answer. [`super::Driver::find`] says more.
    OutOfSight,
    /// Nobody was told: one that an earlier control plane started, say.
    Unknown,
}

impl Exit {
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            _ => None,
        }
    }

    /// As an event carries it: `{"code": 1}`, `{"signal": 9}`, or `{}` where it is not known.
    pub fn data(&self) -> Value {
        match self {
            Self::Code(code) => json!({"code": code}),
            Self::Signal(signal) => json!({"signal": signal}),
            Self::Removed | Self::NotDeployed | Self::OutOfSight | Self::Unknown => json!({}),
        }
    }
}

impl From<Option<ExitStatus>> for Exit {
    fn from(status: Option<ExitStatus>) -> Self {
        match status.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => Self::Code(code),
            Some((None, Some(signal))) => Self::Signal(signal),
            _ => Self::Unknown,
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(9) => write!(f, "was killed (signal 9; out of memory?)"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Removed => write!(f, "was removed by somebody else"),
            Self::NotDeployed => write!(f, "could not be built or deployed"),
            Self::OutOfSight | Self::Unknown => write!(f, "ended"),
        }
    }
}
