//! The LLM Gateway: `creel llm run`, and its part of `creel up`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use creel_fleet::{Credentials, InstanceId, Sealer, Secret};
use creel_llm_gateway::ledger::{JournalConfig, Keep, Ledger};
use creel_llm_gateway::{
    Gateway, Given, Provider, Settings, Source, StartError, Style, Unseal, VirtualKey, hash_key, seal_purpose,
};
use creel_records::{DatabaseUrl, KeyRecord, KeyTerms, LlmRecords, RecordsError, SqlRecords, now_ms};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::cli::{LlmRunArgs, LlmSettings};
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
    let gateway = open(
        (listen, "--listen"),
        &llm_settings,
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

/// Starts it on these records, at an address that an option of the command line says. Its metrics want this token; usage is kept
/// for so long.
pub async fn open(
    (address, option): (SocketAddr, &str),
    settings: &LlmSettings,
    token: &str,
    records: SqlRecords,
    sealer: Sealer,
    (journal, keep): (&Path, Keep),
) -> Result<Gateway, Failure> {
    let store = Arc::new(records);
    let ledger = Ledger::open(JournalConfig::new(journal), store.clone())
        .await
        .map_err(Failure::from_error)?;
    ledger.keep(keep);
    let source = Source {
        records: store,
        unseal: Arc::new(Opener(sealer)),
        given: given()?,
    };
    let settings = Settings {
        unpriced: settings.unpriced,
        metrics_token: Some(hash_key(token)),
        ..Settings::default()
    };
    Gateway::open(address, settings, source, ledger)
        .await
        .map_err(|error| match error {
            StartError::Listen { address, reason } => Failure::cannot_listen(address, &reason, option),
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

/// Hands each instance a virtual key of its own at every start. Those of its earlier starts are revoked; when it is removed, so are those that
/// somebody made for it.
pub struct VirtualKeys {
    pub records: Arc<dyn LlmRecords>,
    pub changed: Arc<Notify>,
    /// Variables that hold a key.
    pub variables: Vec<String>,
}

#[async_trait]
impl Credentials for VirtualKeys {
    async fn of(&self, instance: &InstanceId) -> Result<Vec<(String, Secret)>, String> {
        if self.variables.is_empty() {
            return Ok(Vec::new());
        }
        let key = VirtualKey::mint().map_err(|error| error.to_string())?;
        let record = KeyRecord {
            id: KeyRecord::handed_id(instance.as_str(), first_bytes(&key.hash())),
            sha256: key.hash(),
            hint: key.hint(),
            user: None,
            instance: Some(instance.to_string()),
            terms: KeyTerms::default(),
            created_at: now_ms(),
            expires_at: None,
            revoked_at: None,
        };
        let failed = |error: RecordsError| format!("no virtual key could be made: {error}");
        self.records
            .revoke_llm_keys_handed_to(instance.as_str())
            .await
            .map_err(failed)?;
        self.records.insert_llm_key(&record).await.map_err(failed)?;
        self.changed.notify_one();
        let handed = self
            .variables
            .iter()
            .map(|name| (name.clone(), Secret::new(key.expose())));
        Ok(handed.collect())
    }

    async fn revoke(&self, instance: &InstanceId) -> Result<(), String> {
        let revoked = self.records.revoke_llm_keys_of(instance.as_str()).await;
        if revoked.map_err(|error| format!("its virtual keys could not be revoked: {error}"))? {
            self.changed.notify_one();
        }
        Ok(())
    }
}

fn first_bytes(hash: &[u8; 32]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What every instance is told of the gateway, where a provider's key was given: its address. Keys come at each start; what stands for
/// them here is for the checks of configurations that name them.
pub fn environment(gateway: SocketAddr) -> Vec<(String, Secret)> {
    let mut gateway = gateway;
    if gateway.ip().is_unspecified() {
        gateway.set_ip(match gateway {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let mut told = Vec::new();
    for (_, style, key, base, _) in GIVEN.iter().filter(|(_, _, key, ..)| set(key).is_some()) {
        let url = match style {
            Style::Openai => format!("http://{gateway}/v1"),
            Style::Anthropic => format!("http://{gateway}"),
        };
        told.push(((*key).to_owned(), Secret::new("sk-creel-at-start")));
        told.push(((*base).to_owned(), Secret::new(url)));
    }
    told
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn given() -> Result<Given, Failure> {
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
