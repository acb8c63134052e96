//! `creel user import`: users from a table. All parts of it are checked before the first one goes in.

use std::io::Read as _;

use serde_json::json;

use super::parts::{self, Part};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Progress, print_or};

/// Users that the backend takes in one request, all or none.
const WHOLE: usize = 10_000;

pub async fn run(client: &Client, file: &str, dry_run: bool, json: bool) -> Result<(), Failure> {
    let table = read(file)?;
    let parts = parts::of(&table, WHOLE);
    let rows: usize = parts.iter().map(|part| part.rows).sum();
    if parts.len() > 1 {
        let twice = parts::twice(&table);
        if !twice.is_empty() {
            return Err(wrong(file, &twice));
        }
    }
    // What is in one part is checked by the request that brings it.
    if dry_run || parts.len() > 1 {
        let progress = Progress::start("checking", rows, json);
        for part in &parts {
            send(client, part, true)
                .await
                .map_err(|failure| explained(file, part, failure))?;
            progress.advance(part.rows);
        }
    }
    if !dry_run {
        let progress = Progress::start("importing", rows, json);
        let mut done = 0;
        for part in &parts {
            send(client, part, false).await.map_err(|failure| {
                let failure = explained(file, part, failure);
                match done {
                    0 => failure,
                    _ => failure.after(format!(
                        "{done} users were imported, those from line {} of {file} on were not",
                        part.line_of(2)
                    )),
                }
            })?;
            done += part.rows;
            progress.advance(part.rows);
        }
    }
    let users = if rows == 1 { "user" } else { "users" };
    print_or(json, &json!({"users": rows, "dry_run": dry_run}), || {
        output::line(&match dry_run {
            true => format!("{file} is good: {rows} {users}; nothing was changed"),
            false => format!("{rows} {users} imported"),
        });
    });
    Ok(())
}

async fn send(client: &Client, part: &Part, dry_run: bool) -> Result<(), Failure> {
    let path = if dry_run {
        "/api/import/users?dry_run=true"
    } else {
        "/api/import/users"
    };
    client.post_text(path, part.text.clone()).await.map(|_| ())
}

/// A refusal, with the lines as they are in the file.
fn explained(file: &str, part: &Part, failure: Failure) -> Failure {
    let told: Vec<(usize, String)> = failure
        .lines()
        .map(|(line, detail)| (part.line_of(line), detail.to_owned()))
        .collect();
    if told.is_empty() { failure } else { wrong(file, &told) }
}

fn wrong(file: &str, lines: &[(usize, String)]) -> Failure {
    let told: Vec<String> = lines
        .iter()
        .map(|(line, detail)| format!("{file}:{line}: {detail}"))
        .collect();
    let told_as_json = lines
        .iter()
        .map(|(line, detail)| json!({"line": line, "detail": detail}));
    Failure::bad_input(match lines.len() {
        1 => format!("nothing was imported: {}", told[0]),
        many => format!("nothing was imported, {many} lines are wrong: {}", told.join("; ")),
    })
    .with_lines(&told_as_json.collect())
}

fn read(file: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match file {
        "-" => std::io::stdin().read_to_string(&mut text).map(|_| text),
        file => std::fs::read_to_string(file),
    };
    read.map_err(|error| {
        Failure::bad_input(format!(
            "{file}: {error}; give a table in UTF-8 that begins with id,name"
        ))
    })
}
