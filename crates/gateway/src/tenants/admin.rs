//! `/api/v1/multi-tenant`: what `creel multi-tenant` asks a gateway for many users. The service token lets in.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use creel_http::{FromQuery, Parameters, Path, Problem, Query, rfc3339};
use creel_session::UserId;
use serde_json::{Value, json};

use super::Tenants;
use super::memory::resident_bytes;
use crate::routes::State;

/// Users in one answer, unless asked for fewer.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1_000;

fn tenants(gateway: &State) -> Result<&Tenants, Problem> {
    let absent = || Problem::not_found("this gateway serves one user: multiTenant.enabled is off");
    gateway.tenants.as_deref().ok_or_else(absent)
}

/// `GET …/stats`
pub async fn stats(Shared(gateway): Shared<State>) -> Result<Json<Value>, Problem> {
    let tenants = tenants(&gateway)?;
    let setup = gateway.setup.load();
    let sync = tenants.syncing.status();
    let pending: usize = tenants.cache.all().iter().map(|tenant| tenant.usage.requests()).sum();
    Ok(Json(json!({
        "instance_id": setup.config.instance_id,
        "total_users": tenants.directory().len(),
        "active_instances": tenants.cache.len(),
        "max_cached_users": setup.config.multi_tenant.as_ref().map(|settings| settings.max_cached_users),
        "connections": gateway.metrics.connections.get(),
        "pending_requests": pending,
        "turns_running": tenants.schedule.running(),
        "turns_waiting": tenants.schedule.waiting(),
        "cache_hit_rate": tenants.cache.hit_rate(),
        "last_sync": sync.last_success.map(rfc3339),
        "sync_failures": sync.failures,
        "sync_error": sync.error,
        "alerts": tenants.alerts.lock().expect("no holder panics").values().collect::<Vec<_>>(),
        "memory_bytes": resident_bytes(),
        "uptime_seconds": gateway.started.elapsed().as_secs(),
    })))
}

/// `POST …/sync`
pub async fn sync(Shared(gateway): Shared<State>) -> Result<Json<Value>, Problem> {
    let report = tenants(&gateway)?
        .sync(&gateway)
        .await
        .map_err(|error| Problem::new(StatusCode::BAD_GATEWAY, "sync_failed", error.to_string()))?;
    Ok(Json(json!({
        "changed": report.changed,
        "deleted": report.deleted,
        "pages": report.pages,
        "full": report.full,
        "milliseconds": report.took.as_secs_f64() * 1_000.0,
    })))
}

pub struct Wanted {
    search: String,
    after: Option<String>,
    limit: Option<usize>,
}

impl FromQuery for Wanted {
    const NAMES: &'static [&'static str] = &["search", "after", "limit"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            search: parameters.text("search").unwrap_or_default(),
            after: parameters.text("after"),
            limit: parameters.number_within("limit", 1..=LARGEST_PAGE)?,
        })
    }
}

/// `GET …/users?search=&after=&limit=`: by id; `next` goes into the next request as `after`.
pub async fn list(Shared(gateway): Shared<State>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, Problem> {
    let tenants = tenants(&gateway)?;
    let limit = wanted.limit.unwrap_or(PAGE);
    let found = tenants
        .directory()
        .list(&wanted.search, wanted.after.as_deref(), limit + 1);
    let next = (found.len() > limit).then(|| found[limit - 1].0.to_string());
    let users: Vec<Value> = found
        .iter()
        .take(limit)
        .map(|(id, active)| {
            let loaded = tenants.cache.get(id);
            json!({
                "user_id": id,
                "status": status(*active),
                "loaded": loaded.is_some(),
                "connections": tenants.doors.of(id),
                "pending_requests": loaded.as_ref().map_or(0, |tenant| tenant.usage.requests()),
                "idle_seconds": loaded.map(|tenant| tenant.last_used().elapsed().as_secs()),
            })
        })
        .collect();
    Ok(Json(json!({"users": users, "next": next})))
}

/// `GET …/users/cleanup`: somebody may be called so.
pub async fn info_of_cleanup(gateway: Shared<State>) -> Result<Json<Value>, Problem> {
    info(gateway, Path("cleanup".to_owned())).await
}

/// `GET …/users/{id}`
pub async fn info(Shared(gateway): Shared<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let tenants = tenants(&gateway)?;
    let unknown = || Problem::not_found(format!("there is no user {id:?}"));
    let user = UserId::new(&id).map_err(|_| unknown())?;
    let (active, tokens) = {
        let directory = tenants.directory();
        let active = directory.is_active(&user).ok_or_else(unknown)?;
        (active, directory.tokens_of(&user))
    };
    let loaded = tenants.cache.get(&user);
    let stored = tenants.store.user(&user).await.ok().flatten();
    let configuration = stored.map(|stored| stored.config);
    Ok(Json(json!({
        "user_id": user,
        "status": status(active),
        "tokens": tokens,
        "workspace": tenants.workspaces.path(&user),
        "loaded": loaded.is_some(),
        "loaded_seconds": loaded.as_ref().map(|tenant| tenant.since.elapsed().as_secs()),
        "idle_seconds": loaded.as_ref().map(|tenant| tenant.last_used().elapsed().as_secs()),
        "connections": tenants.doors.of(&user),
        "pending_requests": loaded.as_ref().map_or(0, |tenant| tenant.usage.requests()),
        "disk_bytes": loaded.as_ref().map(|tenant| tenant.usage.disk()).filter(|bytes| *bytes < u64::MAX),
        "configuration_bytes": configuration.as_ref().and_then(|text| text.as_ref().ok()).map(String::len),
        "problem": loaded.and_then(|tenant| tenant.problem()).or(configuration.and_then(Result::err)),
    })))
}

pub struct Cleanup {
    /// Milliseconds; without it, `multiTenant.userIdleTimeoutMs`.
    idle_ms: Option<u64>,
}

impl FromQuery for Cleanup {
    const NAMES: &'static [&'static str] = &["idle_ms"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            idle_ms: parameters.number("idle_ms")?,
        })
    }
}

/// `POST …/users/cleanup?idle_ms=`: unloads who is idle. Nothing of theirs is lost.
pub async fn cleanup(Shared(gateway): Shared<State>, Query(wanted): Query<Cleanup>) -> Result<Json<Value>, Problem> {
    let tenants = tenants(&gateway)?;
    let setup = gateway.setup.load();
    let configured = setup
        .config
        .multi_tenant
        .as_ref()
        .map(|settings| settings.user_idle_timeout);
    let idle = wanted
        .idle_ms
        .map(Duration::from_millis)
        .or(configured)
        .unwrap_or_default();
    let unloaded = tenants.cache.unload_idle(idle);
    Ok(Json(
        json!({"unloaded": unloaded, "active_instances": tenants.cache.len()}),
    ))
}

fn status(active: bool) -> &'static str {
    if active { "active" } else { "disabled" }
}
