//! `creel instance start|stop|restart|init|rm` of several: one request, and a line for each.

use clap::Args;
use serde_json::{Value, json};

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
    run(client, &ids, action, None, json).await
}

/// Answers once all are done. What is wrong with one keeps none of the others; the exit code says that something was.
pub async fn run(
    client: &Client,
    ids: &[String],
    action: &str,
    purge: Option<bool>,
    json: bool,
) -> Result<(), Failure> {
    if ids.is_empty() {
        print_or(json, &json!({"results": []}), || output::line("there are no instances"));
        return Ok(());
    }
    let spinner = Spinner::start(json);
    spinner.say(format!("{action}: {}", output::count(ids.len(), "instance")));
    let mut request = json!({"action": action, "ids": ids});
    if let Some(purge) = purge {
        request["purge"] = purge.into();
    }
    let answer = client.post_and_wait("/api/bulk/instances", Some(&request)).await?;
    drop(spinner);
    let results = client.list(&answer, "results")?;
    let failed = results.iter().filter(|result| result["ok"] != true).count();
    print_or(json, &answer, || results.iter().for_each(|result| show(result, action)));
    match failed {
        0 => Ok(()),
        _ => Err(Failure::failed(format!(
            "{action}: {failed} of {} failed",
            results.len()
        ))),
    }
}

fn show(result: &Value, action: &str) {
    let id = result["id"].as_str().unwrap_or_default();
    match result["problem"]["detail"]
        .as_str()
        .and_then(|detail| detail.lines().next())
    {
        None => output::line(&format!("{id}: {action} done")),
        Some(reason) => output::line(&format!("{id}: {reason}")),
    }
}
