//! `creel instance config get|set|edit`; `sync.rs` has `diff` and `sync`.

use std::io::Read as _;

use creel_config::json5;
use creel_fleet::ConfigVersion;
use serde_json::{Value, json};

use super::args::ConfigCommand;
use super::{path, sync};
use crate::client::Client;
use crate::editor;
use crate::failure::Failure;
use crate::output::{self, print_or};

pub async fn run(client: &Client, command: ConfigCommand, json: bool) -> Result<(), Failure> {
    match command {
        ConfigCommand::Get { id, path: None } => {
            let answer = client.get(&path(&id, "/config")).await?;
            print_or(json, &answer, || {
                print_text(answer["content"].as_str().unwrap_or_default())
            });
            Ok(())
        }
        ConfigCommand::Get { id, path: Some(key) } => {
            let text = read(client, &id).await?;
            let root = json5::parse(&text).map_err(Failure::failed)?;
            let keys: Vec<&str> = key.split('.').collect();
            let found = root
                .get(&keys)
                .ok_or_else(|| Failure::bad_input(format!("{key}: is not set in {id}")))?;
            let value = found.to_json();
            print_or(json, &value, || match &value {
                Value::String(text) => output::line(text),
                value => output::line(&serde_json::to_string_pretty(value).unwrap_or_default()),
            });
            Ok(())
        }
        ConfigCommand::Set {
            id,
            path: key,
            value: None,
        } => {
            let file = key
                .strip_prefix('@')
                .ok_or_else(|| Failure::bad_input("give a value, or @FILE to replace the whole file"))?;
            write(client, &id, &file_text(file)?, None, json).await
        }
        ConfigCommand::Set {
            id,
            path: key,
            value: Some(value),
        } => {
            let text = read(client, &id).await?;
            let keys: Vec<&str> = key.split('.').collect();
            if keys.contains(&"") {
                return Err(Failure::bad_input(format!(
                    "\"{key}\" is no path; give one such as agents.defaults.model"
                )));
            }
            // What is no JSON5, such as openai/gpt-4o, is meant as text.
            let value = json5::parse(&value).map_or(Value::String(value), |node| node.to_json());
            let changed = json5::set(&text, &keys, &value).map_err(Failure::bad_input)?;
            write(client, &id, &changed, Some(&text), json).await
        }
        ConfigCommand::Edit { id } => edit(client, &id, json).await,
        ConfigCommand::Diff(selection) => sync::diff(client, selection, json).await,
        ConfigCommand::Sync(args) => sync::run(client, args, json).await,
    }
}

async fn read(client: &Client, id: &str) -> Result<String, Failure> {
    let answer = client.get(&path(id, "/config")).await?;
    Ok(answer["content"].as_str().unwrap_or_default().to_owned())
}

/// With the text that the change was made to, only while that is the present one.
async fn write(client: &Client, id: &str, text: &str, read: Option<&str>, json: bool) -> Result<(), Failure> {
    let read = read.map(ConfigVersion::of);
    let body = json!({"content": text});
    let saved = client.put_if(&path(id, "/config"), &body, read.as_ref()).await?;
    print_or(json, &saved, || {
        for warning in saved["warnings"].as_array().into_iter().flatten() {
            let message = warning["message"].as_str().unwrap_or_default();
            output::line(&format!(
                "warning: {}:{}: {message}",
                warning["line"], warning["column"]
            ));
        }
        output::line(&format!("saved the configuration of {id}"));
    });
    Ok(())
}

/// Saves what the editor left, over the text that was in it.
async fn edit(client: &Client, id: &str, json: bool) -> Result<(), Failure> {
    let text = read(client, id).await?;
    let Some(edited) = editor::edit(id, ".json5", &text).await? else {
        return Ok(());
    };
    let done = match edited.text("openclaw.json") {
        Ok(changed) => write(client, id, &changed, Some(&text), json).await,
        Err(failure) => Err(failure),
    };
    edited.settle(done)
}

/// The text of a file, or of standard input for `-`.
pub fn file_text(file: &str) -> Result<String, Failure> {
    let read = if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = read.map_err(|error| Failure::bad_input(format!("{file}: {error}")))?;
    json5::utf8(bytes).map_err(|error| Failure::bad_input(format!("{file}:{error}")))
}

fn print_text(text: &str) {
    output::line(text.trim_end_matches('\n'));
}
