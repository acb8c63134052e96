//! `/api/drivers` and `/api/images`: what instances can run in, and from.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use creel_fleet::{ImageFacts, Runtime};
use creel_http::{JsonBody, Path, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Actor;
use crate::error::fleet_problem;
use crate::routes::State;

pub async fn list(Shared(backend): Shared<State>) -> Json<Value> {
    let drivers = backend.fleet.drivers().await;
    let shown = drivers.into_iter().map(|facts| {
        let mut shown = json!({"driver": facts.driver, "available": facts.available, "runtimes": facts.runtimes});
        for (name, value) in [
            ("reason", facts.reason),
            ("needs", facts.needs.map(str::to_owned)),
            ("version", facts.version),
        ] {
            if let Some(value) = value {
                shown[name] = value.into();
            }
        }
        shown
    });
    Json(json!({"drivers": shown.collect::<Vec<_>>()}))
}

pub async fn images(Shared(backend): Shared<State>) -> Result<Json<Value>, Problem> {
    let images = backend.fleet.images().await.map_err(fleet_problem)?;
    Ok(Json(json!({"images": images.iter().map(shown).collect::<Vec<_>>()})))
}

fn shown(facts: &ImageFacts) -> Value {
    let mut shown = json!({"runtime": facts.runtime, "image": facts.image, "present": facts.pinned.is_some()});
    let digest = facts.pinned.as_deref().and_then(|pinned| pinned.split_once('@'));
    if let Some((_, digest)) = digest {
        shown["digest"] = digest.into();
    }
    shown
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    image: String,
}

pub async fn choose_image(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Path(runtime): Path<String>,
    JsonBody(chosen): JsonBody<Chosen>,
) -> Result<Json<Value>, Problem> {
    let runtime: Runtime = runtime
        .parse()
        .map_err(|error: creel_records::UnknownName| Problem::not_found(error.to_string()))?;
    backend
        .fleet
        .set_image(runtime, &chosen.image)
        .await
        .map_err(fleet_problem)?;
    let message = format!("new {runtime} instances are made from {}", chosen.image);
    let data = json!({"runtime": runtime, "image": chosen.image});
    backend
        .activity
        .record(&actor.0, "image.choose", None, message, data)
        .await;
    let images = backend.fleet.images().await.map_err(fleet_problem)?;
    let now = images.iter().find(|facts| facts.runtime == runtime);
    Ok(Json(now.map(shown).unwrap_or_default()))
}
