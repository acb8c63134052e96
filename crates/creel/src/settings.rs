//! `creel.toml`: what the control plane of a home is told in a file.

use std::path::{Path, PathBuf};

use creel_backend::{GatewayAddress, Oidc, OidcSettings};
use creel_config::{Place, json5};
use creel_fleet::Secret;
use creel_records::DatabaseUrl;
use creel_records::ledger::Keep;
use serde::Deserialize;

use crate::failure::Failure;
use crate::llm_gateway::LlmSettings;

/// Overrides `database`.
const DATABASE_VARIABLE: &str = "CREEL_DATABASE_URL";

/// Overrides `users.gateway_url`.
const GATEWAY_VARIABLE: &str = "CREEL_USERS_GATEWAY_URL";

/// Holds the secret of the client that the identity provider knows.
const OIDC_SECRET_VARIABLE: &str = "CREEL_OIDC_CLIENT_SECRET";

/// The file's form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database: Option<String>,
    #[serde(default)]
    llm: Llm,
    #[serde(default)]
    users: Users,
}

/// Of the LLM Gateway.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Llm {
    keep_calls_days: Option<Days>,
    keep_hours_days: Option<Days>,
}

/// A day to a century.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "i64")]
struct Days(u32);

impl TryFrom<i64> for Days {
    type Error = String;

    fn try_from(days: i64) -> Result<Self, String> {
        match u32::try_from(days) {
            Ok(days @ 1..=36_525) => Ok(Self(days)),
            _ => Err(format!("{days} is not in 1..=36525")),
        }
    }
}

/// `[users]`: people who sign in themselves.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Users {
    gateway_url: Option<String>,
    oidc: Option<OidcFile>,
}

/// `[users.oidc]`: an identity provider that people sign in at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OidcFile {
    /// What people see [default: the issuer].
    name: Option<String>,
    issuer: String,
    client_id: String,
    /// The file with the client's secret, which stands in no file that others read.
    client_secret_file: Option<PathBuf>,
    redirect_url: String,
    email_domains: Vec<String>,
    #[serde(default)]
    create_users: bool,
}

/// The identity provider, where one is named. Its secret comes from `CREEL_OIDC_CLIENT_SECRET`, else from the file that is named.
///
/// # Errors
/// A file or a setting that cannot be.
pub fn oidc(home: &Path) -> Result<Option<Oidc>, Failure> {
    let path = home.join("creel.toml");
    let Some(file) = read(&path)?.users.oidc else {
        return Ok(None);
    };
    let wrong = |problem: String| Failure::bad_input(format!("{}: users.oidc.{problem}", path.display()));
    let of_environment = std::env::var(OIDC_SECRET_VARIABLE)
        .ok()
        .filter(|secret| !secret.is_empty());
    let client_secret = match (of_environment, file.client_secret_file) {
        (Some(secret), _) => Some(secret),
        (None, Some(named)) => {
            let text = std::fs::read_to_string(home.join(&named));
            let text = text.map_err(|error| wrong(format!("client_secret_file: {}: {error}", named.display())))?;
            Some(text.trim().to_owned())
        }
        (None, None) => None,
    };
    let issuer = file.issuer.trim_end_matches('/').to_owned();
    let settings = OidcSettings {
        name: file.name.unwrap_or_else(|| issuer.clone()),
        issuer,
        client_id: file.client_id,
        client_secret: client_secret.map(Secret::new),
        redirect_url: file.redirect_url,
        email_domains: file.email_domains.iter().map(|domain| domain.to_lowercase()).collect(),
        create_users: file.create_users,
    };
    Oidc::new(settings).map(Some).map_err(wrong)
}

/// The gateway that serves all users, where it is no instance of this home: `CREEL_USERS_GATEWAY_URL`, else `gateway_url` of `[users]` in
/// its `creel.toml`.
///
/// # Errors
/// A file or a URL that cannot be understood.
pub fn users_gateway(home: &Path) -> Result<Option<GatewayAddress>, Failure> {
    let parse = |place: &str, url: &str| {
        let parsed = url.parse::<GatewayAddress>();
        parsed
            .map(Some)
            .map_err(|error| Failure::bad_input(format!("{place}: {error}")))
    };
    if let Some(url) = std::env::var(GATEWAY_VARIABLE).ok().filter(|url| !url.is_empty()) {
        return parse(GATEWAY_VARIABLE, &url);
    }
    let path = home.join("creel.toml");
    match read(&path)?.users.gateway_url {
        Some(url) => parse(&format!("{}: users.gateway_url", path.display()), &url),
        None => Ok(None),
    }
}

