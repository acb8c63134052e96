//! `creel usage`: calls, tokens and credits, added up.

use std::path::PathBuf;

use serde_json::Value;

use crate::cli::UsageArgs;
use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output;

const COLUMNS: [&str; 5] = ["calls", "prompt_tokens", "completion_tokens", "failed", "credits"];

pub async fn run(args: UsageArgs, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    let mut path = format!("/api/usage?by={}", escaped(&args.by));
    for (name, value) in [("from", &args.from), ("to", &args.to), ("user", &args.user)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escaped(value)));
        }
    }
    if args.csv {
        let csv = client.text(&format!("{path}&format=csv")).await?;
        output::line(csv.trim_end());
        return Ok(());
    }
    let answer = client.get(&path).await?;
    if json {
        output::print_json(&answer);
    } else {
        show(&answer, &args.by);
    }
    Ok(())
}

fn show(answer: &Value, by: &str) {
    let cell = |row: &Value, column: &str| match &row[column] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows: Vec<Vec<String>> = answer["usage"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            std::iter::once(by)
                .chain(COLUMNS)
                .map(|column| cell(row, column))
                .collect()
        })
        .collect();
    let by = by.to_uppercase();
    output::table(&[&by, "CALLS", "PROMPT", "COMPLETION", "FAILED", "CREDITS"], &rows);
}
