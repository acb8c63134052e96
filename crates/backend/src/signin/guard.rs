//! Lets a signed-in user in: by an access token, or by a browser's cookie with CSRF protection.

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use creel_http::{Problem, bearer};
use creel_records::{UserLogin, UserRecord, now_ms};
use creel_session::UserId;

use super::login::Form;
use super::{COOKIE, access};
use crate::auth::{Actor, cookie, sha256};
use crate::error::records_problem;
use crate::routes::State;
use crate::state::Backend;

/// What is said to whoever is not let in, whatever the reason: it tells nothing of what is there.
const AGAIN: &str =
    "sign in again: this needs a user's access token as bearer, or the cookie of a sign-in, and it must be in force";

/// Who asks, and by which login.
#[derive(Clone)]
pub struct SignedIn {
    pub id: UserId,
    pub user: UserRecord,
    pub login: UserLogin,
    /// What the login was shown by.
    pub form: Form,
    /// Until when that holds, in milliseconds since the Unix epoch.
    pub expires_at: i64,
}

impl SignedIn {
    /// The name that the activity log shows.
    pub fn actor(&self) -> String {
        actor(&self.user.id)
    }
}

/// A user's name in the activity log, where administrators have theirs.
pub fn actor(user: &str) -> String {
    format!("user {user}")
}

pub async fn admit(Shared(backend): Shared<State>, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut head, body) = request.into_parts();
    let signed_in = who(&backend, &head.method, &head.headers).await?;
    head.extensions.insert(Actor(signed_in.actor()));
    head.extensions.insert(signed_in);
    Ok(next.run(Request::from_parts(head, body)).await)
}

async fn who(backend: &Backend, method: &Method, headers: &HeaderMap) -> Result<SignedIn, Problem> {
    let signed_in = found(backend, headers).await?;
    let signed_in = signed_in.ok_or_else(|| Problem::unauthorized(AGAIN))?;
    if signed_in.form == Form::Cookie {
        cookie::refuse_forged(method, headers, &signed_in.login.csrf)?;
    }
    Ok(signed_in)
}

/// Whose request it is, by its token or else its cookie. Whether a browser was tricked into sending it is not looked at.
pub async fn found(backend: &Backend, headers: &HeaderMap) -> Result<Option<SignedIn>, Problem> {
    let now = now_ms();
    let records = &backend.records;
    let (form, found, until) = match bearer(headers) {
        Some(token) => {
            let access = access::verify(&backend.sign_in.keys, token, now).await;
            let Some(access) = access.map_err(records_problem)? else {
                return Ok(None);
            };
            let found = records.user_login(&access.login, now).await.map_err(records_problem)?;
            let found = found.filter(|(login, _)| login.user == access.user);
            (Form::Tokens, found, Some(access.expires_at * 1_000))
        }
        None => {
            let Some(secret) = cookie::read(COOKIE, headers) else {
                return Ok(None);
            };
            let found = records.user_login_of_cookie(&sha256(secret), now).await;
            (Form::Cookie, found.map_err(records_problem)?, None)
        }
    };
    Ok(found.and_then(|(login, user)| {
        Some(SignedIn {
            id: UserId::new(&user.id).ok()?,
            expires_at: until.unwrap_or(login.expires_at),
            user,
            login,
            form,
        })
    }))
}
