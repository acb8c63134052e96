//! What the gateway knows of keys, models, providers and prices: one snapshot that no call ever sees half of. It is made anew from
//! the records when something changes there, and swapped in whole; what counts over time (limits, health) is carried over.

mod key;
mod model;
mod provider;
mod setup;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use key::{Budgets, Key, KeyState, Limits};
pub use model::{Model, Route, Strategy};
pub use provider::{Base, Provider, ProviderError, Scheme};
pub use setup::{Given, Unseal, seal_purpose};

use crate::key::KeyHash;
use crate::price::Price;
use crate::style::Surface;

/// A snapshot.
#[derive(Default)]
pub struct Catalog {
    pub keys: HashMap<KeyHash, Arc<Key>>,
    /// Models by the name that clients use.
    pub models: BTreeMap<String, Arc<Model>>,
    /// Listed models of which no provider is there. What is asked of them is not for a provider that takes any model.
    pub closed: BTreeSet<String>,
    /// Providers by name.
    pub providers: BTreeMap<String, Arc<Provider>>,
    pub prices: Prices,
}

impl Catalog {
    /// The model that is meant by a name: one that is listed; or `provider/model` of a provider that takes any model; or any name, if
    /// a provider that takes any speaks the client's style (the one of the other style, if there is none).
    pub fn model(&self, name: &str, surface: Surface) -> Option<Arc<Model>> {
        if let Some(model) = self.models.get(name) {
            return Some(Arc::clone(model));
        }
        if self.closed.contains(name) {
            return None;
        }
        if let Some((provider, rest)) = name.split_once('/')
            && let Some(provider) = self.providers.get(provider).filter(|provider| provider.any_model)
            && !rest.is_empty()
        {
            let price = self.prices.of_provider(name, rest);
            return Some(Arc::new(Model::unlisted(name, provider, rest, price)));
        }
        let open = || self.providers.values().filter(|provider| provider.any_model);
        let same = open().find(|provider| provider.style == surface.style());
        let provider = same.or_else(|| open().next())?;
        Some(Arc::new(Model::unlisted(name, provider, name, self.prices.of(name))))
    }
}

/// Prices by model. A name that ends with `*` stands for all that begin so; the longest that fits counts.
#[derive(Clone, Debug, Default)]
pub struct Prices(BTreeMap<String, Price>);

impl Prices {
    pub fn new(prices: impl IntoIterator<Item = (String, Price)>) -> Self {
        Self(prices.into_iter().collect())
    }

    pub fn of(&self, model: &str) -> Option<Price> {
        self.closest(model).map(|(price, _)| price)
    }

    /// Of a model that was asked for as `provider/model`. What says more of the model itself counts: naming its provider is no way to the
    /// price of all the others.
    fn of_provider(&self, name: &str, model: &str) -> Option<Price> {
        let before = name.len() - model.len();
        let by_name = self
            .closest(name)
            .map(|(price, says)| (price, says.saturating_sub(before)));
        match (by_name, self.closest(model)) {
            (Some((price, says)), Some((_, of_model))) if says >= of_model => Some(price),
            (_, Some((price, _))) | (Some((price, _)), None) => Some(price),
            (None, None) => None,
        }
    }

    /// The price that says most of this name, and how much that is: so many bytes of it, or all of it and that it ends there.
    fn closest(&self, model: &str) -> Option<(Price, usize)> {
        if let Some(price) = self.0.get(model) {
            return Some((*price, model.len() + 1));
        }
        let fits = |name: &str| name.strip_suffix('*').is_some_and(|begin| model.starts_with(begin));
        let fitting = self.0.iter().filter(|(name, _)| fits(name));
        let (name, price) = fitting.max_by_key(|(name, _)| name.len())?;
        Some((*price, name.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::Style;

    fn provider(name: &str, style: Style, any_model: bool) -> (String, Arc<Provider>) {
        let mut provider = Provider::new(name, style, "http://127.0.0.1:1", None).unwrap();
        provider.any_model = any_model;
        (name.to_owned(), Arc::new(provider))
    }

    #[test]
    fn the_longest_price_that_fits_counts() {
        let price = |input| Price {
            input,
            ..Price::default()
        };
        let prices = Prices::new(
            [("m1", 1), ("m*", 2), ("m1-*", 3), ("*", 4)].map(|(name, input)| (name.to_owned(), price(input))),
        );
        for (model, input) in [("m1", 1), ("m2", 2), ("m1-mini", 3), ("other", 4)] {
            assert_eq!(prices.of(model), Some(price(input)), "{model}");
        }
        assert_eq!(Prices::default().of("m1"), None);
    }

    #[test]
    fn naming_the_provider_is_no_way_to_a_lower_price() {
        let price = |input| Price {
            input,
            ..Price::default()
        };
        let prices =
            |prices: &[(&str, u64)]| Prices::new(prices.iter().map(|(name, at)| ((*name).to_owned(), price(*at))));
        let of = |set: &[(&str, u64)]| prices(set).of_provider("p/m1", "m1");
        for (set, input) in [
            (&[("*", 1), ("m1", 9)][..], 9),
            (&[("*", 1), ("m*", 9)], 9),
            (&[("p/*", 1), ("m1", 9)], 9),
            (&[("p/m*", 1), ("m1", 9)], 9),
            (&[("p/*", 9), ("*", 1)], 9),
            (&[("p/m1", 9), ("m1", 1)], 9),
            (&[("p/m*", 9), ("m*", 1)], 9),
            (&[("p/m1", 9), ("*", 1)], 9),
        ] {
            assert_eq!(of(set), Some(price(input)), "{set:?}");
        }
        assert_eq!(of(&[("other", 1)]), None);
    }

    #[test]
    fn a_name_that_is_not_listed_goes_to_a_provider_that_takes_any() {
        let catalog = Catalog {
            providers: [
                provider("anthropic", Style::Anthropic, true),
                provider("closed", Style::Openai, false),
                provider("openai", Style::Openai, true),
            ]
            .into(),
            ..Catalog::default()
        };
        let found = |name: &str, surface| {
            catalog.model(name, surface).map(|model| {
                let route = &model.routes[0];
                format!("{}:{}", route.provider.name, route.model)
            })
        };
        assert_eq!(found("gpt", Surface::Completions).as_deref(), Some("openai:gpt"));
        assert_eq!(found("claude", Surface::Messages).as_deref(), Some("anthropic:claude"));
        assert_eq!(
            found("anthropic/claude", Surface::Completions).as_deref(),
            Some("anthropic:claude")
        );
        assert_eq!(
            found("closed/m", Surface::Completions).as_deref(),
            Some("openai:closed/m")
        );
        assert!(Catalog::default().model("gpt", Surface::Completions).is_none());
        let catalog = Catalog {
            closed: ["gpt".to_owned()].into(),
            ..catalog
        };
        assert!(
            catalog.model("gpt", Surface::Completions).is_none(),
            "it was meant for another provider"
        );
        assert!(catalog.model("gpt-2", Surface::Completions).is_some());
    }
}
