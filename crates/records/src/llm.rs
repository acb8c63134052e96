//! What the LLM Gateway is set up with: providers, models, prices, groups and virtual keys. Keys of providers are sealed before they come
//! here, virtual keys are hashed.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UnknownName;
use crate::ledger::Micros;

named!(
    /// How a provider is spoken to.
    ProviderStyle, "style", {
        /// Chat completions.
        Openai = "openai",
        /// Messages.
        Anthropic = "anthropic",
    }
);

named!(
    /// How one of several providers of a model is chosen.
    RouteStrategy, "strategy", {
        /// By chance, in proportion to the weights.
        Weighted = "weighted",
        /// The one that answers soonest.
        LeastLatency = "least_latency",
    }
);

/// A provider of models.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderRecord {
    pub name: String,
    pub style: ProviderStyle,
    pub base_url: String,
    /// Its key, sealed; `None`: it wants none.
    pub key_sealed: Option<Vec<u8>>,
    /// It answers `/responses` itself.
    pub has_responses: bool,
    /// It may be asked for models that are not listed.
    pub any_model: bool,
}

/// The sealed key is no use without the master key, and still nothing for a log.
impl fmt::Debug for ProviderRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderRecord")
            .field("name", &self.name)
            .field("style", &self.style)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// One place where a model is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRecord {
    pub provider: String,
    /// The provider's own name of the model.
    pub model: String,
    pub weight: u32,
    /// The lowest is tried first.
    pub priority: u32,
}

/// A model, as clients name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRecord {
    pub name: String,
    pub routes: Vec<RouteRecord>,
    pub strategy: RouteStrategy,
    /// The most tokens of a reply, where a request does not say.
    pub max_output: Option<u64>,
}

/// Prices of the model of this name (or of all models that begin so, if it ends with `*`), in millionths of the currency for a million tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRecord {
    pub model: String,
    /// Of one that is recorded; `None`: credits.
    pub currency: Option<String>,
    pub input: u64,
    pub cached_input: Option<u64>,
    pub cache_write: Option<u64>,
    pub output: u64,
    /// For each call, in millionths of the currency.
    pub call: u64,
}

impl PriceRecord {
    /// The same in micro-credits, each rounded up to a whole one. `None`: nobody has said what its currency is worth.
    #[must_use]
    pub fn in_credits(&self, currencies: &[CurrencyRecord]) -> Option<Self> {
        let Some(code) = &self.currency else {
            return Some(self.clone());
        };
        let rate = currencies.iter().find(|currency| currency.code == *code)?.credits;
        let worth = |amount: u64| {
            let micros = (u128::from(amount) * u128::from(rate)).div_ceil(1_000_000);
            // As large as an amount that is recorded can be.
            u64::try_from(micros).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs())
        };
        Some(Self {
            model: self.model.clone(),
            currency: None,
            input: worth(self.input),
            cached_input: self.cached_input.map(worth),
            cache_write: self.cache_write.map(worth),
            output: worth(self.output),
            call: worth(self.call),
        })
    }
}

/// A currency that prices may be said in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyRecord {
    /// As in ISO 4217: `USD`.
    pub code: String,
    /// Micro-credits that one unit of it is.
    pub credits: u64,
}

/// Keys that pay this many millionths of the prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    pub name: String,
    pub multiplier: u32,
}

/// A virtual key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub id: String,
    pub sha256: [u8; 32],
    /// Enough of the key to tell it from others.
    pub hint: String,
    /// Who pays; `None`: nobody.
    pub user: Option<String>,
    pub instance: Option<String>,
    pub terms: KeyTerms,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

impl KeyRecord {
    /// The id of a key that an instance is handed at a start. One that somebody made has no dash in its id.
    #[must_use]
    pub fn handed_id(instance: &str, number: u64) -> String {
        format!("{instance}-{number:016x}")
    }
}

/// What a virtual key may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyTerms {
    /// Names of models; `None`: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Names of its own for models.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Micro-credits of a UTC day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_budget: Option<i64>,
    /// Micro-credits of a UTC month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month_budget: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

impl KeyTerms {
    #[must_use]
    pub fn budgets(&self) -> (Option<Micros>, Option<Micros>) {
        (self.day_budget.map(Micros), self.month_budget.map(Micros))
    }
}

/// What to change of a virtual key; `None` leaves it as it is, `Some(None)` lifts a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    pub models: Option<Option<Vec<String>>>,
    pub aliases: Option<BTreeMap<String, String>>,
    pub requests_per_minute: Option<Option<u64>>,
    pub tokens_per_minute: Option<Option<u64>>,
    pub day_budget: Option<Option<i64>>,
    pub month_budget: Option<Option<i64>>,
    pub group: Option<Option<String>>,
    pub expires_at: Option<Option<i64>>,
}

impl KeyChange {
    pub(crate) fn apply(&self, key: &mut KeyRecord) {
        fn put<T: Clone>(place: &mut T, new: &Option<T>) {
            if let Some(new) = new {
                place.clone_from(new);
            }
        }
        let terms = &mut key.terms;
        put(&mut terms.models, &self.models);
        put(&mut terms.aliases, &self.aliases);
        put(&mut terms.requests_per_minute, &self.requests_per_minute);
        put(&mut terms.tokens_per_minute, &self.tokens_per_minute);
        put(&mut terms.day_budget, &self.day_budget);
        put(&mut terms.month_budget, &self.month_budget);
        put(&mut terms.group, &self.group);
        put(&mut key.expires_at, &self.expires_at);
    }
}

/// All of it at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LlmSetup {
    /// Grows with every change.
    pub version: i64,
    pub providers: Vec<ProviderRecord>,
    pub models: Vec<ModelRecord>,
    pub prices: Vec<PriceRecord>,
    pub currencies: Vec<CurrencyRecord>,
    pub groups: Vec<GroupRecord>,
    /// Those that were not revoked.
    pub keys: Vec<KeyRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_in_a_currency_is_rounded_up_to_a_micro_credit() {
        let said = PriceRecord {
            model: "m1".into(),
            currency: Some("CNY".into()),
            input: 2_400_000,
            cached_input: Some(1),
            cache_write: None,
            output: i64::MAX.unsigned_abs(),
            call: 0,
        };
        let worth = |credits| {
            let code = "CNY".to_owned();
            said.in_credits(&[CurrencyRecord { code, credits }]).unwrap()
        };
        let cheap = worth(140_000);
        assert_eq!((cheap.currency, cheap.input), (None, 336_000));
        assert_eq!((cheap.cached_input, cheap.cache_write, cheap.call), (Some(1), None, 0));
        assert_eq!(worth(2_000_000).output, i64::MAX.unsigned_abs(), "as large as they get");
        assert_eq!(said.in_credits(&[]), None);
        let in_credits = PriceRecord { currency: None, ..said };
        assert_eq!(in_credits.in_credits(&[]), Some(in_credits.clone()));
    }
}
