//! `creel instance change`

use serde_json::{Map, Value};

use super::args::ChangeArgs;
use super::{path, show_summary, terms};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::print_or;

pub async fn run(client: &Client, args: ChangeArgs, json: bool) -> Result<(), Failure> {
    let members = [
        ("name", args.name.map(Value::String)),
        ("idle", terms::idle(args.idle.as_deref())?),
        (
            "memory_limit_bytes",
            terms::change(args.memory.as_deref(), terms::memory)?,
        ),
        ("cpus", terms::change(args.cpus.as_deref(), terms::cores)?),
    ];
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let request: Map<String, Value> = given.collect();
    if request.is_empty() {
        return Err(Failure::bad_input(
            "say what to change: --name, --idle, --memory or --cpus",
        ));
    }
    let instance = client.patch(&path(&args.id, ""), &Value::Object(request)).await?;
    print_or(json, &instance, || show_summary(&instance));
    Ok(())
}
