//! `creel usage`: calls, tokens and credits, added up.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output;

#[derive(Args)]
pub struct UsageArgs {
    /// From this day or moment on [default: 30 days before --to]
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Up to this day or moment, which is not in it [default: the end of today, UTC]
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
    /// user, model, day, hour, instance or provider
    #[arg(long, value_name = "WHAT", default_value = "day")]
    pub by: String,
    /// Of this user alone
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,
    /// Print CSV
    #[arg(long)]
    pub csv: bool,
}

const COLUMNS: [&str; 6] = [
    "calls",
    "prompt_tokens",
    "completion_tokens",
    "estimated",
    "failed",
    "credits",
];

pub async fn run(args: UsageArgs, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    let mut path = format!("/api/usage?by={}", escaped(&args.by));
    for (name, value) in [("from", &args.from), ("to", &args.to), ("user", &args.user)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escaped(value)));
        }
    }
    if args.csv {
        return client.print(&format!("{path}&format=csv")).await;
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
    if rows.is_empty() {
        output::line("nothing was used in that time");
        return;
    }
    let by = by.to_uppercase();
    output::table(
        &[&by, "CALLS", "PROMPT", "COMPLETION", "ESTIMATED", "FAILED", "CREDITS"],
        &rows,
    );
}
