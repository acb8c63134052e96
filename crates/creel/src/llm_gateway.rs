//! The LLM Gateway on the records of a home, for `creel up` and `creel llm run`: its settings, its start, and the providers that the
//! environment names.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use creel_fleet::{Sealer, Secret};
use creel_llm_gateway::ledger::{JournalConfig, Keep, Ledger};
use creel_llm_gateway::{
    Gateway, Given, Provider, Settings, Source, StartError, Style, Unseal, hash_key, seal_purpose,
};
use creel_records::SqlRecords;

use crate::failure::Failure;
use crate::nearby;

/// Providers that a key or an address in the environment makes: name, style, variables, address.
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

#[derive(Args)]
pub struct LlmSettings {
    /// A model without a price, where somebody would have to pay: refuse or free
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    pub unpriced: creel_llm_gateway::Unpriced,
    /// Days for which single calls are kept [default: `llm.keep_calls_days` in creel.toml, else 90]
    #[arg(long, value_name = "DAYS", env = "CREEL_LLM_KEEP_CALLS_DAYS", value_parser = days())]
    pub keep_calls_days: Option<u32>,
    /// Days for which sums by hour are kept; sums by day are kept for good [default: `llm.keep_hours_days`, else 400]
    #[arg(long, value_name = "DAYS", env = "CREEL_LLM_KEEP_HOURS_DAYS", value_parser = days())]
    pub keep_hours_days: Option<u32>,
}

/// A day to a century.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_525)
}

/// Starts it on these records, at an address that an option of the command line says, with the providers that are given. Its metrics
/// want this token; usage is kept for so long.
pub async fn open(
    (address, option): (SocketAddr, &str),
    (settings, given): (&LlmSettings, Given),
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
        given,
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

/// What every instance is told of the gateway, where a provider was given: its address. Keys come at each start; what stands for
/// them here is for the checks of configurations that name them.
pub fn environment(gateway: SocketAddr) -> Vec<(String, Secret)> {
    let gateway = nearby::callable(gateway);
    let mut told = Vec::new();
    for (_, style, key, base, _) in GIVEN.iter().filter(|(_, _, key, base, _)| is_given(key, base)) {
        let url = match style {
            Style::Openai => format!("http://{gateway}/v1"),
            Style::Anthropic => format!("http://{gateway}"),
        };
        told.push(((*key).to_owned(), Secret::new("sk-creel-at-start")));
        told.push(((*base).to_owned(), Secret::new(url)));
    }
    told
}

/// What providers are called that the environment may name.
pub fn names() -> impl Iterator<Item = &'static str> {
    GIVEN.iter().map(|(name, ..)| *name)
}

/// A server on one's own machine needs no key: its address is enough.
fn is_given(key: &str, base: &str) -> bool {
    set(key).or_else(|| set(base)).is_some()
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The providers that the environment names.
pub fn given() -> Result<Given, Failure> {
    let mut given = Given::new();
    for (name, style, key, base, default) in GIVEN {
        if !is_given(key, base) {
            continue;
        }
        let url = set(base).unwrap_or_else(|| default.to_owned());
        let mut provider = Provider::new(name, style, &url, set(key).as_deref())
            .map_err(|error| Failure::bad_input(format!("{key}, {base}: {error}")))?;
        provider.any_model = true;
        provider.has_responses = url == default && style == Style::Openai;
        given.push(Arc::new(provider));
    }
    Ok(given)
}
