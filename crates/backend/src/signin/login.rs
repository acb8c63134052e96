//! Signing in with a password, going on with a refresh token, signing out.

use std::net::IpAddr;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_http::{JsonBody, Path, Peer, Problem, random_id, rfc3339};
use creel_records::{SignedBy, Spent, UserLogin, UserRecord, UserStatus, now_ms};
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::{actor, found};
use super::guesses::Place;
use super::{COOKIE, access};
use crate::auth::{cookie, crowded, locked_out, sha256, verify_password};
use crate::error::records_problem;
use crate::routes::State;
use crate::state::Backend;
use crate::users;

/// Seconds that a browser's login lasts, and a program's: in all, however often it is prolonged.
const COOKIE_LIFE: i64 = 7 * 24 * 3600;
const REFRESH_LIFE: i64 = 30 * 24 * 3600;

/// The one answer to whoever does not get in.
const WRONG: &str = "wrong id or password";

/// What a login is shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A browser's, out of reach for its scripts.
    Cookie,
    /// Access tokens, and refresh tokens to get more of them.
    Tokens,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    id: String,
    password: String,
    #[serde(default)]
    cookie: bool,
}

/// `GET /api/auth/methods`: how one may sign in here.
pub async fn methods(Shared(backend): Shared<State>) -> Json<Value> {
    let oidc = backend.sign_in.oidc.as_ref();
    let oidc = oidc.map(|oidc| json!({"name": oidc.settings.name, "start": "/api/auth/oidc/start"}));
    Json(json!({"password": true, "oidc": oidc}))
}

/// `POST /api/auth/login`
pub async fn log_in(
    Shared(backend): Shared<State>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    JsonBody(credentials): JsonBody<Credentials>,
) -> Result<Response, Problem> {
    let Credentials { id, password, cookie } = credentials;
    if cookie {
        cookie::refuse_form(&headers)?;
    }
    let user = check_password(&backend, peer, &id, password).await?;
    let form = if cookie { Form::Cookie } else { Form::Tokens };
    let phc = user.password_phc.clone().unwrap_or_default();
    let answer = issue(&backend, &user, SignedBy::Password(&phc), form, &headers).await?;
    let answer = answer.ok_or_else(|| Problem::unauthorized(WRONG))?;
    happened(&backend, &actor(&user.id), "user.login", &user.id, peer.ip).await;
    Ok(answer)
}

/// The user whose password it is. Who is unknown, has none, or is disabled gets the same answer as who gave a wrong one, as late.
///
/// # Errors
/// 401; 429 after too many failures there; 503 where too many wait.
pub async fn check_password(backend: &Backend, peer: Peer, id: &str, password: String) -> Result<UserRecord, Problem> {
    let (guesses, place) = (&backend.sign_in.guesses, Place::new(peer.ip, id));
    let refuse = || {
        guesses
            .locked_out(&place)
            .map_or(Ok(()), |remaining| Err(locked_out(remaining)))
    };
    refuse()?;
    let turn = backend.password_turns.take().await.ok_or_else(crowded)?;
    // Again: those before this one may have failed meanwhile.
    refuse()?;
    // Counted before the password is looked at, or many guesses at once would all come through.
    guesses.begin(&place);
    let user = backend.records.user(id).await.map_err(records_problem)?;
    let phc = user.as_ref().and_then(|user| user.password_phc.clone());
    let has_password = phc.is_some();
    let accepted = verify_password(turn, password, phc).await && has_password;
    let Some(user) = user.filter(|user| accepted && user.status == UserStatus::Active) else {
        let user = place.user();
        happened(backend, &actor(user), "user.login_failed", user, peer.ip).await;
        return Err(Problem::unauthorized(WRONG));
    };
    guesses.succeeded(&place);
    Ok(user)
}

