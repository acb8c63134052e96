//! A model as clients name it, and where its calls may go.

use std::sync::Arc;

use super::Provider;
use crate::price::Price;

pub struct Model {
    pub name: Arc<str>,
    /// In metrics, names that clients made up are one.
    pub is_listed: bool,
    pub routes: Vec<Route>,
    pub strategy: Strategy,
    pub price: Option<Price>,
    /// The most tokens of a reply, where a request does not say; what is reserved for it.
    pub max_output: u64,
}

/// How one of several providers is chosen, among those of the best priority that are not paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// By chance, in proportion to the weights.
    #[default]
    Weighted,
    /// The one whose answers have begun soonest.
    LeastLatency,
}

/// One place where the model is.
pub struct Route {
    pub provider: Arc<Provider>,
    /// The provider's own name of the model.
    pub model: String,
    pub weight: u32,
    /// The lowest is tried first.
    pub priority: u32,
}

/// The most tokens of a reply, where neither the request nor the model's record says.
pub const MAX_OUTPUT: u64 = 8_192;

impl Model {
    pub(super) fn unlisted(name: &str, provider: &Arc<Provider>, model: &str, price: Option<Price>) -> Self {
        Self {
            name: name.into(),
            is_listed: false,
            routes: vec![Route {
                provider: Arc::clone(provider),
                model: model.to_owned(),
                weight: 1,
                priority: 0,
            }],
            strategy: Strategy::default(),
            price,
            max_output: MAX_OUTPUT,
        }
    }
}
