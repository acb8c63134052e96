//! `/api/instances`: make, look at, start, stop, remove.

use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use creel_fleet::{
    ChangeInstance, Channel, Conflicts, CreateInstance, Driver, Idle, Instance, InstanceId, Runtime, Status,
};
use creel_http::{FromQuery, JsonBody, Parameters, Path, Problem, Query, rfc3339};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::auth::Actor;
use crate::config_sync;
use crate::error::fleet_problem;
use crate::everyone;
use crate::merge_patch::{Given, given};
use crate::routes::State;

/// How long a create waits for the instance to be running, so that the answer can say so. A runtime that needs longer answers
/// as `starting`; `GET /api/instances/{id}` and the event stream tell the rest.
const CREATE_PATIENCE: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    id: String,
    name: Option<String>,
    runtime: Option<String>,
    driver: Option<String>,
    channels: Option<Vec<Channel>>,
    model: Option<String>,
    port: Option<u16>,
    memory_limit_bytes: Option<u64>,
    cpus: Option<f64>,
    idle: Option<Idle>,
    version: Option<String>,
    image: Option<String>,
    keep_data: Option<bool>,
    start: Option<bool>,
}

impl Create {
    fn parse(self) -> Result<CreateInstance, Problem> {
        let runtime: Runtime = parse_or(self.runtime, "runtime", Runtime::Native)?;
        let driver: Driver = parse_or(self.driver, "driver", Driver::Process)?;
        Ok(CreateInstance {
            id: parse_id(&self.id)?,
            name: self.name.filter(|name| !name.trim().is_empty()),
            runtime,
            driver,
            channels: self.channels.unwrap_or_default(),
            model: self.model.filter(|model| !model.trim().is_empty()),
            port: self.port,
            memory_limit_bytes: self.memory_limit_bytes,
            cpus: self.cpus,
            idle: self.idle.unwrap_or_default(),
            version: self.version,
            image: self.image,
            keep_data: self.keep_data.unwrap_or(false),
            start: self.start.unwrap_or(true),
        })
    }
}

fn parse_or<T: std::str::FromStr<Err: std::fmt::Display>>(
    text: Option<String>,
    field: &str,
    default: T,
) -> Result<T, Problem> {
    match text {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|error| Problem::unprocessable(format!("{field}: {error}"))),
    }
}

pub fn parse_id(text: &str) -> Result<InstanceId, Problem> {
    text.parse()
        .map_err(|error: creel_fleet::InvalidId| Problem::unprocessable(error.to_string()))
}

pub async fn create(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    JsonBody(request): JsonBody<Create>,
) -> Result<Response, Problem> {
    let request = request.parse()?;
    uninterrupted(async move { make(backend, actor, request).await }).await
}

async fn make(backend: State, actor: Actor, request: CreateInstance) -> Result<Response, Problem> {
    let id = request.id.clone();
    let start = request.start;
    let message = format!("created, runtime {}", request.runtime);
    let data = json!({"runtime": request.runtime});
    let (created, token) = backend.fleet.create(request).await.map_err(fleet_problem)?;
    backend
        .activity
        .record(&actor.0, "instance.create", Some(id.as_str()), message, data)
        .await;
    let warnings = creel_fleet::channel_warnings(&created.channels, created.runtime);
    let instance = if start {
        settled(&backend, &id).await.unwrap_or(created)
    } else {
        created
    };
    Ok((
        StatusCode::CREATED,
        Json(json!({"instance": instance, "token": token.expose(), "warnings": warnings})),
    )
        .into_response())
}

/// The instance once it is running or has failed, or as it is when the patience ends.
async fn settled(backend: &State, id: &InstanceId) -> Option<Instance> {
    let _ = backend.fleet.wait_settled(id, CREATE_PATIENCE).await;
    backend.fleet.get(id)
}

pub async fn list(Shared(backend): Shared<State>) -> Json<Value> {
    Json(json!({"instances": backend.fleet.list()}))
}

pub async fn show(
    Shared(backend): Shared<State>,
    Path(id): Path<String>,
    Query(()): Query<()>,
) -> Result<Json<Instance>, Problem> {
    let id = parse_id(&id)?;
    backend.fleet.get(&id).map(Json).ok_or_else(|| unknown(&id))
}

