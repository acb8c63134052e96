//! `GET|POST /api/users`, `GET|PATCH|DELETE /api/users/{id}`.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::{Extension, Json};
use creel_http::{FromQuery, JsonBody, Parameters, Path, Problem, Query};
use creel_records::{NewUser, UserPatch, UserStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{config, happened, hashed, known, parse_id, parse_name, shown, token};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::merge_patch::{Given, given};
use crate::routes::State;

/// Users of one answer.
const MOST: u32 = 1_000;
/// Characters that are looked for.
const SEARCH: usize = 100;

pub struct Page {
    /// A part of an id or a name.
    search: Option<String>,
    /// Users after this id.
    after: Option<String>,
    limit: Option<u32>,
}

impl FromQuery for Page {
    const NAMES: &'static [&'static str] = &["search", "after", "limit"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            search: parameters.text("search"),
            after: parameters.text("after"),
            limit: parameters.number_within("limit", 1..=MOST)?,
        })
    }
}

/// `GET /api/users?search=&after=ID&limit=100`: by id. `next` goes into the next question as `after`, and is null at the end.
pub async fn list(Shared(backend): Shared<State>, Query(page): Query<Page>) -> Result<Json<Value>, Problem> {
    let search = page.search.as_deref().unwrap_or_default();
    if search.chars().count() > SEARCH || search.contains('\0') {
        return Err(Problem::unprocessable(format!("search: at most {SEARCH} characters")));
    }
    let after = match page.after.as_deref() {
        None | Some("") => None,
        Some(id) => Some(parse_id(id)?),
    };
    let after = after.as_ref().map_or("", |id| id.as_str());
    let limit = page.limit.unwrap_or(100);
    // One more tells whether there are more.
    let mut users = backend
        .records
        .users(search, after, limit + 1)
        .await
        .map_err(records_problem)?;
    let more = users.len() > limit as usize;
    users.truncate(limit as usize);
    let next = users.last().filter(|_| more).map(|user| &user.id);
    Ok(Json(
        json!({"users": users.iter().map(shown).collect::<Vec<_>>(), "next": next}),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    id: String,
    name: Option<String>,
    password: Option<String>,
    config: Option<Value>,
}

/// `POST /api/users`
pub async fn create(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Query(()): Query<()>,
    JsonBody(request): JsonBody<Create>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id = parse_id(&request.id)?;
    let new = NewUser {
        id: id.as_str().to_owned(),
        name: parse_name(request.name.as_deref().unwrap_or_default())?,
        config: config::checked(format!("{:#}", request.config.unwrap_or_else(|| json!({}))))?,
        password_phc: match request.password {
            Some(password) => Some(hashed(&backend, password).await?),
            None => None,
        },
    };
    let user = backend.records.insert_user(&new).await.map_err(records_problem)?;
    happened(&backend, &actor.0, "user.created", &user.id, format!("user {id} made")).await;
    Ok((StatusCode::CREATED, Json(json!({"user": shown(&user)}))))
}

/// `GET /api/users/{id}`
pub async fn show(Shared(backend): Shared<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let id = parse_id(&id)?;
    let user = known(&backend, &id).await?;
    let tokens = backend
        .records
        .user_tokens(id.as_str())
        .await
        .map_err(records_problem)?;
    let tokens: Vec<Value> = tokens.iter().map(token::shown).collect();
    Ok(Json(json!({"user": shown(&user), "tokens": tokens})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    name: Option<String>,
    status: Option<UserStatus>,
    /// `null`: they sign in no more.
    #[serde(default, deserialize_with = "given")]
    password: Given<String>,
}

/// `PATCH /api/users/{id}`: all of it or nothing.
pub async fn change(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    JsonBody(request): JsonBody<Change>,
) -> Result<Json<Value>, Problem> {
    let id = parse_id(&id)?;
    let changed = [
        request.name.is_some().then_some("name"),
        request.status.map(|status| match status {
            UserStatus::Active => "active",
            UserStatus::Disabled => "disabled",
        }),
        request.password.is_some().then_some("password"),
    ];
    let changed: Vec<&str> = changed.into_iter().flatten().collect();
    if changed.is_empty() {
        return Err(Problem::unprocessable(
            "nothing to change: give name, status or password",
        ));
    }
    let patch = UserPatch {
        name: request.name.as_deref().map(parse_name).transpose()?,
        status: request.status,
        password_phc: match request.password {
            Some(Some(password)) => Some(Some(hashed(&backend, password).await?)),
            Some(None) => Some(None),
            None => None,
        },
    };
    let patched = backend.records.patch_user(id.as_str(), &patch).await;
    patched.map_err(records_problem)?;
    if request.status.is_some() {
        // Their virtual keys are in force or not.
        backend.llm.refresh.now().await;
    }
    let message = format!("user {id}: {}", changed.join(", "));
    happened(&backend, &actor.0, "user.changed", id.as_str(), message).await;
    Ok(Json(json!({"user": shown(&known(&backend, &id).await?)})))
}

/// `DELETE /api/users/{id}`. What they were charged stays in the books.
pub async fn remove(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = parse_id(&id)?;
    if !backend
        .records
        .delete_user(id.as_str())
        .await
        .map_err(records_problem)?
    {
        return Err(Problem::not_found(format!("there is no user \"{id}\"")));
    }
    // Their virtual keys went with them.
    backend.llm.refresh.now().await;
    let message = format!("user {id} removed");
    happened(&backend, &actor.0, "user.removed", id.as_str(), message).await;
    Ok(StatusCode::NO_CONTENT)
}
