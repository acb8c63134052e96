//! `creel multi-tenant …`: asks a running gateway for many users. It is found as the gateway finds its configuration: the same file names
//! the port and the service token. Where no such file is, it is the gateway that the control plane of this home has for its users.

mod args;

pub use args::MultiTenantArgs;

use std::path::{Path, PathBuf};

use creel_config::{Bind, Locations, Overrides, ProcessEnvironment};
use serde_json::Value;

use self::args::{MultiTenantCommand, SyncCommand, UsersCommand};
use crate::client::{Client, Token, escaped};
use crate::commands::user;
use crate::failure::Failure;
use crate::output::{self, duration, print_or};
use crate::size;

const ADVICE: &str = "start the gateway with `creel gateway run`, or name it with --url";
const TOKEN_VARIABLE: &str = "OPENCLAW_SERVICE_TOKEN";

pub async fn run(args: MultiTenantArgs, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = client(args.url, home).await?;
    match args.command {
        MultiTenantCommand::Stats => {
            let stats = ask(&client, "/stats").await?;
            print_or(json, &stats, || show_stats(&stats));
        }
        MultiTenantCommand::Config(SyncCommand::Sync) => {
            let report = tell(&client, "/sync").await?;
            print_or(json, &report, || {
                output::line(&format!(
                    "{} changed, {} deleted, {:.0} ms",
                    output::count(&report["changed"], "user"),
                    report["deleted"],
                    report["milliseconds"].as_f64().unwrap_or_default()
                ));
            });
        }
        MultiTenantCommand::Users(UsersCommand::List { search, page }) => {
            let path = page.of("/users", search.as_deref());
            let list = ask(&client, &path).await?;
            print_or(json, &list, || show_users(&list));
        }
        MultiTenantCommand::Users(UsersCommand::Info { id }) => {
            let user = ask(&client, &format!("/users/{}", escaped(&id))).await?;
            print_or(json, &user, || show(&user));
        }
        MultiTenantCommand::Users(UsersCommand::Cleanup { idle_ms }) => {
            let query = idle_ms.map_or_else(String::new, |idle| format!("?idle_ms={idle}"));
            let report = tell(&client, &format!("/users/cleanup{query}")).await?;
            print_or(json, &report, || {
                let unloaded = report["unloaded"].as_array().map_or(0, Vec::len);
                output::line(&format!("{unloaded} unloaded, {} stay", report["active_instances"]));
            });
        }
    }
    Ok(())
}

async fn client(url: Option<String>, home: Option<PathBuf>) -> Result<Client, Failure> {
    let given = std::env::var(TOKEN_VARIABLE).ok().filter(|secret| !secret.is_empty());
    if let (Some(url), Some(secret)) = (&url, given) {
        let source = TOKEN_VARIABLE.to_owned();
        return Client::at(url, "--url", Token { secret, source }, ADVICE);
    }
    let environment = ProcessEnvironment;
    let locations = Locations::resolve(&environment, None, false)
        .and_then(|locations| locations.or_multi_tenant(&environment))
        .map_err(|error| Failure::bad_input(error.in_full()))?;
    let loaded = creel_config::load(&locations, &environment, &Overrides::default())
        .map_err(|error| Failure::bad_input(error.in_full()))?;
    let Some(settings) = loaded.config.multi_tenant else {
        return of_the_home(url, home, &locations.config).await;
    };
    let gateway = loaded.config.gateway;
    let address = match gateway.bind {
        Bind::Address(address) if !address.is_unspecified() => address,
        _ => Bind::Loopback.address(),
    };
    let url = url.unwrap_or_else(|| format!("http://{}", std::net::SocketAddr::new(address, gateway.port)));
    let token = Token {
        secret: settings.service_token.expose().to_owned(),
        source: format!(
            "{TOKEN_VARIABLE}, or multiTenant.serviceToken in {}",
            locations.config.display()
        ),
    };
    Client::at(&url, "--url", token, ADVICE)
}