pub fn unknown(id: &InstanceId) -> Problem {
    Problem::not_found(format!("there is no instance \"{id}\""))
}

pub struct Remove {
    purge: bool,
}

impl FromQuery for Remove {
    const NAMES: &'static [&'static str] = &["purge"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            purge: parameters.flag("purge")?,
        })
    }
}

pub async fn remove(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Query(query): Query<Remove>,
) -> Result<StatusCode, Problem> {
    let id = parse_id(&id)?;
    uninterrupted(async move {
        let act = Act::Remove { purge: query.purge };
        perform(&backend, &actor, &id, act).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Does what was asked to its end, recorded, also when whoever asked has hung up.
pub async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(Problem::internal()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    name: Option<String>,
    idle: Option<Idle>,
    #[serde(default, deserialize_with = "given")]
    memory_limit_bytes: Given<u64>,
    #[serde(default, deserialize_with = "given")]
    cpus: Given<f64>,
}

/// `PATCH /api/instances/{id}`: what is absent stays, `null` takes a limit away.
pub async fn change(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    Query(()): Query<()>,
    JsonBody(request): JsonBody<Change>,
) -> Result<Json<Instance>, Problem> {
    let id = parse_id(&id)?;
    uninterrupted(async move {
        let change = ChangeInstance {
            name: request.name,
            idle: request.idle,
            memory_limit_bytes: request.memory_limit_bytes,
            cpus: request.cpus,
        };
        let members = [
            ("name", change.name.as_ref().map(|name| json!(name))),
            ("idle", change.idle.map(|idle| json!(idle))),
            (
                "memory_limit_bytes",
                change.memory_limit_bytes.map(|limit| json!(limit)),
            ),
            ("cpus", change.cpus.map(|limit| json!(limit))),
        ];
        let changed = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let data: Map<String, Value> = changed.collect();
        if data.is_empty() {
            let reason = "nothing to change: give name, idle, memory_limit_bytes or cpus";
            return Err(Problem::unprocessable(reason));
        }
        let instance = backend.fleet.change(&id, change).await.map_err(fleet_problem)?;
        let names: Vec<&str> = data.keys().map(String::as_str).collect();
        let message = format!("changed: {}", names.join(", "));
        backend
            .activity
            .record(
                &actor.0,
                "instance.change",
                Some(id.as_str()),
                message,
                Value::Object(data),
            )
            .await;
        Ok(Json(instance))
    })
    .await
}

/// What can be done with an instance, one or many.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    Start,
    Stop,
    Restart,
    Sleep,
    Wake,
    Init,
    /// Brings its configuration up to its template; a conflict is refused.
    Sync,
    Remove {
        purge: bool,
    },
}

impl Act {
    /// By its name; `purge` only of a removal.
    pub fn parse(name: &str, purge: Option<bool>) -> Result<Self, Problem> {
        let act = match name {
            "remove" => {
                return Ok(Self::Remove {
                    purge: purge.unwrap_or(false),
                });
            }
            // One alone has a path of its own, where conflicts can be decided.
            "sync" => Self::Sync,
            _ => Self::named(name)
                .ok_or_else(|| Problem::unprocessable(format!("action: {}", unable(name, ", sync, remove"))))?,
        };
        match purge {
            None => Ok(act),
            Some(_) => Err(Problem::unprocessable(format!(
                "purge: says nothing of \"{name}\"; leave it out"
            ))),
        }
    }

    /// Those that an instance outlives.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "start" => Self::Start,
            "stop" => Self::Stop,
            "restart" => Self::Restart,
            "sleep" => Self::Sleep,
            "wake" => Self::Wake,
            "init" => Self::Init,
            _ => return None,
        })
    }
}

fn unable(name: &str, more: &str) -> String {
    format!("an instance cannot \"{name}\"; start, stop, restart, sleep, wake, init{more}")
}

