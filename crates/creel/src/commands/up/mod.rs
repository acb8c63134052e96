//! `creel up`: the whole of it in one command. This file wires the rooms together.

mod args;
mod handed;
mod virtual_keys;

pub use args::UpArgs;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use creel_backend::{
    Backend, Everyone, FirstSignIn, GivenToken, GivenTokens, LlmSetup, bootstrap, first_sign_in, serve,
};
use creel_fleet::{DefaultMemory, Fleet, FleetOptions, Home};
use creel_records::{DatabaseUrl, Records, SqlRecords};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::handed::Handed;
use self::virtual_keys::VirtualKeys;
use crate::failure::Failure;
use crate::{client, llm_gateway, logging, output, settings};

pub async fn run(args: UpArgs, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    logging::start();
    let tokens = given_tokens()?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::from_error)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::from_error)?;
    let path = client::home(home)?;
    // A home is not made for a start that cannot be.
    let database = settings::database(&path)?;
    let users_gateway = settings::users_gateway(&path)?;
    let oidc = settings::oidc(&path)?;
    let keep = settings::keep(&path, &args.llm_settings)?;
    let given = llm_gateway::given()?;
    let listening = listen(&args).await;
    // Of a home that is there it is said first that another has it.
    if listening.is_err() && !Home::is_one(&path) {
        return listening.map(drop);
    }
    let home = Home::open(path).map_err(Failure::bad_input)?;
    let listener = listening?;
    let console = listener.local_addr().map_err(Failure::from_error)?;
    let url = database.unwrap_or_else(|| DatabaseUrl::file(home.records_path()));
    let database = SqlRecords::open(&url).await.map_err(Failure::from_error)?;
    tracing::debug!(home = %home.path().display(), records = %url, "opened");
    let records: Arc<dyn Records> = Arc::new(database.clone());
    let entry = bootstrap(&*records, &home.secrets_dir(), tokens)
        .await
        .map_err(Failure::from_error)?;
    let everyone = Everyone {
        service_token: entry.service_token.clone(),
        address: users_gateway,
    };
    let sealer = home.sealer().map_err(Failure::from_error)?;
    let journal = home.path().join("llm-journal");
    let token = std::fs::read_to_string(&entry.token_file).map_err(Failure::from_error)?;
    let gateway = llm_gateway::open(
        (args.llm, "--llm"),
        (&args.llm_settings, given),
        token.trim(),
        database.clone(),
        sealer.clone(),
        (&journal, keep),
    )
    .await?;
    // Where nothing is up nobody is sent.
    client::note_address(home.path(), console).map_err(Failure::from_error)?;
    // Providers' keys stay in the LLM Gateway.
    let mut provider_env = llm_gateway::environment(gateway.address());
    let providers: Vec<String> = provider_env
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| name.ends_with("_KEY"))
        .collect();
    let handed = Handed {
        keys: VirtualKeys {
            records: Arc::new(database.clone()),
            refresh: gateway.refresh(),
            variables: providers.clone(),
        },
        records: records.clone(),
        service_token: entry.service_token.clone(),
    };
    provider_env.extend(handed::told(console));
    let creel_exe = std::env::current_exe().map_err(Failure::from_error)?;
    let options = FleetOptions {
        provider_env,
        credentials: Some(Arc::new(handed)),
        first_port: args.first_port,
        default_memory: DefaultMemory {
            native: args.native_memory.0,
            openclaw: args.openclaw_memory.0,
        },
        ..FleetOptions::new(home, records.clone(), creel_exe)
    };
    let fleet = Fleet::open(options).await.map_err(Failure::from_error)?;
    tracing::debug!(
        instances = fleet.list().len(),
        first_port = args.first_port,
        "the fleet is open"
    );
    let first = first_sign_in(&*records).await.map_err(Failure::from_error)?;
    let stop = CancellationToken::new();
    let llm_setup = LlmSetup {
        sealer,
        of_environment: llm_gateway::names().collect(),
        refresh: gateway.refresh(),
    };
    let backend = Backend::new(fleet.clone(), records, providers, llm_setup, everyone, oidc);
    let mut server = tokio::spawn(serve(listener, backend, stop.clone()));
    announce(console, gateway.address(), json);
    if let Some(first) = first {
        show_sign_in(&first, &entry.token_file, json);
    }
    tracing::info!(%console, "creel is up");

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        ended = &mut server => {
            let reason = ended.err().map_or_else(String::new, |error| format!(": {error}"));
            return Err(Failure::failed(format!("the console's server has ended{reason}; the instances go on")));
        }
    }
    if args.leave_running {
        tracing::info!("stopping; the instances go on, and the next `creel up` adopts them");
    } else {
        tracing::info!("stopping the instances; a second signal leaves those that still run");
        tokio::select! {
            () = fleet.shutdown() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    stop.cancel();
    let _ = server.await;
    gateway.stop().await;
    database.close().await;
    Ok(())
}

/// Tokens that the environment sets; an empty one is none.
fn given_tokens() -> Result<GivenTokens, Failure> {
    const ADMIN: &str = "CREEL_ADMIN_TOKEN";
    let admin = std::env::var_os(ADMIN).filter(|token| !token.is_empty());
    let admin = admin.map(|token| GivenToken::parse(&token)).transpose();
    let service = std::env::var("OPENCLAW_SERVICE_TOKEN").ok();
    Ok(GivenTokens {
        admin: admin.map_err(|weak| Failure::bad_input(format!("{ADMIN} {weak}")))?,
        service: service.filter(|token| !token.is_empty()),
    })
}

/// Listens for the console, and looks whether the LLM Gateway, which opens later, will be able to.
async fn listen(args: &UpArgs) -> Result<TcpListener, Failure> {
    let console = TcpListener::bind(args.console)
        .await
        .map_err(|error| Failure::cannot_listen(args.console, &error, "--console"))?;
    TcpListener::bind(args.llm)
        .await
        .map_err(|error| Failure::cannot_listen(args.llm, &error, "--llm"))?;
    Ok(console)
}

fn announce(console: SocketAddr, llm: SocketAddr, json: bool) {
    if json {
        output::print_json(
            &json!({"console": format!("http://{console}"), "edge": null, "llm": format!("http://{llm}")}),
        );
    } else {
        let shown = console.to_string().replacen("127.0.0.1", "localhost", 1);
        output::line(&format!(
            "\n  Console   http://{shown}\n  API       http://{shown}/docs\n  LLM       http://{llm}/v1"
        ));
    }
}

fn show_sign_in(first: &FirstSignIn, token_file: &Path, json: bool) {
    let FirstSignIn { username, password } = first;
    let file = token_file.display();
    let text = format!(
        "\n  Sign in   {username}\n  Password  {password}\n            shown this once; the API token in {file} signs in as well\n"
    );
    // Standard output is for machines with --json.
    if json { eprintln!("{text}") } else { output::line(&text) }
}
