//! `GET|PUT /api/system/users-gateway`: makes an instance the gateway for all users. Each step may be repeated, so a call that was cut short is
//! finished by the next one.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use creel_config::json5;
use creel_fleet::{CreateInstance, FleetError, InstanceId, Runtime};
use creel_http::{JsonBody, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use super::instance;
use crate::auth::Actor;
use crate::error::{fleet_problem, records_problem};
use crate::instances::parse_id;
use crate::routes::State;
use crate::state::Backend;

/// What the instance is called where nobody says.
const NAME: &str = "everyone";

/// What its configuration says of users where it does not say it yet. The variables are the fleet's and the control plane's.
const SETTINGS: [(&str, &str); 5] = [
    ("cloudBackendUrl", "${CREEL_CONSOLE_URL}"),
    ("serviceToken", "${CREEL_SERVICE_TOKEN}"),
    ("workspaceRoot", "${OPENCLAW_STATE_DIR}/workspaces"),
    ("configRoot", "${OPENCLAW_STATE_DIR}/configs"),
    ("templatePath", "${OPENCLAW_STATE_DIR}/template"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Make {
    instance: Option<String>,
    model: Option<String>,
}

/// `GET /api/system/users-gateway`
pub async fn show(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    shown(&backend).await.map(Json)
}

/// `PUT /api/system/users-gateway`: makes the instance where there is none, and sees to it that it serves all users.
pub async fn make(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    JsonBody(request): JsonBody<Make>,
) -> Result<Json<Value>, Problem> {
    if let Some(address) = &backend.everyone.address {
        let detail = format!("the gateway for users is {address}, as creel.toml says; take that away first");
        return Err(Problem::conflict("gateway_named", detail));
    }
    let id = parse_id(request.instance.as_deref().unwrap_or(NAME))?;
    // Not broken off where the one who asked has left.
    let work = tokio::spawn(async move {
        set_up(&backend, &id, request.model).await?;
        let message = format!("instance {id} serves all users");
        let activity = &backend.activity;
        activity
            .record(&actor.0, "users.gateway", Some(id.as_str()), message, json!({}))
            .await;
        shown(&backend).await
    });
    work.await.unwrap_or_else(|_| Err(Problem::internal())).map(Json)
}

async fn set_up(backend: &Backend, id: &InstanceId, model: Option<String>) -> Result<(), Problem> {
    let fleet = &backend.fleet;
    match fleet.get(id) {
        Some(instance) if instance.runtime != Runtime::Native => {
            let detail = format!("instance: \"{id}\" is no native gateway, and only those serve many users");
            return Err(Problem::unprocessable(detail));
        }
        Some(_) => {}
        None => {
            let new = CreateInstance {
                start: false,
                model,
                ..CreateInstance::new(id.clone())
            };
            match fleet.create(new).await {
                Ok(_) | Err(FleetError::Taken(_)) => {}
                Err(error) => return Err(fleet_problem(error)),
            }
        }
    }
    // First the mark: without it the variables that the configuration names say nothing.
    let marked = backend.records.set_users_gateway(Some(id.as_str())).await;
    marked.map_err(records_problem)?;
    let text = fleet.config_text(id).await.map_err(fleet_problem)?;
    let text = with_users(&text).map_err(Problem::unprocessable)?;
    fleet.set_config(id, &text, None).await.map_err(fleet_problem)?;
    fleet.restart(id).await.map_err(fleet_problem)?;
    Ok(())
}

/// The text with many users switched on; what it says of them already stays.
fn with_users(text: &str) -> Result<String, String> {
    let broken = |error: &dyn std::fmt::Display| format!("the instance's configuration: {error}");
    let root = json5::parse(text).map_err(|error| broken(&error.message))?.to_json();
    let set = |text: &str, key: &str, value: Value| {
        json5::set(text, &["multiTenant", key], &value).map_err(|error| broken(&error))
    };
    let mut text = set(text, "enabled", true.into())?;
    for (key, value) in SETTINGS {
        if root.pointer(&format!("/multiTenant/{key}")).is_none() {
            text = set(&text, key, value.into())?;
        }
    }
    Ok(text)
}

async fn shown(backend: &Backend) -> Result<Value, Problem> {
    if let Some(address) = &backend.everyone.address {
        return Ok(json!({"instance": null, "status": null, "url": address.to_string()}));
    }
    let id = instance(backend).await?;
    let instance = id.and_then(|id| backend.fleet.get(&id));
    Ok(json!({
        "instance": instance.as_ref().map(|instance| instance.id.as_str()),
        "status": instance.as_ref().map(|instance| instance.status),
        "url": instance.as_ref().and_then(|instance| instance.port).map(|port| format!("http://127.0.0.1:{port}")),
    }))
}

/// An instance was removed: another one of this name is not handed the service token.
pub async fn forget(backend: &Backend, id: &InstanceId) -> Result<(), Problem> {
    let records = &backend.records;
    let marked = records.users_gateway().await.map_err(records_problem)?;
    if marked.as_deref() == Some(id.as_str()) {
        records.set_users_gateway(None).await.map_err(records_problem)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_users_already_stays() {
        let text = with_users("{\n  // mine\n  multiTenant: { enabled: false, workspaceRoot: \"/w\" },\n}\n").unwrap();
        assert!(text.contains("// mine"), "{text}");
        let config = json5::parse(&text).unwrap().to_json();
        let users = &config["multiTenant"];
        assert_eq!(
            (&users["enabled"], &users["workspaceRoot"]),
            (&json!(true), &json!("/w"))
        );
        assert_eq!(users["serviceToken"], "${CREEL_SERVICE_TOKEN}");
        assert!(with_users("{").is_err());
        let text = with_users("{}").unwrap();
        assert_eq!(with_users(&text).unwrap(), text, "again changes nothing");
    }
}
