//! Makes a snapshot of what is recorded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use creel_records::{KeyRecord, LlmSetup, ModelRecord, PriceRecord, ProviderRecord, ProviderStyle, RouteStrategy};

use super::model::MAX_OUTPUT;
use super::{Budgets, Catalog, Key, Limits, Model, Prices, Provider, Route, Strategy};
use crate::key::KeyHash;
use crate::price::{Multiplier, Price};
use crate::style::Style;

/// Opens what is sealed; whoever has the master key gives it.
pub trait Unseal: Send + Sync {
    /// A provider's key, or `None` if it was not sealed with this master key.
    fn provider_key(&self, provider: &str, sealed: &[u8]) -> Option<String>;
}

/// What a provider's key is sealed for: it opens as the key of no other provider.
#[must_use]
pub fn seal_purpose(provider: &str) -> String {
    format!("key of the model provider {provider}")
}

/// What every snapshot of a gateway has, besides what is recorded: providers whose keys came with the environment. A recorded
/// provider of the same name takes the place of such a one.
pub type Given = Vec<Arc<Provider>>;

impl Catalog {
    /// A snapshot of this setup. What counts over time is carried over from the one before; keys that are no longer there are revoked,
    /// for calls that run too. What cannot be used is left out, and the log says why.
    pub fn of(setup: &LlmSetup, given: &Given, unseal: &dyn Unseal, before: &Self) -> Self {
        let mut providers: BTreeMap<String, Arc<Provider>> = given
            .iter()
            .map(|provider| (provider.name.to_string(), Arc::clone(provider)))
            .collect();
        for record in &setup.providers {
            match provider(record, unseal, before) {
                Ok(provider) => {
                    providers.insert(record.name.clone(), Arc::new(provider));
                }
                Err(reason) => {
                    providers.remove(&record.name);
                    tracing::error!(provider = record.name, reason, "a provider cannot be used");
                }
            }
        }
        // One whose currency is gone is none: whoever would have to pay is refused.
        let prices = setup
            .prices
            .iter()
            .filter_map(|record| record.in_credits(&setup.currencies));
        let prices = Prices::new(prices.map(|record| (record.model.clone(), price(&record))));
        let mut models = BTreeMap::new();
        let mut closed = BTreeSet::new();
        for record in &setup.models {
            match model(record, &providers, &prices) {
                Some(model) => drop(models.insert(record.name.clone(), Arc::new(model))),
                None => drop(closed.insert(record.name.clone())),
            }
        }
        let groups: HashMap<&str, u32> = setup
            .groups
            .iter()
            .map(|group| (group.name.as_str(), group.multiplier))
            .collect();
        let keys: HashMap<KeyHash, Arc<Key>> = setup
            .keys
            .iter()
            .map(|record| (record.sha256, Arc::new(key(record, &groups, before))))
            .collect();
        for (hash, key) in &before.keys {
            if !keys.contains_key(hash) {
                key.state.revoke();
            }
        }
        Self {
            models,
            closed,
            keys,
            providers,
            prices,
        }
    }
}

fn provider(record: &ProviderRecord, unseal: &dyn Unseal, before: &Catalog) -> Result<Provider, String> {
    let style = match record.style {
        ProviderStyle::Openai => Style::Openai,
        ProviderStyle::Anthropic => Style::Anthropic,
    };
    let key = match &record.key_sealed {
        None => None,
        Some(sealed) => {
            let opened = unseal.provider_key(&record.name, sealed);
            Some(opened.ok_or("its key was sealed with another master key; set it again")?)
        }
    };
    let mut provider =
        Provider::new(&record.name, style, &record.base_url, key.as_deref()).map_err(|error| error.to_string())?;
    provider.has_responses = record.has_responses;
    provider.any_model = record.any_model;
    // Another address is another server: what was seen of the old one says nothing.
    if let Some(known) = before
        .providers
        .get(&record.name)
        .filter(|known| known.base == provider.base)
    {
        provider.health = Arc::clone(&known.health);
    }
    Ok(provider)
}

fn price(record: &PriceRecord) -> Price {
    Price {
        input: record.input,
        cached_input: record.cached_input,
        cache_write: record.cache_write,
        output: record.output,
        call: record.call,
    }
}

fn model(record: &ModelRecord, providers: &BTreeMap<String, Arc<Provider>>, prices: &Prices) -> Option<Model> {
    let routes: Vec<Route> = record
        .routes
        .iter()
        .filter_map(|route| {
            let provider = providers.get(&route.provider);
            if provider.is_none() {
                tracing::warn!(
                    model = record.name,
                    provider = route.provider,
                    "a route leads to no provider"
                );
            }
            Some(Route {
                provider: Arc::clone(provider?),
                model: route.model.clone(),
                weight: route.weight,
                priority: route.priority,
            })
        })
        .collect();
    if routes.is_empty() {
        return None;
    }
    Some(Model {
        name: record.name.as_str().into(),
        is_listed: true,
        routes,
        strategy: match record.strategy {
            RouteStrategy::Weighted => Strategy::Weighted,
            RouteStrategy::LeastLatency => Strategy::LeastLatency,
        },
        price: prices.of(&record.name),
        max_output: record.max_output.unwrap_or(MAX_OUTPUT),
    })
}

fn key(record: &KeyRecord, groups: &HashMap<&str, u32>, before: &Catalog) -> Key {
    let terms = &record.terms;
    let (day, month) = terms.budgets();
    let multiplier = terms.group.as_deref().and_then(|group| groups.get(group)).copied();
    let state = before
        .keys
        .get(&record.sha256)
        .map(|key| Arc::clone(&key.state))
        .unwrap_or_default();
    Key {
        id: record.id.as_str().into(),
        user: record.user.as_deref().map(Into::into),
        instance: record.instance.as_deref().map(Into::into),
        models: terms.models.as_ref().map(|models| models.iter().cloned().collect()),
        aliases: terms.aliases.clone(),
        limits: Limits {
            requests_per_minute: terms.requests_per_minute,
            tokens_per_minute: terms.tokens_per_minute,
        },
        budgets: Budgets { day, month },
        multiplier: multiplier.map(Multiplier).unwrap_or_default(),
        expires_at: record.expires_at,
        state,
    }
}
