//! `creel llm run`: a node of the LLM Gateway.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use creel_fleet::Sealer;
use creel_records::{DatabaseUrl, SqlRecords};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::address;
use crate::failure::Failure;
use crate::llm_gateway::{self, LlmSettings};
use crate::{client, logging, output, settings};

#[derive(Args)]
pub struct LlmRunArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000", value_parser = address)]
    pub listen: SocketAddr,
    /// Where this node keeps its journal; each has its own [default: llm-journal in the home]
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    #[command(flatten)]
    pub settings: LlmSettings,
}

pub async fn run(args: LlmRunArgs, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let LlmRunArgs {
        listen,
        journal,
        settings: llm_settings,
    } = args;
    logging::start();
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::from_error)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::from_error)?;
    let home = client::home(home)?;
    let secrets = home.join("secrets");
    if !secrets.is_dir() {
        return Err(Failure::bad_input(format!(
            "{} is no home of Creel: `creel up` makes one, and its secrets/master.key opens the providers' keys",
            home.display()
        )));
    }
    let sealer = Sealer::of(&secrets).map_err(Failure::bad_input)?;
    let token = std::fs::read_to_string(secrets.join("admin-token")).map_err(Failure::from_error)?;
    let url = settings::database(&home)?.unwrap_or_else(|| DatabaseUrl::file(home.join("creel.db")));
    let records = SqlRecords::open(&url).await.map_err(Failure::from_error)?;
    let keep = settings::keep(&home, &llm_settings)?;
    let journal = journal.unwrap_or_else(|| home.join("llm-journal"));
    tracing::debug!(home = %home.display(), records = %url, journal = %journal.display(), "opened");
    let gateway = llm_gateway::open(
        (listen, "--listen"),
        (&llm_settings, llm_gateway::given()?),
        token.trim(),
        records.clone(),
        sealer,
        (&journal, keep),
    )
    .await?;
    let address = gateway.address();
    if json {
        output::print_json(&json!({"llm": format!("http://{address}"), "pid": std::process::id()}));
    }
    tracing::info!(%address, "the LLM Gateway is up");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping; calls that run may end");
    gateway.stop().await;
    records.close().await;
    Ok(())
}
