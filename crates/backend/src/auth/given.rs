//! An API token that somebody chose: only one that cannot be guessed, and that a header can carry.

use std::ffi::OsStr;

use thiserror::Error;

/// As many as a random token in hexadecimal digits needs for 128 bits.
const LEAST: usize = 32;

/// A token that was given and is good enough.
pub struct GivenToken(String);

/// Why a token is not. Says nothing of what it is.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum WeakToken {
    #[error("has {0} characters; a good one has {LEAST} or more, as `openssl rand -hex 32` makes it")]
    Short(usize),
    #[error(
        "holds a space, a control character or one outside ASCII; a good one has {LEAST} or more letters and digits, as \
         `openssl rand -hex 32` makes it"
    )]
    Characters,
}

impl GivenToken {
    /// # Errors
    /// [`WeakToken`], to be said with where the token is from.
    pub fn parse(text: &OsStr) -> Result<Self, WeakToken> {
        let text = text.to_str().ok_or(WeakToken::Characters)?;
        // What may stand in a header, and be copied without a doubt where it ends.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WeakToken::Characters);
        }
        if text.len() < LEAST {
            return Err(WeakToken::Short(text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_refused() {
        let refused = |text: &str| GivenToken::parse(OsStr::new(text)).err();
        assert_eq!(refused(&"a".repeat(32)), None);
        assert_eq!(refused(&"a".repeat(31)), Some(WeakToken::Short(31)));
        for bad in [" ", "\t", "\n", "\u{7f}", "张", "\u{a0}"] {
            for text in [format!("{}{bad}", "a".repeat(40)), format!("{bad}{}", "a".repeat(40))] {
                assert_eq!(refused(&text), Some(WeakToken::Characters), "{text:?}");
            }
        }
    }
}
