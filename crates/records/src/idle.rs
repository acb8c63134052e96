//! What becomes of an instance that has nothing to do.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An idle policy: `{"policy": "sleep", "minutes": 30}` in JSON, `sleep:30` on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "lowercase", from = "Given")]
pub enum Idle {
    /// It stays as it is.
    #[default]
    Always,
    /// It is put to sleep after so many minutes without work.
    Sleep { minutes: NonZeroU32 },
    /// It is stopped after so many minutes without work.
    Stop { minutes: NonZeroU32 },
}

/// As JSON gives it. Of a variant that is a mere name serde takes whatever stands beside it, and `always` has no minutes.
#[derive(Deserialize)]
#[serde(tag = "policy", rename_all = "lowercase", deny_unknown_fields)]
enum Given {
    Always {},
    Sleep { minutes: NonZeroU32 },
    Stop { minutes: NonZeroU32 },
}

impl From<Given> for Idle {
    fn from(given: Given) -> Self {
        match given {
            Given::Always {} => Self::Always,
            Given::Sleep { minutes } => Self::Sleep { minutes },
            Given::Stop { minutes } => Self::Stop { minutes },
        }
    }
}

/// A text that is no idle policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no idle policy; give always, sleep:MINUTES or stop:MINUTES, such as sleep:30")]
pub struct InvalidIdle(String);

impl Idle {
    /// One of each kind, as the command line takes it.
    pub const EXAMPLES: [&str; 3] = ["always", "sleep:30", "stop:30"];

    /// After how many minutes something becomes of it; `None`: never.
    #[must_use]
    pub fn minutes(self) -> Option<u32> {
        match self {
            Self::Always => None,
            Self::Sleep { minutes } | Self::Stop { minutes } => Some(minutes.get()),
        }
    }

    /// The policy's name alone.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Sleep { .. } => "sleep",
            Self::Stop { .. } => "stop",
        }
    }

    /// The policy of this name; minutes that it has no use for are not looked at.
    pub(crate) fn of(name: &str, minutes: u32) -> Result<Self, InvalidIdle> {
        let invalid = || InvalidIdle(format!("{name}:{minutes}"));
        match name {
            "always" => Ok(Self::Always),
            "sleep" | "stop" => {
                let minutes = NonZeroU32::new(minutes).ok_or_else(invalid)?;
                Ok(match name {
                    "sleep" => Self::Sleep { minutes },
                    _ => Self::Stop { minutes },
                })
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes() {
            None => f.write_str(self.name()),
            Some(minutes) => write!(f, "{}:{minutes}", self.name()),
        }
    }
}

impl FromStr for Idle {
    type Err = InvalidIdle;

    fn from_str(text: &str) -> Result<Self, InvalidIdle> {
        let invalid = || InvalidIdle(text.to_owned());
        if text == Self::Always.name() {
            return Ok(Self::Always);
        }
        let (name, minutes) = text.split_once(':').ok_or_else(invalid)?;
        match (name, minutes.parse()) {
            ("sleep" | "stop", Ok(minutes)) => Self::of(name, minutes).map_err(|_| invalid()),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_in_two_ways() -> Result<(), Box<dyn std::error::Error>> {
        for (text, json) in [
            ("always", r#"{"policy":"always"}"#),
            ("sleep:30", r#"{"policy":"sleep","minutes":30}"#),
            ("stop:1", r#"{"policy":"stop","minutes":1}"#),
        ] {
            let idle: Idle = text.parse()?;
            assert_eq!(idle.to_string(), text);
            assert_eq!(serde_json::to_string(&idle)?, json);
            assert_eq!(serde_json::from_str::<Idle>(json)?, idle);
        }
        Ok(())
    }

    #[test]
    fn the_examples_are_policies() {
        for text in Idle::EXAMPLES {
            assert!(text.parse::<Idle>().is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "", "sleep", "sleep:", "sleep:0", "sleep:-1", "sleep:x", "doze:5", "always:5",
        ] {
            assert!(text.parse::<Idle>().is_err(), "{text}");
        }
        for json in [
            r#"{"policy":"sleep"}"#,
            r#"{"policy":"always","minutes":5}"#,
            r#"{"policy":"always","minutes":null}"#,
            r#"{"policy":"sleep","minutes":0}"#,
            r#"{"policy":"doze","minutes":5}"#,
            r#"{"policy":"sleep","minutes":5,"seconds":5}"#,
            r#""sleep:5""#,
        ] {
            assert!(serde_json::from_str::<Idle>(json).is_err(), "{json}");
        }
    }
}