/// A new login of this user; `None` if what they showed holds no more, or they are not active.
pub async fn issue(
    backend: &Backend,
    user: &UserRecord,
    by: SignedBy<'_>,
    form: Form,
    headers: &HeaderMap,
) -> Result<Option<Response>, Problem> {
    let now = now_ms();
    let secret = random_secret();
    let (cookie, refresh, life) = match form {
        Form::Cookie => (Some(sha256(&secret)), None, COOKIE_LIFE),
        Form::Tokens => (None, Some(sha256(&secret)), REFRESH_LIFE),
    };
    let login = UserLogin {
        id: random_id(),
        user: user.id.clone(),
        cookie,
        csrf: random_id(),
        created_at: now,
        expires_at: now + life * 1_000,
    };
    let records = &backend.records;
    records.delete_expired_user_logins(now).await.map_err(records_problem)?;
    let made = records.insert_user_login(&login, by, refresh.as_ref()).await;
    if !made.map_err(records_problem)? {
        return Ok(None);
    }
    Ok(Some(match form {
        Form::Tokens => tokens(backend, user, &login, &secret).await?,
        Form::Cookie => {
            let body = json!({
                "user": users::shown(user),
                "csrf": login.csrf,
                "expires_at": rfc3339(login.expires_at),
            });
            let set = cookie::set(COOKIE, &secret, COOKIE_LIFE, headers);
            ([(header::SET_COOKIE, set)], not_stored(body)).into_response()
        }
    }))
}

async fn tokens(backend: &Backend, user: &UserRecord, login: &UserLogin, refresh: &str) -> Result<Response, Problem> {
    let access = access::mint(&backend.sign_in.keys, &user.id, &login.id, now_ms()).await;
    Ok(not_stored(json!({
        "user": users::shown(user),
        "access_token": access.map_err(records_problem)?,
        "token_type": "Bearer",
        "expires_in": access::LIFE,
        "refresh_token": refresh,
        "refresh_expires_at": rfc3339(login.expires_at),
    }))
    .into_response())
}

/// Secrets are not for caches (RFC 6749, section 5.1).
fn not_stored(body: Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// 256 random bits.
fn random_secret() -> String {
    format!("{}{}", random_id(), random_id())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    refresh_token: String,
}

/// `POST /api/auth/refresh`: the next access token, and the next refresh token. One that comes again was stolen from somebody, so the
/// login ends for both who have it (RFC 9700, section 4.14.2).
pub async fn refresh(
    Shared(backend): Shared<State>,
    Extension(peer): Extension<Peer>,
    JsonBody(Refresh { refresh_token }): JsonBody<Refresh>,
) -> Result<Response, Problem> {
    let next = random_secret();
    let (given, following) = (sha256(&refresh_token), sha256(&next));
    let spent = backend.records.spend_refresh_token(&given, &following, now_ms());
    match spent.await.map_err(records_problem)? {
        Spent::Now(login, user) => tokens(&backend, &user, &login, &next).await,
        Spent::Before(login) => {
            tracing::warn!(user = login.user, address = %peer.ip, "a refresh token came a second time; its login has ended");
            happened(&backend, &actor(&login.user), "user.login_ended", &login.user, peer.ip).await;
            Err(Problem::unauthorized(SPENT))
        }
        Spent::Unknown => Err(Problem::unauthorized(SPENT)),
    }
}

const SPENT: &str = "this refresh token is not in force; sign in again";

/// `POST /api/auth/logout`: ends the login of the request's token or cookie, where it has one.
pub async fn log_out(Shared(backend): Shared<State>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(signed_in) = found(&backend, &headers).await? {
        if signed_in.form == Form::Cookie {
            cookie::refuse_forged(&Method::POST, &headers, &signed_in.login.csrf)?;
        }
        let ended = backend.records.delete_user_login(&signed_in.login.id).await;
        ended.map_err(records_problem)?;
    }
    let none = cookie::set(COOKIE, "", 0, &headers);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, none)]).into_response())
}

/// `POST /api/users/{id}/logout`: ends all logins of a user, for the administrator.
pub async fn end_all(
    Shared(backend): Shared<State>,
    Extension(by): Extension<crate::auth::Actor>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = users::parse_id(&id)?;
    users::known(&backend, &id).await?;
    let ended = backend.records.delete_user_logins(id.as_str()).await;
    let logins = ended.map_err(records_problem)?;
    let message = format!("user {id} signed out everywhere");
    let data = json!({"user": id.as_str(), "logins": logins});
    backend.activity.record(&by.0, "user.logout", None, message, data).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn happened(backend: &Backend, actor: &str, kind: &str, user: &str, address: IpAddr) {
    let message = match kind {
        "user.login" => format!("user {user} signed in from {address}"),
        "user.login_failed" => format!("failed sign-in of user {user} from {address}"),
        _ => format!("a refresh token of user {user} came a second time, from {address}; that login has ended"),
    };
    let data = json!({"user": user, "address": address.to_string()});
    backend.activity.record(actor, kind, None, message, data).await;
}