/// Where the records of a home are: `CREEL_DATABASE_URL`, else `database` in its `creel.toml`, else none was named.
///
/// # Errors
/// A file or a URL that cannot be understood. A URL is never repeated: there may be a password in it.
pub fn database(home: &Path) -> Result<Option<DatabaseUrl>, Failure> {
    if let Some(url) = std::env::var(DATABASE_VARIABLE).ok().filter(|url| !url.is_empty()) {
        return parse(&url)
            .map_err(|error| Failure::bad_input(format!("{DATABASE_VARIABLE}: {error}")))
            .map(Some);
    }
    let path = home.join("creel.toml");
    let Some(url) = read(&path)?.database else {
        return Ok(None);
    };
    let url = parse(&url).map_err(|error| Failure::bad_input(format!("{}: database: {error}", path.display())))?;
    // A file is found wherever the command is run.
    Ok(Some(match url.path() {
        Some(file) => DatabaseUrl::file(home.join(file)),
        None => url,
    }))
}

/// For how long usage is kept: what the command line or the environment says, else the home's `creel.toml`, else the default.
///
/// # Errors
/// A file that cannot be understood.
pub fn keep(home: &Path, given: &LlmSettings) -> Result<Keep, Failure> {
    let file = read(&home.join("creel.toml"))?.llm;
    let calls = given.keep_calls_days.or(file.keep_calls_days.map(|days| days.0));
    let hours = given.keep_hours_days.or(file.keep_hours_days.map(|days| days.0));
    let default = Keep::default();
    Ok(Keep {
        calls_ms: calls.map_or(default.calls_ms, |calls| Keep::days(calls, 0).calls_ms),
        hours_ms: hours.map_or(default.hours_ms, |hours| Keep::days(0, hours).hours_ms),
    })
}

/// A database URL that was given by someone.
pub fn parse(url: &str) -> Result<DatabaseUrl, creel_records::InvalidUrl> {
    url.parse()
}

fn read(path: &Path) -> Result<File, Failure> {
    let text = match std::fs::read(path) {
        Ok(bytes) => json5::utf8(bytes).map_err(|error| Failure::bad_input(format!("{}:{error}", path.display())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => return Err(Failure::bad_input(format!("cannot read {}: {error}", path.display()))),
    };
    toml::from_str(&text).map_err(|error| {
        // Its own display quotes the line, which may hold a password.
        let at = error.span().map_or(0, |span| span.start);
        let Place { line, column } = json5::place(&text, at);
        Failure::bad_input(format!("{}:{line}:{column}: {}", path.display(), error.message()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("creel.toml");
        std::fs::write(&path, text).unwrap();
        format!("{:?}", read(&path).unwrap_err())
    }

    #[test]
    fn a_mistake_is_found_at_its_place_and_quotes_no_secret() {
        for (text, place) in [
            (
                "# mine\ndatabse = \"postgres://ann:s3cret@host/db\"\n",
                "creel.toml:2:1: unknown field `databse`",
            ),
            ("database = 5\n", "creel.toml:1:12: invalid type"),
            ("database = \"postgres://ann:s3cret@host/db\n", "creel.toml:1:"),
            ("database \"s3cret\"\n", "creel.toml:1:"),
            ("[llm]\nkeep_calls_days = 0\n", "creel.toml:2:19: 0 is not in 1..=36525"),
            ("[llm]\nkeep_days = 1\n", "creel.toml:2:1: unknown field `keep_days`"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(place), "{refusal}");
            assert!(!refusal.contains("s3cret"), "{refusal}");
        }
    }

    #[test]
    fn what_is_nearer_says_how_long_usage_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let given = |calls, hours| LlmSettings {
            unpriced: creel_llm_gateway::Unpriced::default(),
            keep_calls_days: calls,
            keep_hours_days: hours,
        };
        assert_eq!(keep(dir.path(), &given(None, None)).unwrap(), Keep::days(90, 400));
        std::fs::write(
            dir.path().join("creel.toml"),
            "[llm]\nkeep_calls_days = 7\nkeep_hours_days = 30\n",
        )
        .unwrap();
        assert_eq!(keep(dir.path(), &given(None, None)).unwrap(), Keep::days(7, 30));
        assert_eq!(keep(dir.path(), &given(Some(2), None)).unwrap(), Keep::days(2, 30));
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(&dir.path().join("creel.toml")).unwrap().database.is_none());
    }
}
