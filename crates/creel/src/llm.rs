//! The LLM Gateway: `creel llm run`, and its part of `creel up`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use creel_fleet::Sealer;
use creel_llm_gateway::ledger::{JournalConfig, Ledger};
use creel_llm_gateway::{Gateway, Given, Provider, Settings, Source, StartError, Style, Unseal, seal_purpose};
use creel_records::{DatabaseUrl, SqlRecords};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{LlmCommand, LlmSettings};
use crate::failure::Failure;
use crate::{client, logging, output, settings};

/// Providers that a key in the environment makes: name, style, variables, address.
const GIVEN: [(&str, Style, &str, &str, &str); 2] = [
    (
        "openai",
        Style::Openai,
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "https://api.openai.com/v1",
    ),
    (
        "anthropic",
        Style::Anthropic,
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "https://api.anthropic.com",
    ),
];

pub async fn run(command: LlmCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let LlmCommand::Run {
        listen,
        journal,
        settings: llm_settings,
    } = command;
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
    let url = settings::database(&home)?.unwrap_or_else(|| DatabaseUrl::file(home.join("creel.db")));
    let records = SqlRecords::open(&url).await.map_err(Failure::from_error)?;
    let journal = journal.unwrap_or_else(|| home.join("llm-journal"));
    let gateway = open(listen, &llm_settings, records.clone(), sealer, &journal).await?;
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

/// Starts it on these records.
pub async fn open(
    address: SocketAddr,
    settings: &LlmSettings,
    records: SqlRecords,
    sealer: Sealer,
    journal: &Path,
) -> Result<Gateway, Failure> {
    let store = Arc::new(records);
    let ledger = Ledger::open(JournalConfig::new(journal), store.clone())
        .await
        .map_err(Failure::from_error)?;
    let source = Source {
        records: store,
        unseal: Arc::new(Opener(sealer)),
        given: given()?,
    };
    let settings = Settings {
        unpriced: settings.unpriced,
        ..Settings::default()
    };
    Gateway::open(address, settings, source, ledger)
        .await
        .map_err(|error| match error {
            StartError::Listen { .. } => Failure::bad_input(error),
            StartError::Records(_) => Failure::from_error(error),
        })
}

/// Opens providers' keys with the home's master key.
struct Opener(Sealer);

impl Unseal for Opener {
    fn provider_key(&self, provider: &str, sealed: &[u8]) -> Option<String> {
        self.0.open_text(&seal_purpose(provider), sealed)
    }
}

fn given() -> Result<Given, Failure> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut given = Given::new();
    for (name, style, key, base, default) in GIVEN {
        let Some(secret) = set(key) else { continue };
        let url = set(base).unwrap_or_else(|| default.to_owned());
        let mut provider = Provider::new(name, style, &url, Some(&secret))
            .map_err(|error| Failure::bad_input(format!("{key}, {base}: {error}")))?;
        provider.any_model = true;
        provider.has_responses = url == default && style == Style::Openai;
        given.push(Arc::new(provider));
    }
    Ok(given)
}
