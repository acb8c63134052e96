//! `creel user …`: the users of gateways for many, through the backend's REST API.

mod args;
mod gateway;
mod import;
mod page;
mod parts;
mod password;

pub use args::UserCommand;
pub use gateway::{NONE as NO_GATEWAY, PATH as GATEWAY};
pub use page::{Page, show_next};

use std::path::PathBuf;

use serde_json::{Value, json};

use self::args::UserCreateArgs;
use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output::{self, print_or};

pub async fn run(command: UserCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    match command {
        UserCommand::Create(args) => create(&client, args, json).await,
        UserCommand::List { search, page } => {
            let query = page.of("/api/users", search.as_deref());
            let list = client.get(&query).await?;
            let users = client.list(&list, "users")?;
            print_or(json, &list, || {
                show_all(users);
                show_next(&list);
            });
            Ok(())
        }
        UserCommand::Show { id } => {
            let answer = client.get(&path(&id, "")).await?;
            print_or(json, &answer, || show(&answer));
            Ok(())
        }
        UserCommand::Token { id, revoke: true, .. } => {
            client.delete(&path(&id, "/tokens")).await?;
            print_or(json, &json!({"revoked": id}), || {
                output::line(&format!("{id} has no gateway token any more"))
            });
            Ok(())
        }
        UserCommand::Token { id, expires, .. } => {
            let answer = token(&client, &id, expires).await?;
            print_or(json, &answer, || {
                output::line(answer["token"].as_str().unwrap_or_default())
            });
            Ok(())
        }
        UserCommand::Password { id, stdin, remove } => {
            let password = match remove {
                true => None,
                false => Some(password::read(stdin, &id)?),
            };
            let said = if remove {
                "signs in no more"
            } else {
                "has a new password"
            };
            change(&client, &id, &json!({"password": password}), said, json).await
        }
        UserCommand::Disable { id } => {
            let said = "is disabled: their LLM keys are void, and gateways turn them away at their next sync";
            change(&client, &id, &json!({"status": "disabled"}), said, json).await
        }
        UserCommand::Enable { id } => change(&client, &id, &json!({"status": "active"}), "is active", json).await,
        UserCommand::Gateway { instance, model } => gateway::run(&client, instance, model, json).await,
        UserCommand::Import { file, dry_run } => import::run(&client, &file, dry_run, json).await,
        UserCommand::Rm { id } => {
            client.delete(&path(&id, "")).await?;
            print_or(json, &json!({"removed": id}), || output::line(&format!("removed {id}")));
            Ok(())
        }
    }
}

/// The API's path of a user. An id that is none goes along escaped, so that the backend can say what is wrong with it.
fn path(id: &str, rest: &str) -> String {
    format!("/api/users/{}{rest}", escaped(id))
}

async fn create(client: &Client, args: UserCreateArgs, json: bool) -> Result<(), Failure> {
    let password = match (args.password, args.password_stdin) {
        (false, false) => None,
        (_, stdin) => Some(password::read(stdin, &args.id)?),
    };
    let mut request = json!({"id": args.id, "name": args.name, "password": password});
    if let Some(object) = request.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    let mut answer = client.post("/api/users", Some(&request)).await?;
    let mut refused = None;
    if args.token {
        match token(client, &args.id, None).await {
            Ok(minted) => answer["token"] = minted["token"].clone(),
            // They are there, whatever became of the token.
            Err(failure) => refused = Some(failure),
        }
    }
    print_or(json, &answer, || {
        output::line(&format!("{} is registered", args.id));
        match answer["token"].as_str() {
            Some(token) => {
                output::line(&format!("token  {token}"));
                output::line("Keep the token: it is shown this once.");
            }
            None => output::line(&format!("`creel user token {}` gives them a gateway token", args.id)),
        }
    });
    refused.map_or(Ok(()), Err)
}

async fn token(client: &Client, id: &str, expires: Option<String>) -> Result<Value, Failure> {
    let request = expires.map_or_else(|| json!({}), |at| json!({"expires_at": at}));
    client.post(&path(id, "/token"), Some(&request)).await
}

async fn change(client: &Client, id: &str, patch: &Value, said: &str, json: bool) -> Result<(), Failure> {
    let answer = client.patch(&path(id, ""), patch).await?;
    print_or(json, &answer, || output::line(&format!("{id} {said}")));
    Ok(())
}

fn show_all(users: &[Value]) {
    if users.is_empty() {
        output::line("no users; make one with `creel user create ID`, or many with `creel user import FILE`");
        return;
    }
    let rows: Vec<Vec<String>> = users
        .iter()
        .map(|user| {
            ["id", "status", "name", "created_at"]
                .map(|field| user[field].as_str().unwrap_or_default().to_owned())
                .into()
        })
        .collect();
    output::table(&["ID", "STATUS", "NAME", "CREATED"], &rows);
}

fn show(answer: &Value) {
    for (key, value) in answer["user"].as_object().into_iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            other => other.to_string(),
        };
        output::line(&format!("{:<14}{text}", key.replace('_', " ")));
    }
    for token in answer["tokens"].as_array().into_iter().flatten() {
        let text = |field: &str| token[field].as_str().unwrap_or_default();
        let until = match text("expires_at") {
            "" => "for good".to_owned(),
            at => format!("until {at}"),
        };
        output::line(&format!(
            "{:<14}{}…, made {}, {until}",
            "token",
            text("hint"),
            text("created_at")
        ));
    }
}
