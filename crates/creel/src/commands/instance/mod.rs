//! `creel instance …`: everything through the backend's REST API.

mod args;
mod bulk;
mod change;
mod channels;
mod config;
mod create;
mod logs;
mod sync;
mod terms;

pub use args::InstanceCommand;
pub use channels::ChannelArgs;
pub use config::file_text;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::bulk::Selection;
use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output::{self, Spinner, duration, print_or};
use crate::size;

pub async fn run(command: InstanceCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    match command {
        InstanceCommand::Create(args) => create::run(&client, args, json).await,
        InstanceCommand::List => list(&client, json).await,
        InstanceCommand::Show { id } => {
            let instance = client.get(&path(&id, "")).await?;
            show(&instance, json);
            Ok(())
        }
        InstanceCommand::Start(selection) => act(&client, selection, "start", json).await,
        InstanceCommand::Stop(selection) => act(&client, selection, "stop", json).await,
        InstanceCommand::Restart(selection) => act(&client, selection, "restart", json).await,
        InstanceCommand::Sleep(selection) => act(&client, selection, "sleep", json).await,
        InstanceCommand::Wake(selection) => act(&client, selection, "wake", json).await,
        InstanceCommand::Change(args) => change::run(&client, args, json).await,
        InstanceCommand::Init(selection) => act(&client, selection, "init", json).await,
        InstanceCommand::Logs { id, follow, wanted } => logs::run(&client, &id, follow, &wanted, json).await,
        InstanceCommand::Config(command) => config::run(&client, command, json).await,
        InstanceCommand::Token { id } => {
            let answer = client.post(&path(&id, "/token"), None).await?;
            print_or(json, &answer, || {
                output::line(answer["token"].as_str().unwrap_or_default())
            });
            Ok(())
        }
        InstanceCommand::Rm { ids, purge } => match ids.as_slice() {
            [id] => remove(&client, id, purge, json).await,
            ids => bulk::remove(&client, ids, purge, json).await,
        },
    }
}

/// The API's path of an instance. An id that is none goes along escaped, so that the backend can say what is wrong with it.
fn path(id: &str, rest: &str) -> String {
    format!("/api/instances/{}{rest}", escaped(id))
}

async fn remove(client: &Client, id: &str, purge: bool, json: bool) -> Result<(), Failure> {
    client.delete(&path(id, if purge { "?purge=true" } else { "" })).await?;
    print_or(json, &json!({"removed": id, "purged": purge}), || {
        output::line(&removed(id, purge))
    });
    Ok(())
}

fn removed(id: &str, purged: bool) -> String {
    let kept = if purged { "its data too" } else { "its data is kept" };
    format!("removed {id}, {kept}")
}

/// One shows itself afterwards; so does each of several.
async fn act(client: &Client, selection: Selection, action: &str, json: bool) -> Result<(), Failure> {
    let Some(id) = selection.one() else {
        return bulk::act(client, selection, action, json).await;
    };
    let spinner = Spinner::start(json);
    spinner.say(format!("{id}: {action}"));
    let instance = client.post_and_wait(&path(id, &format!("/{action}")), None).await?;
    drop(spinner);
    print_or(json, &instance, || show_summary(&instance));
    Ok(())
}

fn show_summary(instance: &Value) {
    output::line(&summary(instance));
    // Such as that it has another port than before.
    if let Some(message) = instance["message"].as_str() {
        output::line(message);
    }
}

/// `alice is running at http://127.0.0.1:18789`
fn summary(instance: &Value) -> String {
    let text = |key: &str| instance[key].as_str().unwrap_or_default().to_owned();
    match text("status").as_str() {
        "running" if instance["url"].is_string() => format!("{} is running at {}", text("id"), text("url")),
        "error" => format!("{} is in error", text("id")),
        status => format!("{} is {status}", text("id")),
    }
}

async fn list(client: &Client, json: bool) -> Result<(), Failure> {
    let answer = client.get("/api/instances").await?;
    let instances = client.list(&answer, "instances")?;
    if json {
        output::print_json(&answer);
        return Ok(());
    }
    if instances.is_empty() {
        output::line("no instances yet; make one with `creel instance create ID`");
        return Ok(());
    }
    let text = |instance: &Value, key: &str| instance[key].as_str().unwrap_or("-").to_owned();
    let rows: Vec<Vec<String>> = instances
        .iter()
        .map(|instance| {
            vec![
                text(instance, "id"),
                text(instance, "status"),
                text(instance, "runtime"),
                text(instance, "driver"),
                channel_names(instance).unwrap_or("-".to_owned()),
                instance["memory_used_bytes"]
                    .as_u64()
                    .map_or("-".to_owned(), size::show),
                uptime(instance).map_or("-".to_owned(), duration),
                text(instance, "url"),
            ]
        })
        .collect();
    let names = [
        "ID", "STATUS", "RUNTIME", "DRIVER", "CHANNELS", "MEMORY", "UPTIME", "URL",
    ];
    output::table(&names, &rows);
    Ok(())
}

/// Such as `feishu,webchat`; `None` where there are none.
fn channel_names(instance: &Value) -> Option<String> {
    let channels = instance["channels"]
        .as_array()
        .filter(|channels| !channels.is_empty())?;
    let names: Vec<&str> = channels.iter().filter_map(|channel| channel["type"].as_str()).collect();
    Some(names.join(","))
}

fn uptime(instance: &Value) -> Option<u64> {
    let format = &time::format_description::well_known::Rfc3339;
    let started = time::OffsetDateTime::parse(instance["started_at"].as_str()?, format).ok()?;
    u64::try_from((time::OffsetDateTime::now_utc() - started).whole_seconds()).ok()
}

/// As `--idle` takes it: `always`, or such as `sleep:30`.
fn idle(policy: &Value) -> String {
    let name = policy["policy"].as_str().unwrap_or_default();
    match policy["minutes"].as_u64() {
        Some(minutes) => format!("{name}:{minutes}"),
        None => name.to_owned(),
    }
}

fn show(instance: &Value, json: bool) {
    print_or(json, instance, || {
        for (key, value) in instance.as_object().into_iter().flatten() {
            let shown = match value {
                Value::String(text) => text.clone(),
                Value::Array(items) if items.is_empty() => continue,
                value if key.ends_with("_bytes") => value.as_u64().map(size::show).unwrap_or_default(),
                value if key == "idle" => idle(value),
                Value::Array(lines) if key == "drift" => {
                    lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
                }
                _ if key == "channels" => channel_names(instance).unwrap_or_default(),
                value => value.to_string(),
            };
            let name = key.trim_end_matches("_bytes").replace('_', " ");
            output::line(&format!("{name:<14}  {shown}"));
        }
    });
}
