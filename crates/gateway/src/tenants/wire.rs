//! What the Cloud Backend says when it is asked what changed: the sync contract.
//!
//! `GET /openclaw/gateway/configs?since=TOKEN&limit=N` with the service token as bearer answers
//!
//! ```json
//! {"users": [{"user_id": "alice", "created_at": "2026-01-01T00:00:00Z", "status": "active", "version": 7,
//!             "tokens": [{"sha256": "64 hexadecimal digits", "expires_at": "2027-01-01T00:00:00Z"}],
//!             "config": {"agents": {}}, "model_key": "sk-creel-…"}],
//!  "deleted": ["bob"], "sync_token": "opaque", "full": false, "has_more": false}
//! ```
//!
//! - Each user in it is whole: it replaces what was known of them. `status` is `active` or `disabled`; a token without `expires_at`
//!   does not expire; `config` is an `openclaw.json` object.
//! - `created_at` tells a user from one who had the same id before and was deleted: whoever comes later gets none of the other's
//!   files. Without it they are taken for the same.
//! - `model_key`, where there is one, is the virtual key that the user's model calls are charged by: it takes the place of the gateway's own
//!   virtual key at every provider of the global configuration. It is a secret of the backend's and the gateway's: no user sees it.
//! - `sync_token` goes into the next request as `since`. It stands for a place in the backend's sequence of commits, not for a time, so
//!   nothing is missed or repeated whatever the clocks say. While `has_more`, the next page is asked for at once.
//! - `full` is true on the first page of a listing of everything: the answer to no `since`, or to one that the backend does not know
//!   any more. Whoever is in no page from there to the one without `has_more` is gone.
//! - Times of expiry are by the backend's clock, which its `Date` header tells.

use creel_config::{MAX_USER_CONFIG, Secret};
use creel_session::UserId;
use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub type TokenHash = [u8; 32];

/// One answer, with what was unfit for use left out of it.
#[derive(Debug, Default)]
pub struct Page {
    pub users: Vec<ChangedUser>,
    pub deleted: Vec<UserId>,
    pub sync_token: String,
    pub full: bool,
    pub has_more: bool,
    /// What was left out, a line each.
    pub refused: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct ChangedUser {
    pub id: UserId,
    /// Milliseconds since the Unix epoch; 0: not known.
    pub created_at: i64,
    pub active: bool,
    pub tokens: Vec<Token>,
    /// JSON text; or why it cannot be one.
    pub config: Result<Box<str>, String>,
    pub model_key: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub sha256: TokenHash,
    /// Seconds since the Unix epoch.
    pub expires_at: Option<i64>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    users: Vec<&'a RawValue>,
    #[serde(borrow)]
    deleted: Vec<&'a RawValue>,
    sync_token: String,
    full: bool,
    has_more: bool,
}

#[derive(Deserialize)]
struct User<'a> {
    user_id: String,
    created_at: Option<String>,
    status: Status,
    tokens: Vec<TokenOfUser>,
    #[serde(borrow)]
    config: Option<&'a RawValue>,
    model_key: Option<String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Active,
    Disabled,
}

#[derive(Deserialize)]
struct TokenOfUser {
    sha256: String,
    expires_at: Option<String>,
}

impl Page {
    /// # Errors
    /// It is no such answer at all. One user who is not as agreed is left out, and spoils nothing for the others.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let answer: Answer = serde_json::from_slice(bytes)?;
        let mut page = Self {
            sync_token: answer.sync_token,
            full: answer.full,
            has_more: answer.has_more,
            ..Self::default()
        };
        for (index, raw) in answer.users.into_iter().enumerate() {
            match ChangedUser::parse(raw) {
                Ok(user) => page.users.push(user),
                Err(problem) => page.refused.push(format!("users[{index}]: {problem}")),
            }
        }
        for (index, raw) in answer.deleted.into_iter().enumerate() {
            match serde_json::from_str(raw.get()) {
                Ok(id) => page.deleted.push(id),
                Err(error) => page.refused.push(format!("deleted[{index}]: {error}")),
            }
        }
        Ok(page)
    }
}

impl ChangedUser {
    fn parse(raw: &RawValue) -> Result<Self, String> {
        let user: User = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
        let id = UserId::new(&user.user_id).map_err(|error| error.to_string())?;
        let created_at = user.created_at.as_deref().map(moment).transpose();
        let created_at = created_at.map_err(|()| "created_at must be a time as RFC 3339 has it")?;
        let tokens = user.tokens.iter().map(Token::parse).collect::<Result<_, _>>()?;
        let text = user.config.map_or("{}", RawValue::get);
        let config = if text.len() > MAX_USER_CONFIG {
            // Not kept: the user is told of it, and nobody else pays for it.
            let limit = MAX_USER_CONFIG >> 10;
            Err(format!("has {} bytes; it may have up to {limit} KiB", text.len()))
        } else {
            Ok(text.into())
        };
        Ok(Self {
            id,
            created_at: created_at.unwrap_or_default(),
            active: user.status == Status::Active,
            tokens,
            config,
            model_key: user.model_key.map(Secret::from),
        })
    }
}

impl Token {
    fn parse(token: &TokenOfUser) -> Result<Self, String> {
        let sha256 = from_hex(&token.sha256).ok_or("tokens: sha256 must be 64 hexadecimal digits")?;
        let expires_at = match &token.expires_at {
            Some(text) => {
                let at = moment(text).map_err(|()| "tokens: expires_at must be a time as RFC 3339 has it")?;
                Some(at.div_euclid(1_000))
            }
            None => None,
        };
        Ok(Self { sha256, expires_at })
    }
}

/// A time in milliseconds since the Unix epoch.
fn moment(text: &str) -> Result<i64, ()> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(drop)?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).map_err(drop)
}

fn from_hex(text: &str) -> Option<TokenHash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(users: serde_json::Value) -> Page {
        let answer =
            json!({"users": users, "deleted": ["gone", "../x"], "sync_token": "t", "full": true, "has_more": false});
        Page::parse(answer.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_user_who_is_not_as_agreed_spoils_nothing() {
        let hash = "0f".repeat(32);
        let page = page(json!([
            {"user_id": "../../etc", "status": "active", "tokens": []},
            {"user_id": "a", "status": "sleepy", "tokens": []},
            {"user_id": "b", "status": "active", "tokens": [{"sha256": "short"}]},
            {"user_id": "c", "status": "active", "tokens": [{"sha256": hash, "expires_at": "soon"}]},
            {"user_id": "d", "status": "disabled", "tokens": [{"sha256": hash, "expires_at": "1970-01-01T01:00:00+01:00"}], "new": 1},
            7,
        ]));
        assert_eq!(page.users.len(), 1);
        assert_eq!(
            (
                page.users[0].id.as_str(),
                page.users[0].active,
                page.users[0].tokens[0].expires_at
            ),
            ("d", false, Some(0))
        );
        assert_eq!(page.deleted, [UserId::new("gone").unwrap()]);
        assert_eq!(page.refused.len(), 6, "{:?}", page.refused);
    }

    #[test]
    fn a_configuration_without_bounds_is_not_kept() {
        let config = json!({"ui": "x".repeat(10 << 20)});
        let page = page(json!([{"user_id": "a", "status": "active", "tokens": [], "config": config}]));
        assert!(page.users[0].config.as_ref().unwrap_err().contains("up to 256 KiB"));
    }

    #[test]
    fn half_an_answer_is_none() {
        assert!(Page::parse(b"{\"users\": []").is_err());
        assert!(Page::parse(b"<html>").is_err());
        assert!(Page::parse(b"{\"users\": []}").is_err());
    }
}
