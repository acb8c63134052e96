//! Names that are safe to put into a path: parsed once at the door, right everywhere after.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

const MAX_CHARS: usize = 128;
/// Room in a 255-byte file name for an encoded id, an extension and a temporary suffix.
const MAX_FILE_NAME: usize = 200;

/// Why a text is no id. The text itself is not repeated: it came from outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} id {problem}")]
pub struct IdError {
    what: &'static str,
    problem: &'static str,
}

/// Who a session belongs to: a letter or digit, then up to 127 letters, digits or `. _ : @ + -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(Arc<str>);

/// The name of one conversation: a letter or digit, then up to 127 letters, digits or `. _ : -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(Arc<str>);

/// One session of one user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    pub user: UserId,
    pub session: SessionId,
}

impl SessionKey {
    pub fn new(user: UserId, session: SessionId) -> Self {
        Self { user, session }
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.session)
    }
}

impl UserId {
    pub fn new(text: &str) -> Result<Self, IdError> {
        parse("user", text, b"._:@+-").map(Self)
    }
}

impl SessionId {
    pub fn new(text: &str) -> Result<Self, IdError> {
        parse("session", text, b"._:-").map(Self)
    }
}

macro_rules! id_traits {
    ($id:ty) => {
        impl $id {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as a file or directory name: everything but letters, digits, `.`, `_` and `-` is percent-encoded.
            pub fn file_name(&self) -> String {
                encode(&self.0)
            }

            /// The id that [`file_name`](Self::file_name) made this name from.
            pub fn from_file_name(name: &str) -> Option<Self> {
                let id = Self::new(&decode(name)?).ok()?;
                (id.file_name() == name).then_some(id)
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl std::str::FromStr for $id {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $id {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

id_traits!(UserId);
id_traits!(SessionId);

fn parse(what: &'static str, text: &str, extra: &[u8]) -> Result<Arc<str>, IdError> {
    let fail = |problem| Err(IdError { what, problem });
    let Some(first) = text.bytes().next() else {
        return fail("is empty");
    };
    if !first.is_ascii_alphanumeric() {
        return fail("must begin with a letter or digit (A-Z, a-z, 0-9)");
    }
    if text.len() > MAX_CHARS {
        return fail("is longer than 128 characters");
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
    {
        return fail(if extra.contains(&b'@') {
            "may hold only letters, digits and . _ : @ + -"
        } else {
            "may hold only letters, digits and . _ : -"
        });
    }
    if encode(text).len() > MAX_FILE_NAME {
        return fail("holds too many characters that a file name cannot");
    }
    Ok(text.into())
}

fn encode(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

fn decode(name: &str) -> Option<String> {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3)?;
        text.push(char::from(u8::from_str_radix(code, 16).ok()?));
        rest = &rest[at + 3..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_gateway_and_the_platforms_use() {
        for text in [
            "a",
            "7",
            "main",
            "agent:main:telegram:dm:42",
            "A.b_c-d:e",
            &"x".repeat(128),
        ] {
            assert_eq!(SessionId::new(text).unwrap().as_str(), text);
        }
        assert_eq!(
            UserId::new("zhang.san+test@example.com").unwrap().as_str(),
            "zhang.san+test@example.com"
        );
    }

    #[test]
    fn refuses_what_could_leave_a_directory_or_fool_a_reader() {
        for text in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "-rf",
            "a b",
            "a\0",
            "a\n",
            "é",
            "a%2F",
            "a@b",
            &"x".repeat(129),
        ] {
            assert!(SessionId::new(text).is_err(), "{text:?}");
        }
        assert!(SessionId::new(&format!("a{}", ":".repeat(127))).is_err());
    }

    #[test]
    fn file_names_are_distinct_safe_and_reversible() {
        let id = SessionId::new("a:b.c-d_e").unwrap();
        assert_eq!(id.file_name(), "a%3Ab.c-d_e");
        assert_eq!(SessionId::from_file_name("a%3Ab.c-d_e"), Some(id));
        for name in ["a%3ab", "a%41", "a%", "a%4", "%2E%2E", ".torn", "a:b", ""] {
            assert_eq!(SessionId::from_file_name(name), None, "{name}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong_without_repeating_the_text() {
        assert_eq!(
            SessionId::new("se cret").unwrap_err().to_string(),
            "session id may hold only letters, digits and . _ : -"
        );
        assert_eq!(UserId::new("").unwrap_err().to_string(), "user id is empty");
    }
}
