//! `creel credits …`: giving credits, and where they went.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::amount;
use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output;

/// Entries that are shown where nobody says how many.
const ENTRIES: u32 = 20;

#[derive(Subcommand)]
pub enum CreditsCommand {
    /// Give a user credits
    Grant {
        user: String,
        /// How many: 10, 2.5, 0.000001
        #[arg(value_parser = amount::grant)]
        credits: String,
        /// A day or a moment (RFC 3339) after which what is left of them is gone
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// What they are for
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// They were bought, not given
        #[arg(long)]
        top_up: bool,
    },
    /// Show a user's balance and newest entries
    Show {
        user: String,
        /// How many entries [default: 20; with --csv all]
        #[arg(long)]
        limit: Option<u32>,
        /// Print the entries as CSV
        #[arg(long)]
        csv: bool,
    },
}

pub async fn run(command: CreditsCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    match command {
        CreditsCommand::Grant {
            user,
            credits,
            expires,
            note,
            top_up,
        } => {
            let kind = if top_up { "top_up" } else { "grant" };
            let body = json!({"credits": credits, "kind": kind, "expires_at": expires, "note": note});
            let answer = client.post_once(&path(&user), &body).await?;
            if json {
                output::print_json(&answer);
            } else {
                let (given, balance) = (text(&answer["entry"]["credits"]), text(&answer["balance"]));
                output::line(&format!("{given} credits for {user}, who has {balance} now"));
                if answer["known"] == false {
                    output::line(&format!(
                        "warning: no user {user} is registered, and no virtual key is theirs: nobody can spend these credits until there is one"
                    ));
                }
            }
            Ok(())
        }
        CreditsCommand::Show { user, limit, csv: true } => {
            let limit = limit.map_or_else(String::new, |limit| format!("&limit={limit}"));
            client.print(&format!("{}?format=csv{limit}", path(&user))).await
        }
        CreditsCommand::Show {
            user,
            limit,
            csv: false,
        } => {
            let limit = limit.unwrap_or(ENTRIES);
            let account = client.get(&format!("{}?limit={limit}", path(&user))).await?;
            if json {
                output::print_json(&account);
            } else {
                show(&account);
            }
            Ok(())
        }
    }
}

fn path(user: &str) -> String {
    format!("/api/users/{}/credits", escaped(user))
}

fn show(account: &Value) {
    let held = match text(&account["held"]) {
        "0" => String::new(),
        held => format!(" ({held} set apart for calls)"),
    };
    output::line(&format!("balance  {}{held}", text(&account["balance"])));
    for grant in rows(&account["grants"]) {
        let until = grant["expires_at"]
            .as_str()
            .map_or_else(String::new, |at| format!(" until {at}"));
        let (remaining, credits) = (text(&grant["remaining"]), text(&grant["credits"]));
        output::line(&format!("grant    {remaining} of {credits}{until}"));
    }
    let entries: Vec<Vec<String>> = rows(&account["entries"])
        .map(|entry| {
            let about = entry["note"].as_str().or(entry["request"].as_str()).unwrap_or_default();
            ["at", "kind", "credits"]
                .map(|field| text(&entry[field]).to_owned())
                .into_iter()
                .chain([about.to_owned()])
                .collect()
        })
        .collect();
    if !entries.is_empty() {
        output::line("");
        output::table(&["AT", "KIND", "CREDITS", "ABOUT"], &entries);
    }
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
