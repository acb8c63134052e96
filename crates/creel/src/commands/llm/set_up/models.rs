//! `creel llm models …`

use serde_json::{Value, json};

use super::args::Models;
use super::{list, remove, set};
use crate::client::Client;
use crate::failure::Failure;

pub async fn run(client: &Client, command: Models, json: bool) -> Result<(), Failure> {
    match command {
        Models::List => list(client, "models", json).await,
        Models::Rm { name } => remove(client, "models", &name, json).await,
        Models::Set {
            name,
            routes,
            strategy,
            max_output,
        } => {
            let routes: Vec<Value> = routes.iter().map(|text| route(text)).collect::<Result<_, _>>()?;
            let body = json!({"routes": routes, "strategy": strategy, "max_output": max_output});
            set(client, "models", &name, &body, json).await
        }
    }
}

/// `PROVIDER[/NAME][,weight=N][,priority=N]`. A provider's name has no slash, a model's may.
fn route(text: &str) -> Result<Value, Failure> {
    let mut parts = text.split(',');
    let place = parts.next().unwrap_or_default();
    let (provider, model) = match place.split_once('/') {
        Some((provider, model)) => (provider, Some(model)),
        None => (place, None),
    };
    let mut route = json!({"provider": provider, "model": model});
    for part in parts {
        let (field, number) = part.split_once('=').unwrap_or((part, ""));
        let number: u32 = number.parse().map_err(|_| wrong(text))?;
        if !matches!(field, "weight" | "priority") {
            return Err(wrong(text));
        }
        route[field] = number.into();
    }
    Ok(route)
}

fn wrong(text: &str) -> Failure {
    Failure::bad_input(format!("--route {text}: it is PROVIDER[/NAME][,weight=N][,priority=N]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_a_place_and_what_it_weighs() {
        assert_eq!(route("openai").unwrap(), json!({"provider": "openai", "model": null}));
        assert_eq!(
            route("router/meta/llama-3,weight=2,priority=1").unwrap(),
            json!({"provider": "router", "model": "meta/llama-3", "weight": 2, "priority": 1})
        );
        for wrong in ["openai,heavy", "openai,weight=x", "openai,colour=1", "openai,weight=-1"] {
            assert!(format!("{:?}", route(wrong).unwrap_err()).contains(wrong), "{wrong}");
        }
    }
}
