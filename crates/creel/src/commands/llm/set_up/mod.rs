//! `creel llm providers|models|prices|currencies|groups|keys|nodes …`: what the LLM Gateway is set up with.

mod args;
mod keys;
mod models;
mod tables;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub use args::SetUp;

use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output::{self, print_or};
use args::{Currencies, Groups, Nodes, Prices, Providers};

pub async fn run(command: SetUp, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    match command {
        SetUp::Providers(command) => providers(&client, command, json).await,
        SetUp::Models(command) => models::run(&client, command, json).await,
        SetUp::Prices(command) => prices(&client, command, json).await,
        SetUp::Currencies(command) => currencies(&client, command, json).await,
        SetUp::Groups(command) => groups(&client, command, json).await,
        SetUp::Keys(command) => keys::run(&client, command, json).await,
        SetUp::Nodes(command) => nodes(&client, command, json).await,
    }
}

async fn providers(client: &Client, command: Providers, json: bool) -> Result<(), Failure> {
    match command {
        Providers::List => list(client, "providers", json).await,
        Providers::Rm { name } => remove_provider(client, &name, json).await,
        Providers::Set {
            name,
            style,
            url,
            key_file,
            no_key,
            has_responses,
            any_model,
        } => {
            let mut body =
                json!({"style": style, "base_url": url, "has_responses": has_responses, "any_model": any_model});
            if let Some(file) = key_file {
                body["api_key"] = secret(&file)?.into();
            } else if no_key {
                body["api_key"] = "".into();
            }
            set(client, "providers", &name, &body, json).await
        }
    }
}

async fn prices(client: &Client, command: Prices, json: bool) -> Result<(), Failure> {
    match command {
        Prices::List => list(client, "prices", json).await,
        Prices::Rm { model } => remove(client, "prices", &model, json).await,
        Prices::Set {
            model,
            currency,
            input,
            output,
            cached_input,
            cache_write,
            call,
        } => {
            let body = json!({"currency": currency, "input": input, "output": output, "cached_input": cached_input, "cache_write": cache_write, "call": call});
            set(client, "prices", &model, &body, json).await
        }
    }
}

async fn currencies(client: &Client, command: Currencies, json: bool) -> Result<(), Failure> {
    match command {
        Currencies::List => list(client, "currencies", json).await,
        Currencies::Rm { code } => remove(client, "currencies", &code, json).await,
        Currencies::Set { code, credits } => set(client, "currencies", &code, &json!({"credits": credits}), json).await,
    }
}

async fn groups(client: &Client, command: Groups, json: bool) -> Result<(), Failure> {
    match command {
        Groups::List => list(client, "groups", json).await,
        Groups::Rm { name } => remove(client, "groups", &name, json).await,
        Groups::Set { name, multiplier } => {
            set(client, "groups", &name, &json!({"multiplier": multiplier}), json).await
        }
    }
}

async fn nodes(client: &Client, command: Nodes, json: bool) -> Result<(), Failure> {
    match command {
        Nodes::List => list(client, "nodes", json).await,
        Nodes::GiveUp { name, force } => {
            let query = if force { "?force=true" } else { "" };
            client.delete(&format!("{}{query}", path("nodes", &name))).await?;
            print_or(json, &json!({"name": name, "given_up": true}), || {
                output::line(&format!("{name} was given up; what it held is free again"));
            });
            Ok(())
        }
    }
}

fn path(table: &str, name: &str) -> String {
    format!("/api/llm/{table}/{}", escaped(name))
}

async fn list(client: &Client, table: &str, json: bool) -> Result<(), Failure> {
    let answer = client.get(&format!("/api/llm/{table}")).await?;
    print_or(json, &answer, || tables::print(table, &answer[table]));
    Ok(())
}

async fn set(client: &Client, table: &str, name: &str, body: &Value, json: bool) -> Result<(), Failure> {
    let answer = client.put(&path(table, name), body).await?;
    print_or(json, &answer, || output::line(&format!("{name} is set")));
    Ok(())
}

async fn remove(client: &Client, table: &str, name: &str, json: bool) -> Result<(), Failure> {
    client.delete(&path(table, name)).await?;
    print_or(json, &json!({"name": name, "removed": true}), || {
        output::line(&format!("{name} is removed"))
    });
    Ok(())
}

/// Says too which models had a route to it: those with no other cannot be reached from then on.
async fn remove_provider(client: &Client, name: &str, json: bool) -> Result<(), Failure> {
    let answer = client.get("/api/llm/models").await?;
    let mut lose = Vec::new();
    for model in client.list(&answer, "models")? {
        let routes = model["routes"].as_array().map(Vec::as_slice).unwrap_or_default();
        if routes.iter().any(|route| route["provider"] == name) {
            let has_another = routes.iter().any(|route| route["provider"] != name);
            lose.push(json!({"name": model["name"], "has_another": has_another}));
        }
    }
    client.delete(&path("providers", name)).await?;
    print_or(json, &json!({"name": name, "removed": true, "models": lose}), || {
        output::line(&format!("{name} is removed"));
        let lost = lose.iter().map(|model| {
            let note = if model["has_another"] == true {
                ""
            } else {
                " (no other is left)"
            };
            format!("{}{note}", model["name"].as_str().unwrap_or_default())
        });
        if !lose.is_empty() {
            let lost = lost.collect::<Vec<_>>().join(", ");
            output::line(&format!("models that lose this provider: {lost}"));
        }
    });
    Ok(())
}

/// What a file holds, or standard input for `-`, without blanks around it.
fn secret(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|error| Failure::bad_input(format!("--key-file {}: {error}", file.display())))?;
    match text.trim() {
        "" => Err(Failure::bad_input(format!(
            "--key-file {}: it is empty; --no-key for a provider without one",
            file.display()
        ))),
        secret => Ok(secret.to_owned()),
    }
}
