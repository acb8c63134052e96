//! The name of an instance, safe to put into a path, a host name, a label.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An instance id: `^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$` (the form upstream's own fleet uses).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(Arc<str>);

/// The text is no instance id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instance id {0:?} is not allowed: use 1 to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit")]
pub struct InvalidId(String);

impl InstanceId {
    /// The longest id, in characters.
    pub const MAX_LENGTH: usize = 40;

    /// # Errors
    /// [`InvalidId`], with the (shortened) text.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        let fits = bytes.len() <= Self::MAX_LENGTH
            && ends.iter().all(|end| end.is_some_and(|byte| letter_or_digit(*byte)))
            && bytes.iter().all(|byte| letter_or_digit(*byte) || *byte == b'-');
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId(text.chars().take(Self::MAX_LENGTH + 8).collect()))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl TryFrom<String> for InstanceId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(&text)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.0.to_string()
    }
}

impl AsRef<str> for InstanceId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_the_expression_says() {
        for good in ["a", "0", "ab", "zhang-san", "a--b", &"a".repeat(40)] {
            assert_eq!(InstanceId::new(good).map(String::from), Ok(good.to_owned()));
        }
        let bad = [
            "",
            "-",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "../x",
            "a/b",
            "张三",
            "a\n",
            " a",
            &"a".repeat(41),
            "a\0",
        ];
        for text in bad {
            assert!(InstanceId::new(text).is_err(), "{text:?} must not be an id");
        }
    }

    #[test]
    fn an_error_does_not_repeat_a_megabyte() {
        let error = InstanceId::new(&"x".repeat(1 << 20)).expect_err("too long");
        assert!(error.to_string().len() < 300);
    }

    #[test]
    fn json_is_checked_at_the_door() {
        assert!(serde_json::from_str::<InstanceId>("\"../x\"").is_err());
        assert_eq!(
            serde_json::to_string(&InstanceId::new("a-1").expect("an id")).expect("json"),
            "\"a-1\""
        );
    }
}