/// The gateway of `creel user gateway`: the control plane says where it is, and its home has the service token.
async fn of_the_home(url: Option<String>, home: Option<PathBuf>, looked_at: &Path) -> Result<Client, Failure> {
    let file = crate::client::home(home.clone())?.join("secrets/service-token");
    let Ok(secret) = std::fs::read_to_string(&file) else {
        return Err(Failure::bad_input(format!(
            "{}: multiTenant.enabled is off, and there is no {}; name another file with OPENCLAW_GLOBAL_CONFIG, or a home with --home",
            looked_at.display(),
            file.display()
        )));
    };
    let url = match url {
        Some(url) => url,
        None => {
            let gateway = Client::new(home)?.get(user::GATEWAY).await?;
            let url = gateway["url"].as_str().map(str::to_owned);
            url.ok_or_else(|| Failure::bad_input(user::NO_GATEWAY))?
        }
    };
    let token = Token {
        secret: secret.trim().to_owned(),
        source: file.display().to_string(),
    };
    Client::at(&url, "--url", token, ADVICE)
}

async fn ask(client: &Client, path: &str) -> Result<Value, Failure> {
    client.get(&format!("/api/v1/multi-tenant{path}")).await
}

async fn tell(client: &Client, path: &str) -> Result<Value, Failure> {
    client.post(&format!("/api/v1/multi-tenant{path}"), None).await
}

fn show_stats(stats: &Value) {
    let number = |key: &str| stats[key].as_u64().unwrap_or_default();
    let hit_rate = stats["cache_hit_rate"]
        .as_f64()
        .map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let last_sync = stats["last_sync"].as_str().unwrap_or("never");
    let failures = match stats["sync_error"].as_str() {
        Some(error) => format!("{} ({error})", number("sync_failures")),
        None => number("sync_failures").to_string(),
    };
    let active = format!("{} of {}", number("active_instances"), number("max_cached_users"));
    let turns = format!(
        "{} running, {} waiting",
        number("turns_running"),
        number("turns_waiting")
    );
    for (name, value) in [
        ("total users", number("total_users").to_string()),
        ("active instances", active),
        ("connections", number("connections").to_string()),
        ("pending requests", number("pending_requests").to_string()),
        ("turns", turns),
        ("cache hit rate", hit_rate),
        ("last sync", last_sync.to_owned()),
        ("sync failures", failures),
        ("memory", size::show(number("memory_bytes"))),
        ("uptime", duration(number("uptime_seconds"))),
    ] {
        output::line(&format!("{name:<18}{value}"));
    }
    for alert in stats["alerts"].as_array().into_iter().flatten() {
        output::line(&format!(
            "alert             {}",
            alert["message"].as_str().unwrap_or_default()
        ));
    }
}

fn show_users(list: &Value) {
    let rows: Vec<Vec<String>> = list["users"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|user| {
            let idle = user["idle_seconds"].as_u64().map_or_else(|| "-".to_owned(), duration);
            vec![
                user["user_id"].as_str().unwrap_or_default().to_owned(),
                user["status"].as_str().unwrap_or_default().to_owned(),
                if user["loaded"] == true { "yes" } else { "no" }.to_owned(),
                user["connections"].to_string(),
                user["pending_requests"].to_string(),
                idle,
            ]
        })
        .collect();
    output::table(&["USER", "STATUS", "LOADED", "CONNECTIONS", "REQUESTS", "IDLE"], &rows);
    user::show_next(list);
}

/// What is wrong with a configuration repeats words of its user's: those must not steer the operator's terminal.
fn visible(text: &str) -> String {
    let shown = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect()
}

fn show(user: &Value) {
    for (key, value) in user.as_object().into_iter().flatten() {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => visible(text),
            Value::Number(bytes) if key.ends_with("_bytes") => size::show(bytes.as_u64().unwrap_or_default()),
            other => other.to_string(),
        };
        output::line(&format!("{:<22}{text}", key.replace('_', " ")));
    }
}
