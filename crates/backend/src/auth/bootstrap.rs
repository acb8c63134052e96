//! The first start makes an administrator and an API token.

use std::io;
use std::path::{Path, PathBuf};

use creel_fleet::write_private;
use creel_http::{hex, random_id};
use creel_records::{NewApiToken, Records, RecordsError};
use thiserror::Error;

use super::{password, sha256};

pub const ADMINISTRATOR: &str = "admin";
/// The API token that the command line finds by itself.
const TOKEN_FILE: &str = "admin-token";
const TOKEN_NAME: &str = "admin";

/// What the first start made.
pub struct Bootstrap {
    pub username: &'static str,
    /// Shown once, to whoever started Creel for the first time.
    pub new_password: Option<String>,
    pub token_file: PathBuf,
}

#[derive(Debug, Error)]
pub enum BootstrapError {
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Makes what is missing of: the administrator, the API token in `secrets` (0600). `token` is `CREEL_ADMIN_TOKEN`: where it is set, it
/// is the API token, and the file follows it.
pub async fn bootstrap(
    records: &dyn Records,
    secrets: &Path,
    token: Option<String>,
) -> Result<Bootstrap, BootstrapError> {
    let token_file = secrets.join(TOKEN_FILE);
    let failed = |source| BootstrapError::File {
        path: token_file.clone(),
        source,
    };
    let on_disk = match std::fs::read_to_string(&token_file) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let wanted = token.or_else(|| on_disk.clone()).unwrap_or_else(new_token);
    if on_disk.as_ref() != Some(&wanted) {
        let line = format!("{wanted}\n");
        write_private(&token_file, line.as_bytes()).map_err(failed)?;
    }
    if records.api_token(&sha256(&wanted)).await?.is_none() {
        records
            .put_api_token(&NewApiToken {
                name: TOKEN_NAME.to_owned(),
                sha256: sha256(&wanted),
            })
            .await?;
    }
    let mut new_password = None;
    if records.administrators().await?.is_empty() {
        let password = random_id();
        records
            .put_administrator(ADMINISTRATOR, &password::hash(&password))
            .await?;
        new_password = Some(password);
    }
    Ok(Bootstrap {
        username: ADMINISTRATOR,
        new_password,
        token_file,
    })
}

fn new_token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes");
    hex(&bytes)
}
