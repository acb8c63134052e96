//! `/api/users`: the users of gateways for many. Gateways learn of every change here at their next sync.

mod account;
pub mod config;
mod import;
pub mod key;
mod sheet;
pub mod token;

pub use account::{change, create, list, remove, show};
pub use config::{patch as patch_config, read as show_config, write as write_config};
pub use import::import;
pub use token::{list as list_tokens, mint as mint_token, revoke as revoke_tokens};

use creel_http::{Problem, rfc3339};
use creel_records::UserRecord;
use creel_session::UserId;
use serde_json::{Value, json};

use crate::auth::hash_password;
use crate::error::records_problem;
use crate::state::Backend;

/// Characters of a name shown to people.
const NAME: usize = 100;
/// Bytes of a password. The upper one is there because the hash reads all of it.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=1024;

/// What a gateway would take for an id too: it names the directory of the user's workspace.
pub fn parse_id(text: &str) -> Result<UserId, Problem> {
    UserId::new(text).map_err(|error| Problem::unprocessable(format!("id: {error}")))
}

pub fn parse_name(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    if name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(Problem::unprocessable(format!(
            "name: at most {NAME} characters, on one line"
        )));
    }
    Ok(name.to_owned())
}

/// # Errors
/// 422: it is too short or too long.
pub fn acceptable_password(password: &str) -> Result<(), Problem> {
    if PASSWORD.contains(&password.len()) {
        return Ok(());
    }
    let (least, most) = (PASSWORD.start(), PASSWORD.end());
    Err(Problem::unprocessable(format!(
        "password: from {least} to {most} bytes"
    )))
}

/// What is kept of a password.
pub async fn hashed(backend: &Backend, password: String) -> Result<String, Problem> {
    acceptable_password(&password)?;
    let turn = backend.password_turns.take().await;
    let turn = turn.ok_or_else(|| Problem::unavailable("busy", "too many passwords are being checked; try again"))?;
    hash_password(turn, password).await.ok_or_else(Problem::internal)
}

/// The user, who must be there.
pub async fn known(backend: &Backend, id: &UserId) -> Result<UserRecord, Problem> {
    let user = backend.records.user(id.as_str()).await.map_err(records_problem)?;
    user.ok_or_else(|| Problem::not_found(format!("there is no user \"{id}\"")))
}

pub fn shown(user: &UserRecord) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "status": user.status,
        "has_password": user.password_phc.is_some(),
        "created_at": rfc3339(user.created_at),
        "updated_at": rfc3339(user.updated_at),
    })
}

/// Written down, and told to the gateway for users: what was done to whom.
pub async fn happened(backend: &Backend, actor: &str, kind: &str, id: &str, message: String) {
    backend.nudge.changed();
    backend
        .activity
        .record(actor, kind, None, message, json!({"user": id}))
        .await;
}
