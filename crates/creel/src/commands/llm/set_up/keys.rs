//! `creel llm keys …`: virtual keys.

use serde_json::{Map, Value, json};

use super::args::{Keys, Terms};
use super::{list, path};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, print_or};

pub async fn run(client: &Client, command: Keys, json: bool) -> Result<(), Failure> {
    match command {
        Keys::List => list(client, "keys", json).await,
        Keys::Make { user, instance, terms } => {
            let mut body = fields(terms)?;
            body.extend([
                ("user".to_owned(), json!(user)),
                ("instance".to_owned(), json!(instance)),
            ]);
            let answer = client.post("/api/llm/keys", Some(&body.into())).await?;
            print_or(json, &answer, || {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                output::line(&format!(
                    "{}\nshown this once; its id is {}",
                    text(&answer["secret"]),
                    text(&answer["key"]["id"])
                ));
            });
            Ok(())
        }
        Keys::Change { id, terms } => {
            let body = fields(terms)?;
            if body.is_empty() {
                return Err(Failure::bad_input(
                    "say what is to be changed; see `creel llm keys change --help`",
                ));
            }
            let answer = client.patch(&path("keys", &id), &body.into()).await?;
            print_or(json, &answer, || output::line(&format!("{id} is changed")));
            Ok(())
        }
        Keys::Revoke { id } => {
            client.delete(&path("keys", &id)).await?;
            print_or(json, &json!({"id": id, "revoked": true}), || {
                output::line(&format!("{id} is revoked"))
            });
            Ok(())
        }
    }
}

/// What was named. `none` is null: no limit.
fn fields(terms: Terms) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    let Terms {
        models,
        aliases,
        requests_per_minute,
        tokens_per_minute,
        day_budget,
        month_budget,
        group,
        expires,
    } = terms;
    if models == ["none"] {
        fields.insert("models".into(), Value::Null);
    } else if !models.is_empty() {
        fields.insert("models".into(), models.into());
    }
    if aliases == ["none"] {
        fields.insert("aliases".into(), json!({}));
    } else if !aliases.is_empty() {
        let pair = |text: &String| match text.split_once('=') {
            Some((name, model)) if !name.is_empty() && !model.is_empty() => Ok((name.to_owned(), model.into())),
            _ => Err(Failure::bad_input(format!("--alias {text}: it is NAME=MODEL"))),
        };
        fields.insert(
            "aliases".into(),
            Value::Object(aliases.iter().map(pair).collect::<Result<_, _>>()?),
        );
    }
    let limits = [
        ("requests_per_minute", requests_per_minute.map(|limit| json!(limit))),
        ("tokens_per_minute", tokens_per_minute.map(|limit| json!(limit))),
        ("day_budget", day_budget.map(|limit| json!(limit))),
        ("month_budget", month_budget.map(|limit| json!(limit))),
    ];
    for (name, given) in limits {
        if let Some(limit) = given {
            fields.insert(name.into(), limit);
        }
    }
    for (name, given) in [("group", group), ("expires_at", expires)] {
        let Some(text) = given else { continue };
        fields.insert(name.into(), if text == "none" { Value::Null } else { text.into() });
    }
    Ok(fields)
}
