//! `creel user gateway`: which gateway serves all users.

use serde_json::{Value, json};

use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Spinner, print_or};

pub const PATH: &str = "/api/system/users-gateway";
pub const NONE: &str = "no gateway serves users yet; `creel user gateway everyone` makes one";

pub async fn run(client: &Client, instance: Option<String>, model: Option<String>, json: bool) -> Result<(), Failure> {
    let gateway = match instance {
        None => client.get(PATH).await?,
        Some(instance) => {
            let spinner = Spinner::start(json);
            spinner.say(format!("making {instance} the gateway for users"));
            let mut request = json!({"instance": instance});
            if let Some(model) = model {
                request["model"] = model.into();
            }
            client.put(PATH, &request).await?
        }
    };
    print_or(json, &gateway, || output::line(&summary(&gateway)));
    Ok(())
}

fn summary(gateway: &Value) -> String {
    let Some(url) = gateway["url"].as_str() else {
        return NONE.to_owned();
    };
    match gateway["instance"].as_str() {
        Some(instance) => format!(
            "{instance} serves all users at {url}, {}",
            gateway["status"].as_str().unwrap_or("unknown")
        ),
        None => format!("{url} serves all users"),
    }
}
