//! `creel instance config diff|sync`: what changed in the templates, shown and brought to instances.

use serde_json::{Value, json};

use super::args::SyncArgs;
use super::path;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, print_or};

pub async fn diff(client: &Client, id: &str, json: bool) -> Result<(), Failure> {
    let answer = client.get(&path(id, "/config/diff")).await?;
    print_or(json, &answer, || {
        if answer["changed"] == true {
            output::line(answer["diff"].as_str().unwrap_or_default().trim_end());
        } else {
            output::line(&format!(
                "{id} is as its template says, but for what was changed by hand"
            ));
        }
        for conflict in answer["conflicts"].as_array().into_iter().flatten() {
            output::line(&conflict_line(conflict));
        }
    });
    Ok(())
}

fn conflict_line(conflict: &Value) -> String {
    let path = conflict["path"].as_str().unwrap_or_default();
    match conflict["line"].as_u64() {
        Some(line) => format!(
            "conflict: {path} (line {line}) was changed by hand and in the template; what was changed by hand stays"
        ),
        None => format!("conflict: {path} was removed by hand and changed in the template; it stays away"),
    }
}

/// One after the other. One that is refused does not keep the others from being synced.
pub async fn run(client: &Client, args: SyncArgs, json: bool) -> Result<(), Failure> {
    let ids = match args.all {
        true => every(client).await?,
        false => args.ids,
    };
    let body = match &args.conflicts {
        Some(choice) => json!({"conflicts": choice}),
        None => json!({}),
    };
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for id in &ids {
        match client.post(&path(id, "/config/sync"), Some(&body)).await {
            Ok(answer) => results.push(json!({"id": id, "ok": true, "changed": answer["changed"]})),
            Err(failure) => {
                results.push(json!({"id": id, "ok": false, "detail": failure.message()}));
                failures.push(failure);
            }
        }
    }
    // One alone is told as any other command is.
    if ids.len() == 1 && !failures.is_empty() {
        return Err(failures.remove(0));
    }
    print_or(json, &json!({"results": results}), || {
        for result in &results {
            let what = match (&result["changed"], &result["detail"]) {
                (Value::Bool(true), _) => "synced",
                (_, Value::String(detail)) => detail,
                _ => "is as its template says",
            };
            output::line(&format!("{}: {what}", result["id"].as_str().unwrap_or_default()));
        }
    });
    match failures.len() {
        0 => Ok(()),
        count => Err(Failure::failed(format!("{count} of {} were not synced", ids.len()))),
    }
}

async fn every(client: &Client) -> Result<Vec<String>, Failure> {
    let answer = client.get("/api/instances").await?;
    let ids = client.list(&answer, "instances")?.iter();
    Ok(ids.filter_map(|one| one["id"].as_str().map(str::to_owned)).collect())
}
