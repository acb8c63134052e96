//! `POST /api/bulk/instances`: the same for many instances, a few at a time; each tells how it went.

use axum::extract::State as Shared;
use axum::{Extension, Json};
use creel_fleet::{Instance, InstanceId};
use creel_http::{JsonBody, Problem};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Actor;
use crate::instances::{self, Act};
use crate::routes::State;

/// Instances that are dealt with side by side. Starts take turns in the fleet besides.
const AT_A_TIME: usize = 32;
/// More than a fleet has.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    action: String,
    ids: Vec<String>,
    purge: Option<bool>,
}

impl Bulk {
    /// Nothing is begun unless all of it makes sense.
    fn parse(self) -> Result<(Act, Vec<InstanceId>), Problem> {
        let act = Act::parse(&self.action, self.purge)?;
        if self.ids.is_empty() || self.ids.len() > MOST {
            return Err(Problem::unprocessable(format!("ids: name 1 to {MOST} instances")));
        }
        let mut ids: Vec<InstanceId> = Vec::with_capacity(self.ids.len());
        for text in &self.ids {
            let id = text
                .parse()
                .map_err(|error| Problem::unprocessable(format!("ids: {error}")))?;
            ids.push(id);
        }
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Problem::unprocessable(format!("ids: \"{}\" is named twice", twice[0])));
        }
        Ok((act, ids))
    }
}

/// Answers once all of them are done, in the order in which they were named.
pub async fn run(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    JsonBody(request): JsonBody<Bulk>,
) -> Result<Json<Value>, Problem> {
    let (act, ids) = request.parse()?;
    // To its end, also when whoever asked has hung up.
    let work = async move {
        let results = stream::iter(ids)
            .map(|id| {
                let (backend, actor) = (backend.clone(), actor.clone());
                async move {
                    let done = instances::perform(&backend, &actor, &id, act).await;
                    result(&id, done)
                }
            })
            .buffered(AT_A_TIME)
            .collect::<Vec<Value>>()
            .await;
        Ok(Json(json!({"results": results})))
    };
    instances::uninterrupted(work).await
}

/// With the instance as it is then, where it still is.
fn result(id: &InstanceId, done: Result<Option<Instance>, Problem>) -> Value {
    match done {
        Ok(Some(instance)) => json!({"id": id, "ok": true, "instance": instance}),
        Ok(None) => json!({"id": id, "ok": true}),
        Err(problem) => json!({"id": id, "ok": false, "problem": problem.body()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(request: Value) -> String {
        let bulk: Bulk = serde_json::from_value(request).unwrap();
        bulk.parse().err().unwrap().detail
    }

    #[test]
    fn what_makes_no_sense_begins_nothing() {
        assert!(refusal(json!({"action": "explode", "ids": ["a"]})).contains("cannot \"explode\""));
        assert!(refusal(json!({"action": "stop", "ids": []})).starts_with("ids: name 1 to"));
        assert!(refusal(json!({"action": "stop", "ids": ["a", "../x"]})).starts_with("ids: instance id"));
        assert_eq!(
            refusal(json!({"action": "stop", "ids": ["a", "b", "a"]})),
            "ids: \"a\" is named twice"
        );
        assert!(refusal(json!({"action": "stop", "ids": ["a"], "purge": true})).starts_with("purge: "));
    }
}
