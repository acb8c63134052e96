//! `creel instance config get|set|edit`

use std::io::{Read as _, Write as _};

use creel_config::json5;
use serde_json::{Value, json};

use super::args::ConfigCommand;
use super::path;
use crate::client::Client;
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
            write(client, &id, &file_text(file)?, json).await
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
            write(client, &id, &changed, json).await
        }
        ConfigCommand::Edit { id } => edit(client, &id, json).await,
    }
}

async fn read(client: &Client, id: &str) -> Result<String, Failure> {
    let answer = client.get(&path(id, "/config")).await?;
    Ok(answer["content"].as_str().unwrap_or_default().to_owned())
}

async fn write(client: &Client, id: &str, text: &str, json: bool) -> Result<(), Failure> {
    let saved = client.put(&path(id, "/config"), &json!({"content": text})).await?;
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

/// Saves what the editor left. A text that is refused is kept beside, so that the work is not lost.
async fn edit(client: &Client, id: &str, json: bool) -> Result<(), Failure> {
    let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR"));
    let editor = editor
        .ok()
        .filter(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    let text = read(client, id).await?;
    let mut file = tempfile::Builder::new()
        .prefix(&format!("creel-{id}-"))
        .suffix(".json5")
        .tempfile()
        .map_err(Failure::from_error)?;
    file.write_all(text.as_bytes()).map_err(Failure::from_error)?;
    // Through the shell, because EDITOR may hold arguments.
    let status = tokio::process::Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "editor"])
        .arg(file.path())
        .status()
        .await
        .map_err(|error| Failure::failed(format!("{editor}: {error}")))?;
    if !status.success() {
        return Err(Failure::failed(format!(
            "{editor} ended with {status}; nothing was changed"
        )));
    }
    let changed = std::fs::read(file.path()).map_err(Failure::from_error)?;
    if changed == text.as_bytes() {
        eprintln!("nothing was changed");
        return Ok(());
    }
    let written = match json5::utf8(changed) {
        Ok(changed) => write(client, id, &changed, json).await,
        Err(error) => Err(Failure::bad_input(format!("openclaw.json:{error}"))),
    };
    match written {
        Ok(()) => Ok(()),
        Err(failure) => {
            let (_, kept) = file.keep().map_err(Failure::from_error)?;
            eprintln!("your text is kept in {}", kept.display());
            Err(failure)
        }
    }
}

fn file_text(file: &str) -> Result<String, Failure> {
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
