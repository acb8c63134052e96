//! `creel driver list`: where instances can run here, and what the other places lack.

use std::path::PathBuf;

use clap::Subcommand;

use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, print_or};

#[derive(Subcommand)]
pub enum DriverCommand {
    /// List the drivers, and what each that cannot be used lacks
    #[command(visible_alias = "ls")]
    List,
}

pub async fn run(command: DriverCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let DriverCommand::List = command;
    let client = Client::new(home)?;
    let answer = client.get("/api/drivers").await?;
    let drivers = client.list(&answer, "drivers")?;
    print_or(json, &answer, || {
        let text = |driver: &serde_json::Value, key: &str| driver[key].as_str().unwrap_or("-").to_owned();
        let rows = drivers.iter().map(|driver| {
            let here = if driver["available"] == true { "yes" } else { "no" };
            vec![text(driver, "driver"), here.to_owned(), text(driver, "version")]
        });
        output::table(&["DRIVER", "HERE", "VERSION"], &rows.collect::<Vec<_>>());
        for driver in drivers.iter().filter(|driver| driver["available"] != true) {
            let (name, reason) = (text(driver, "driver"), text(driver, "reason"));
            output::line(&format!("{name}: {reason}"));
            if let Some(needs) = driver["needs"].as_str() {
                output::line(&format!("  it needs {needs}"));
            }
        }
    });
    Ok(())
}
