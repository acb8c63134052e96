//! Where the records are: a database URL. Its password is in nothing that this type prints.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// The parameters that a URL may carry: those of sqlx's drivers. Another one is refused by its name, because the driver would log it
/// together with its value.
const PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "socket",
    "application_name",
];

const FORMS: &str =
    "sqlite:FILE, postgres://USER:PASSWORD@HOST:PORT/DATABASE or mysql://USER:PASSWORD@HOST:PORT/DATABASE";

/// A parsed database URL.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(crate) place: Place,
    shown: String,
}

#[derive(Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

/// What is wrong with a database URL. It does not repeat the URL: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a database URL: {reason}; write {FORMS}")]
pub struct InvalidUrl {
    reason: String,
}

impl DatabaseUrl {
    /// The URL of a SQLite file.
    #[must_use]
    pub fn file(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self {
            shown: path.display().to_string(),
            place: Place::Sqlite(path.to_owned()),
        }
    }

    /// The file, if it is SQLite's.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Sqlite(path) => Some(path),
            Place::Postgres(_) | Place::MySql(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let invalid = |reason: &str| InvalidUrl {
            reason: reason.to_owned(),
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| invalid("it has no scheme"))?;
        if scheme == "sqlite" {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return match path {
                "" => Err(invalid("it names no file")),
                path if path.contains(['?', '#']) => Err(invalid("a SQLite file takes no parameters")),
                path => Ok(Self::file(path)),
            };
        }
        known_parameters(rest)?;
        let unreadable = |error: sqlx::Error| InvalidUrl {
            reason: match error {
                sqlx::Error::Configuration(source) => source.to_string(),
                _ => "it cannot be read".to_owned(),
            },
        };
        let place = match scheme {
            "postgres" | "postgresql" => Place::Postgres(Box::new(text.parse().map_err(unreadable)?)),
            "mysql" | "mariadb" => Place::MySql(Box::new(text.parse().map_err(unreadable)?)),
            _ => return Err(invalid("its scheme is unknown")),
        };
        Ok(Self {
            shown: format!("{scheme}:{}", without_secrets(rest)),
            place,
        })
    }
}

fn known_parameters(rest: &str) -> Result<(), InvalidUrl> {
    let Some((_, query)) = rest.split_once('?') else {
        return Ok(());
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        if !PARAMETERS.contains(&name) {
            return Err(InvalidUrl {
                reason: format!("the parameter \"{name}\" is unknown"),
            });
        }
    }
    Ok(())
}

/// `//user:***@host:port/database`: no password, and no parameters, which may hold one too.
fn without_secrets(rest: &str) -> String {
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.trim_start_matches('/');
            match user.split_once(':') {
                Some((user, _)) => format!("//{user}:***@{host}"),
                None => format!("//{user}@{host}"),
            }
        }
        None => rest.to_owned(),
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for text in [
            "postgres://ann:s3cret@db.example:5433/creel",
            "postgres://ann:s3cret@db.example/creel?sslmode=require&password=s3cret",
            "mysql://ann:s3%63cret:s3cret@db.example/creel",
            "mariadb://ann:s3@s3cret@db.example/creel",
        ] {
            let Ok(url) = text.parse::<DatabaseUrl>() else {
                panic!("{text}")
            };
            let shown = format!("{url} {url:?}");
            assert!(!shown.contains("cret@") && !shown.contains("s3"), "{shown}");
            assert!(shown.contains("//ann:***@db.example"), "{shown}");
        }
    }

    #[test]
    fn a_file_has_three_spellings() {
        for text in ["sqlite:/var/creel.db", "sqlite:///var/creel.db"] {
            let url: DatabaseUrl = text
                .parse()
                .map_err(|error| format!("{text}: {error}"))
                .unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(url.path(), Some(Path::new("/var/creel.db")));
        }
        assert_eq!(DatabaseUrl::file("creel.db").to_string(), "creel.db");
    }

    #[test]
    fn what_is_no_url_is_explained_and_not_repeated() {
        for (text, reason) in [
            ("s3cret", "no scheme"),
            ("oracle://ann:s3cret@host/db", "scheme is unknown"),
            ("sqlite:", "names no file"),
            ("sqlite:creel.db?s3cret", "takes no parameters"),
            ("postgres://ann:s3cret@host:port/db", "port"),
            ("postgres://host/db?pasword=s3cret", "\"pasword\" is unknown"),
            ("postgres://host/db?sslmode=s3cret", "not a database URL"),
        ] {
            let Err(error) = text.parse::<DatabaseUrl>() else {
                panic!("{text} was taken")
            };
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(
                text.ends_with("sslmode=s3cret") || !error.to_string().contains("s3cret"),
                "{error}"
            );
        }
    }
}
