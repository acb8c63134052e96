//! `creel instance start|stop|restart|init|rm` of several: one request, and a line for each.

use clap::Args;
use serde_json::{Value, json};

use super::{removed, show_summary};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Spinner, print_or};

/// Which instances.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Selection {
    /// One or several
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All there are
    #[arg(long)]
    all: bool,
}

impl Selection {
    /// The one that is named, where it is one.
    pub fn one(&self) -> Option<&str> {
        match self.ids.as_slice() {
            [id] => Some(id),
            _ => None,
        }
    }

    pub async fn ids(self, client: &Client) -> Result<Vec<String>, Failure> {
        if !self.all {
            return Ok(self.ids);
        }
        let answer = client.get("/api/instances").await?;
        let instances = client.list(&answer, "instances")?;
        let ids = instances.iter().filter_map(|instance| instance["id"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }
}

/// Does it with all that are selected.
pub async fn act(client: &Client, selection: Selection, action: &str, json: bool) -> Result<(), Failure> {
    let ids = selection.ids(client).await?;
    let request = json!({"action": action, "ids": ids});
    let show = |result: &Value| show_summary(&result["instance"]);
    run(client, &ids, &request, show, json).await
}

/// Removes these.
pub async fn remove(client: &Client, ids: &[String], purge: bool, json: bool) -> Result<(), Failure> {
    let request = json!({"action": "remove", "ids": ids, "purge": purge});
    let show = |result: &Value| output::line(&removed(result["id"].as_str().unwrap_or_default(), purge));
    run(client, ids, &request, show, json).await
}

/// Answers once all are done. What is wrong with one keeps none of the others; the exit code says that something was. Each is told as it would
/// be alone: what was done on standard output, what was not on standard error.
async fn run(
    client: &Client,
    ids: &[String],
    request: &Value,
    show: impl Fn(&Value),
    json: bool,
) -> Result<(), Failure> {
    if ids.is_empty() {
        print_or(json, &json!({"results": []}), || output::line("there are no instances"));
        return Ok(());
    }
    let action = request["action"].as_str().unwrap_or_default();
    let spinner = Spinner::start(json);
    spinner.say(format!("{action}: {}", output::count(ids.len(), "instance")));
    let answer = client.post_and_wait("/api/bulk/instances", Some(request)).await?;
    drop(spinner);
    let (done, failed): (Vec<&Value>, Vec<&Value>) = client
        .list(&answer, "results")?
        .iter()
        .partition(|result| result["ok"] == true);
    print_or(json, &answer, || {
        done.iter().for_each(|result| show(result));
        for result in &failed {
            let detail = result["problem"]["detail"].as_str().unwrap_or_default();
            // What follows its first line are its own last words.
            complain(
                result["id"].as_str().unwrap_or_default(),
                detail.lines().next().unwrap_or_default(),
            );
        }
    });
    match failed.len() {
        0 => Ok(()),
        count => Err(Failure::failed(format!("{action}: {count} of {} failed", ids.len()))),
    }
}

/// Says what is wrong with one of several.
pub fn complain(id: &str, reason: &str) {
    eprintln!("creel: {id}: {reason}");
}
