//! `creel template list|show|edit|reset`: what new instances are made from.

mod args;

use std::path::PathBuf;

pub use args::TemplateCommand;
use creel_fleet::ConfigVersion;
use serde_json::json;

use crate::client::Client;
use crate::commands::instance::file_text;
use crate::editor;
use crate::failure::Failure;
use crate::output::{self, print_or};

pub async fn run(command: TemplateCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    match command {
        TemplateCommand::List => list(&client, json).await,
        TemplateCommand::Show { path, builtin } => {
            let shown = client.get(&api(&path)).await?;
            let text = &shown[if builtin { "builtin" } else { "content" }];
            print_or(json, &shown, || {
                output::line(text.as_str().unwrap_or_default().trim_end_matches('\n'))
            });
            Ok(())
        }
        TemplateCommand::Edit { path, file } => edit(&client, &path, file, json).await,
        TemplateCommand::Reset { path } => {
            let shown = client.delete(&api(&path)).await?;
            print_or(json, &shown, || output::line(&format!("{path} is the built-in one")));
            Ok(())
        }
    }
}

/// The API's path of a template. Its slashes stay: it is a path of files.
fn api(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(crate::client::escaped).collect();
    format!("/api/templates/{}", parts.join("/"))
}

async fn list(client: &Client, json: bool) -> Result<(), Failure> {
    let answer = client.get("/api/templates").await?;
    let templates = client.list(&answer, "templates")?;
    print_or(json, &answer, || {
        let rows: Vec<Vec<String>> = templates
            .iter()
            .map(|template| {
                let whose = if template["overridden"] == true {
                    "yours"
                } else {
                    "built in"
                };
                vec![template["path"].as_str().unwrap_or("-").to_owned(), whose.to_owned()]
            })
            .collect();
        output::table(&["TEMPLATE", "TEXT"], &rows);
    });
    Ok(())
}

async fn edit(client: &Client, path: &str, file: Option<String>, json: bool) -> Result<(), Failure> {
    let shown = client.get(&api(path)).await?;
    let text = shown["content"].as_str().unwrap_or_default();
    if let Some(file) = file {
        let file = file.strip_prefix('@').unwrap_or(&file);
        return write(client, path, &file_text(file)?, None, json).await;
    }
    let suffix = path
        .rsplit_once('.')
        .map_or(String::new(), |(_, end)| format!(".{end}"));
    let Some(edited) = editor::edit("template", &suffix, text).await? else {
        return Ok(());
    };
    let read = ConfigVersion::of(text);
    let done = match edited.text(path) {
        Ok(changed) => write(client, path, &changed, Some(&read), json).await,
        Err(failure) => Err(failure),
    };
    edited.settle(done)
}

async fn write(
    client: &Client,
    path: &str,
    text: &str,
    read: Option<&ConfigVersion>,
    json: bool,
) -> Result<(), Failure> {
    let saved = client.put_if(&api(path), &json!({"content": text}), read).await?;
    print_or(json, &saved, || {
        output::line(&format!(
            "saved {path}; `creel instance config diff ID` shows what it changes of an instance"
        ));
    });
    Ok(())
}
