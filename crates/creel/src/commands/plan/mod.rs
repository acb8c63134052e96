//! `creel plan capacity|cost`: what so many users need and cost. The backend answers by what its instances really use; where none
//! answers, the figures of `make bench` and this machine are taken.

mod args;
mod show;

use std::path::PathBuf;

use creel_fleet::FleetError;
use serde::Serialize;
use serde_json::Value;

pub use args::PlanCommand;

use crate::client::Client;
use crate::failure::Failure;
use crate::output;

pub async fn run(command: PlanCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let plan = match &command {
        PlanCommand::Capacity(args) => match asked(home, "capacity", args.query()?).await? {
            Some(answer) => answer,
            None => planned(args.request()?.plan(args.common.figures()?))?,
        },
        PlanCommand::Cost(args) => match asked(home, "cost", args.query()?).await? {
            Some(answer) => answer,
            None => planned(args.request()?.plan(args.common.figures()?))?,
        },
    };
    output::print_or(json, &plan, || match command {
        PlanCommand::Capacity(_) => show::capacity(&plan),
        PlanCommand::Cost(_) => show::cost(&plan),
    });
    Ok(())
}

/// What the backend answers; nothing if none does.
async fn asked(home: Option<PathBuf>, what: &str, query: String) -> Result<Option<Value>, Failure> {
    let Ok(client) = Client::new(home) else {
        return Ok(None);
    };
    match client.get(&format!("/api/plan/{what}?{query}")).await {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.is_bad_input() => Err(failure),
        Err(_) => Ok(None),
    }
}

fn planned(plan: Result<impl Serialize, FleetError>) -> Result<Value, Failure> {
    serde_json::to_value(plan.map_err(Failure::bad_input)?).map_err(Failure::from_error)
}
