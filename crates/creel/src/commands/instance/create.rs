//! `creel instance create`: makes the instance and waits until it runs, or says why it doesn't.

use std::time::Duration;

use serde_json::{Value, json};

use super::args::CreateArgs;
use super::{path, summary, terms};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Spinner, print_or};

/// How often the backend is asked while a slow runtime is installed or starts.
const POLL: Duration = Duration::from_millis(500);

pub async fn run(client: &Client, args: CreateArgs, json: bool) -> Result<(), Failure> {
    let wait = !args.no_start;
    let request = request(args)?;
    let id = request["id"].as_str().unwrap_or_default().to_owned();
    let spinner = Spinner::start(json);
    spinner.say(format!("creating {id}"));
    let mut answer = client.post("/api/instances", Some(&request)).await?;
    let token = answer["token"].as_str().unwrap_or_default().to_owned();
    let mut instance = answer["instance"].take();
    // The token is shown only once, whatever becomes of the waiting.
    let mut lost = None;
    while wait && matches!(instance["status"].as_str(), Some("created" | "starting")) {
        spinner.say(
            instance["message"]
                .as_str()
                .map_or_else(|| format!("starting {id}"), str::to_owned),
        );
        tokio::time::sleep(POLL).await;
        match client.get(&path(&id, "")).await {
            Ok(shown) => instance = shown,
            Err(failure) => {
                lost = Some(failure);
                break;
            }
        }
    }
    drop(spinner);
    let failed = instance["status"] == "error";
    let reason = instance["error"].as_str().unwrap_or("it did not start").to_owned();
    answer["instance"] = instance;
    print_or(json, &answer, || {
        output::line(&summary(&answer["instance"]));
        output::line(&format!("token  {token}"));
        output::line("Keep the token: it is shown this once.");
        for warning in answer["warnings"].as_array().into_iter().flatten() {
            output::line(&format!("warning: {}", warning.as_str().unwrap_or_default()));
        }
    });
    if let Some(failure) = lost {
        return Err(failure);
    }
    if failed {
        // What follows the reason is its own last words.
        let (reason, log) = reason.split_once('\n').unwrap_or((&reason, ""));
        let text = format!("{id} was created, but: {reason}; `creel instance start {id}` tries again\n{log}");
        Err(Failure::failed(text.trim_end().to_owned()))
    } else {
        Ok(())
    }
}

fn request(args: CreateArgs) -> Result<Value, Failure> {
    let channels = args.channels.channels()?;
    let mut request = json!({
        "id": args.id, "name": args.name, "runtime": args.runtime, "driver": args.driver, "model": args.model, "port": args.port,
        "memory_limit_bytes": terms::memory(args.memory.as_deref())?, "cpus": terms::cores(args.cpus.as_deref())?,
        "idle": terms::idle(args.idle.as_deref())?, "version": args.runtime_version, "image": args.image, "channels": channels, "start": !args.no_start, "keep_data": args.keep_data.then_some(true),
    });
    if let Some(object) = request.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    Ok(request)
}
