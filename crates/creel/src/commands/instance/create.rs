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
    });
    if let Some(failure) = lost {
        return Err(failure);
    }
    if failed {
        Err(Failure::failed(format!("{id} was created, but: {reason}")))
    } else {
        Ok(())
    }
}

fn request(args: CreateArgs) -> Result<Value, Failure> {
    if args.channel_config.len() > args.channel.len() {
        return Err(Failure::bad_input(
            "--channel-config: there are more of them than of --channel",
        ));
    }
    let mut channels = Vec::new();
    for (index, kind) in args.channel.iter().enumerate() {
        let config = match args.channel_config.get(index) {
            Some(given) => channel_config(given)?,
            None => json!({}),
        };
        channels.push(json!({"type": kind, "config": config}));
    }
    let mut request = json!({
        "id": args.id, "name": args.name, "runtime": args.runtime, "driver": args.driver, "model": args.model, "port": args.port,
        "memory_limit_bytes": terms::memory(args.memory.as_deref())?, "cpus": terms::cores(args.cpus.as_deref())?,
        "idle": terms::idle(args.idle.as_deref())?, "version": args.runtime_version, "channels": channels, "start": !args.no_start, "keep_data": args.keep_data.then_some(true),
    });
    if let Some(object) = request.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    Ok(request)
}

/// JSON, or `@FILE` with JSON in it, so that a secret need not stand on the command line.
fn channel_config(given: &str) -> Result<Value, Failure> {
    let text = match given.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| Failure::bad_input(format!("{file}: {error}")))?,
        None => given.to_owned(),
    };
    match serde_json::from_str(&text) {
        Ok(config @ Value::Object(_)) => Ok(config),
        Ok(_) => Err(Failure::bad_input("--channel-config: must be a JSON object")),
        Err(error) => Err(Failure::bad_input(format!("--channel-config: {error}"))),
    }
}