/// Does it, writes it down, and gives the instance once it is so; none after a removal.
pub async fn perform(backend: &State, actor: &Actor, id: &InstanceId, act: Act) -> Result<Option<Instance>, Problem> {
    let fleet = &backend.fleet;
    let (kind, done) = match act {
        Act::Start => ("instance.start", fleet.start(id).await),
        Act::Stop => ("instance.stop", fleet.stop(id).await),
        Act::Restart => ("instance.restart", fleet.restart(id).await),
        Act::Sleep => ("instance.sleep", fleet.sleep(id).await),
        Act::Wake => ("instance.wake", fleet.wake(id).await),
        Act::Init => ("instance.init", fleet.init(id).await),
        Act::Sync => {
            config_sync::bring(backend, actor, id, None, Conflicts::Refuse).await?;
            return Ok(fleet.get(id));
        }
        Act::Remove { purge } => {
            fleet.remove(id, purge).await.map_err(fleet_problem)?;
            everyone::forget(backend, id).await?;
            let message = if purge {
                "removed with its data"
            } else {
                "removed, its data kept"
            };
            backend
                .activity
                .record(
                    &actor.0,
                    "instance.remove",
                    Some(id.as_str()),
                    message,
                    json!({"purge": purge}),
                )
                .await;
            return Ok(None);
        }
    };
    let instance = done.map_err(fleet_problem)?;
    backend
        .activity
        .record(
            &actor.0,
            kind,
            Some(id.as_str()),
            status_line(&instance),
            place(&instance),
        )
        .await;
    Ok(Some(instance))
}

/// `POST /api/instances/{id}/start|stop|restart|sleep|wake|init`: answers once it is so.
pub async fn act(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path((id, action)): Path<(String, String)>,
) -> Result<Json<Instance>, Problem> {
    let id = parse_id(&id)?;
    let act = Act::named(&action).ok_or_else(|| Problem::not_found(unable(&action, "")))?;
    uninterrupted(async move {
        let instance = perform(&backend, &actor, &id, act).await?;
        instance.map(Json).ok_or_else(|| unknown(&id))
    })
    .await
}

/// What the activity log keeps of what became of it.
fn place(instance: &Instance) -> Value {
    match instance.port {
        Some(port) => json!({"status": instance.status, "port": port}),
        None => json!({"status": instance.status, "url": instance.url}),
    }
}

fn status_line(instance: &Instance) -> String {
    match instance.status {
        Status::Running => match (instance.port, &instance.url) {
            (Some(port), _) => format!("running on port {port}"),
            (None, Some(url)) => format!("running at {url}"),
            (None, None) => "running".to_owned(),
        },
        Status::Sleeping => instance.message.clone().unwrap_or_else(|| "sleeping".to_owned()),
        status => status.to_string(),
    }
}

/// `POST /api/instances/{id}/token`: a new token; the old one is void.
pub async fn rotate_token(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = parse_id(&id)?;
    uninterrupted(async move {
        let token = backend.fleet.rotate_token(&id).await.map_err(fleet_problem)?;
        let message = "new token; the old one is void";
        backend
            .activity
            .record(&actor.0, "instance.rotate_token", Some(id.as_str()), message, json!({}))
            .await;
        Ok(Json(json!({"token": token.expose()})))
    })
    .await
}

pub struct Span {
    is_day: bool,
}

impl FromQuery for Span {
    const NAMES: &'static [&'static str] = &["span"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        let is_day = match parameters.text("span").as_deref() {
            None | Some("minutes") => false,
            Some("day") => true,
            Some(other) => {
                let reason = format!("query: span is {other:?}; it must be minutes or day");
                return Err(Problem::bad_request(reason));
            }
        };
        Ok(Self { is_day })
    }
}

/// `GET /api/instances/{id}/stats?span=minutes|day`: the last measurements, oldest first, or what is kept of a day.
pub async fn stats(
    Shared(backend): Shared<State>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> Result<Json<Value>, Problem> {
    let id = parse_id(&id)?;
    backend.fleet.get(&id).ok_or_else(|| unknown(&id))?;
    let sample = |sample: &creel_fleet::Sample| json!({"at": rfc3339(sample.at_ms), "cpu_percent": sample.cpu_percent, "memory_bytes": sample.memory_bytes});
    let samples = match span.is_day {
        true => backend.fleet.stats_of_day(&id),
        false => backend.fleet.stats(&id),
    };
    let samples: Vec<Value> = samples.iter().map(sample).collect();
    Ok(Json(json!({"samples": samples})))
}
