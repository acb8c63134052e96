//! `creel instance change`

use serde_json::json;

use super::args::ChangeArgs;
use super::{path, summary, terms};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, print_or};

pub async fn run(client: &Client, args: ChangeArgs, json: bool) -> Result<(), Failure> {
    let mut request = json!({
        "name": args.name, "idle": terms::idle(args.idle.as_deref())?,
        "memory_limit_bytes": terms::memory(args.memory.as_deref())?, "cpus": terms::cores(args.cpus.as_deref())?,
    });
    if let Some(object) = request.as_object_mut() {
        object.retain(|_, value| !value.is_null());
        if object.is_empty() {
            return Err(Failure::bad_input(
                "say what to change: --name, --idle, --memory or --cpus",
            ));
        }
    }
    let instance = client.patch(&path(&args.id, ""), &request).await?;
    print_or(json, &instance, || {
        output::line(&summary(&instance));
        if let Some(message) = instance["message"].as_str() {
            output::line(message);
        }
    });
    Ok(())
}
