//! What bounds spending.

use std::fmt;
use std::sync::Arc;

/// The name of a purse. Its text is what a database keeps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PurseId {
    /// A user's credits.
    Account(Arc<str>),
    /// A virtual key's budget of one UTC day, counted from 1970-01-01.
    KeyDay { key: Arc<str>, day: i32 },
    /// A virtual key's budget of one UTC month, counted from January 1970.
    KeyMonth { key: Arc<str>, month: i32 },
}

impl PurseId {
    /// The user, if this is a credit account.
    #[must_use]
    pub fn account(&self) -> Option<&Arc<str>> {
        match self {
            Self::Account(user) => Some(user),
            Self::KeyDay { .. } | Self::KeyMonth { .. } => None,
        }
    }
}

/// `account:alice`, `day:19724:KEY`, `month:648:KEY`.
impl fmt::Display for PurseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(user) => write!(f, "account:{user}"),
            Self::KeyDay { key, day } => write!(f, "day:{day}:{key}"),
            Self::KeyMonth { key, month } => write!(f, "month:{month}:{key}"),
        }
    }
}

impl PurseId {
    /// The purse with this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let numbered = || {
            let (number, key) = rest.split_once(':')?;
            Some((number.parse().ok()?, Arc::from(key)))
        };
        match kind {
            "account" => Some(Self::Account(rest.into())),
            "day" => numbered().map(|(day, key)| Self::KeyDay { key, day }),
            "month" => numbered().map(|(month, key)| Self::KeyMonth { key, month }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purse_comes_back_from_its_text() {
        for purse in [
            PurseId::Account("alice:b".into()),
            PurseId::KeyDay {
                key: "k:1".into(),
                day: 19_724,
            },
            PurseId::KeyMonth {
                key: "k".into(),
                month: 648,
            },
        ] {
            assert_eq!(PurseId::parse(&purse.to_string()), Some(purse));
        }
        for text in ["", "account", "day:x:k", "week:1:k", "day:1"] {
            assert_eq!(PurseId::parse(text), None, "{text:?}");
        }
    }
}
