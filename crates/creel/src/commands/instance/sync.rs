//! `creel instance config diff|sync`: what changed in the templates, shown and brought to one instance, several, or all.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::args::SyncArgs;
use super::bulk::{Selection, complain};
use super::path;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Progress, print_or};

/// Instances that are asked about side by side.
const AT_A_TIME: usize = 16;

/// An instance, and what became of its request.
type Answered = (String, Result<Value, Failure>);

pub async fn diff(client: &Client, selection: Selection, json: bool) -> Result<(), Failure> {
    if let Some(id) = selection.one() {
        let answer = client.get(&path(id, "/config/diff")).await?;
        print_or(json, &answer, || show_diff(id, &answer));
        return Ok(());
    }
    let ids = selection.ids(client).await?;
    let answers = each("looking", ids, json, async |id| {
        client.get(&path(id, "/config/diff")).await
    })
    .await;
    let results = answers.iter().map(|(id, answer)| match answer {
        Ok(answer) => {
            let mut result = answer.clone();
            result["id"] = json!(id);
            result["ok"] = json!(true);
            result
        }
        Err(failure) => json!({"id": id, "ok": false, "detail": failure.message()}),
    });
    print_or(json, &json!({"results": results.collect::<Vec<_>>()}), || {
        if answers.is_empty() {
            output::line("there are no instances");
        }
        for (id, answer) in &answers {
            match answer {
                Ok(answer) if answer["changed"] == true => {
                    output::line(&format!("{id}:"));
                    show_diff(id, answer);
                }
                Ok(answer) => show_diff(id, answer),
                Err(failure) => complain(id, failure.message()),
            }
        }
    });
    ended(&answers, "could not be compared")
}

fn show_diff(id: &str, answer: &Value) {
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

/// One that is refused does not keep the others from being synced.
pub async fn run(client: &Client, args: SyncArgs, json: bool) -> Result<(), Failure> {
    let body = match &args.conflicts {
        Some(choice) => json!({"conflicts": choice}),
        None => json!({}),
    };
    let is_one = args.selection.one().is_some();
    let ids = args.selection.ids(client).await?;
    let sync = async |id: &str| client.post(&path(id, "/config/sync"), Some(&body)).await;
    let mut answers = each("syncing", ids, json, sync).await;
    // One alone is told as any other command is.
    if is_one && answers.iter().any(|(_, answer)| answer.is_err()) {
        return answers.remove(0).1.map(drop);
    }
    let results = answers.iter().map(|(id, answer)| match answer {
        Ok(answer) => json!({"id": id, "ok": true, "changed": answer["changed"]}),
        Err(failure) => json!({"id": id, "ok": false, "detail": failure.message()}),
    });
    print_or(json, &json!({"results": results.collect::<Vec<_>>()}), || {
        if answers.is_empty() {
            output::line("there are no instances");
        }
        for (id, answer) in &answers {
            match answer {
                Ok(answer) if answer["changed"] == true => output::line(&format!("{id} is synced")),
                Ok(_) => output::line(&format!(
                    "{id} is as its template says, but for what was changed by hand"
                )),
                Err(failure) => complain(id, failure.message()),
            }
        }
    });
    ended(&answers, "were not synced")
}

/// Does it with each, a bounded number side by side; the answers are in the order of the ids.
async fn each(
    what: &'static str,
    ids: Vec<String>,
    json: bool,
    ask: impl AsyncFn(&str) -> Result<Value, Failure>,
) -> Vec<Answered> {
    let progress = Progress::start(what, ids.len(), json);
    let (progress, ask) = (&progress, &ask);
    stream::iter(ids)
        .map(|id| async move {
            let answer = ask(&id).await;
            progress.advance(1);
            (id, answer)
        })
        .buffered(AT_A_TIME)
        .collect()
        .await
}

fn ended(answers: &[Answered], what: &str) -> Result<(), Failure> {
    match answers.iter().filter(|(_, answer)| answer.is_err()).count() {
        0 => Ok(()),
        count => Err(Failure::failed(format!("{count} of {} {what}", answers.len()))),
    }
}
