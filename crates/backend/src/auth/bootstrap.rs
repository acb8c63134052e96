//! The first start makes an administrator and an API token.

use std::io;
use std::path::{Path, PathBuf};

use creel_fleet::{Secret, write_private};
use creel_http::random_id;
use creel_records::{NewApiToken, Records, RecordsError};
use thiserror::Error;

use super::{GivenToken, SERVICE, password, sha256};

pub const ADMINISTRATOR: &str = "admin";
/// The API token that the command line finds by itself.
const TOKEN_FILE: &str = "admin-token";
const TOKEN_NAME: &str = "admin";
/// The token that gateways ask with what changed.
const SERVICE_FILE: &str = "service-token";

/// What lets programs in.
pub struct Bootstrap {
    pub token_file: PathBuf,
    /// What gateways for many users show the sync, and what administers them.
    pub service_token: Secret,
}

/// Shown once, to whoever started Creel for the first time.
pub struct FirstSignIn {
    pub username: &'static str,
    pub password: String,
}

#[derive(Debug, Error)]
pub enum BootstrapError {
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the {name} token is the same as the {other} token; give each its own")]
    SameToken { name: &'static str, other: String },
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Tokens that the environment sets. What it does not set is made at the first start.
#[derive(Default)]
pub struct GivenTokens {
    /// `CREEL_ADMIN_TOKEN`
    pub admin: Option<GivenToken>,
    /// `OPENCLAW_SERVICE_TOKEN`
    pub service: Option<String>,
}

/// Makes what is missing of the API token and the service token in `secrets` (0600), whose files follow what is given.
pub async fn bootstrap(records: &dyn Records, secrets: &Path, given: GivenTokens) -> Result<Bootstrap, BootstrapError> {
    let token_file = secrets.join(TOKEN_FILE);
    keep_token(records, &token_file, TOKEN_NAME, given.admin.map(GivenToken::into_text)).await?;
    let service_token = keep_token(records, &secrets.join(SERVICE_FILE), SERVICE, given.service).await?;
    Ok(Bootstrap {
        token_file,
        service_token: Secret::new(service_token),
    })
}

/// Makes the administrator, if there is none. Called when nothing is left that could keep the password from being shown: a start
/// that fails would have used it up.
///
/// # Errors
/// The records cannot be read or written.
pub async fn first_sign_in(records: &dyn Records) -> Result<Option<FirstSignIn>, RecordsError> {
    if !records.administrators().await?.is_empty() {
        return Ok(None);
    }
    let password = random_id();
    records
        .put_administrator(ADMINISTRATOR, &password::hash(&password))
        .await?;
    Ok(Some(FirstSignIn {
        username: ADMINISTRATOR,
        password,
    }))
}

/// What is given, else what is in the file, else a new one: that is in the file then, and its digest in the records. Gives it.
async fn keep_token(
    records: &dyn Records,
    file: &Path,
    name: &'static str,
    given: Option<String>,
) -> Result<String, BootstrapError> {
    let failed = |source| BootstrapError::File {
        path: file.to_owned(),
        source,
    };
    let on_disk = match std::fs::read_to_string(file) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let wanted = given.or_else(|| on_disk.clone()).unwrap_or_else(new_token);
    let sha256 = sha256(&wanted);
    match records.api_token(&sha256).await? {
        Some(known) if known.name != name => {
            return Err(BootstrapError::SameToken {
                name,
                other: known.name,
            });
        }
        Some(_) => {}
        None => {
            let name = name.to_owned();
            records.put_api_token(&NewApiToken { name, sha256 }).await?;
        }
    }
    if on_disk.as_ref() != Some(&wanted) {
        let line = format!("{wanted}\n");
        write_private(file, line.as_bytes()).map_err(failed)?;
    }
    Ok(wanted)
}

fn new_token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes");
    hex::encode(bytes)
}
