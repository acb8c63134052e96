//! `creel records move`: from the file of a home to a database server, all of it or nothing.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use creel_fleet::Home;
use creel_records::{DatabaseUrl, MoveError, SqlRecords};
use serde_json::json;

use crate::failure::Failure;
use crate::{client, output, settings};

#[derive(Subcommand)]
pub enum RecordsCommand {
    /// Move everything from a SQLite file to an empty database, or nothing; `creel up` must not be running
    Move(MoveArgs),
}

#[derive(Args)]
pub struct MoveArgs {
    /// sqlite:FILE [default: creel.db of the home]
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// postgres://… or mysql://… [default: CREEL_DATABASE_URL, else `database` in creel.toml]. Others on this machine can read
    /// a command line: a URL with a password is better kept there
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
}

pub async fn run(command: RecordsCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let home = client::home(home)?;
    match command {
        RecordsCommand::Move(args) => move_records(args, &home, json).await,
    }
}

async fn move_records(args: MoveArgs, home: &Path, json: bool) -> Result<(), Failure> {
    let given =
        |name: &str, url: &str| settings::parse(url).map_err(|error| Failure::bad_input(format!("{name}: {error}")));
    let from = match &args.from {
        Some(url) => given("--from", url)?,
        None => DatabaseUrl::file(home.join("creel.db")),
    };
    let to = match &args.to {
        Some(url) => Some(given("--to", url)?),
        None => settings::database(home)?,
    };
    let to = to.ok_or_else(|| Failure::bad_input("where to? name a database with --to, or in creel.toml"))?;
    let path = from
        .path()
        .ok_or_else(|| Failure::bad_input("--from: records are moved from a SQLite file; write sqlite:FILE"))?;
    if !path.is_file() {
        return Err(Failure::bad_input(format!(
            "--from: there is no file {}",
            path.display()
        )));
    }
    if to.path().is_some_and(|to| same_file(to, path)) {
        return Err(Failure::bad_input("--from and --to are the same file"));
    }
    let _lock = lock(path)?;
    let source = SqlRecords::open(&from).await.map_err(Failure::bad_input)?;
    let target = SqlRecords::open(&to).await.map_err(Failure::bad_input)?;
    let spinner = output::Spinner::start(json);
    let moved = source
        .move_to(&target, |moving| {
            spinner.say(format!("{}: {} rows", moving.table, moving.rows))
        })
        .await;
    drop(spinner);
    source.close().await;
    target.close().await;
    let rows = moved.map_err(|error| match error {
        MoveError::NotEmpty { .. } => Failure::bad_input(format!("{to}: {error}")),
        error => Failure::failed(error),
    })?;
    if json {
        output::print_json(&json!({"from": from.to_string(), "to": to.to_string(), "rows": rows}));
    } else {
        output::line(&format!("Moved {rows} rows from {from} to {to}; {from} is as it was."));
        if args.to.is_some() {
            output::line(
                "Name the database in CREEL_DATABASE_URL, or as `database` in creel.toml, before the next `creel up`.",
            );
        }
    }
    Ok(())
}

/// The lock of the home that the file belongs to: no control plane runs while its records move.
fn lock(file: &Path) -> Result<Option<Home>, Failure> {
    let directory = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !Home::is_one(directory) {
        return Ok(None);
    }
    Home::open(directory).map(Some).map_err(Failure::bad_input)
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
