//! What Prometheus reads at `/metrics`. Labels are names of the catalog, never what a client made up.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::ledger::Outcome;

/// Upper bounds in seconds: from a local model's short answer to a long thought.
const DURATION: [f64; 12] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// Models that are not listed are one in the metrics.
pub const UNLISTED: &str = "(unlisted)";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct CallLabels {
    pub surface: &'static str,
    pub model: String,
    pub provider: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    surface: &'static str,
    model: String,
    provider: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    model: String,
    provider: String,
    direction: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FailureLabels {
    provider: String,
    reason: &'static str,
}

pub struct Metrics {
    registry: Registry,
    calls: Family<OutcomeLabels, Counter>,
    duration: Family<CallLabels, Histogram>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<CallLabels, Counter>,
    refused: Family<CodeLabel, Counter>,
    failures: Family<FailureLabels, Counter>,
    pub connections: Gauge,
    pub connections_refused: Counter<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("creel_llm");
        let calls = Family::default();
        registry.register(
            "calls",
            "Calls that were sent to a provider, by how they ended",
            calls.clone(),
        );
        let duration = Family::<CallLabels, Histogram>::new_with_constructor(|| Histogram::new(DURATION));
        registry.register_with_unit(
            "call_duration",
            "From the reservation to the settlement",
            Unit::Seconds,
            duration.clone(),
        );
        let tokens = Family::default();
        registry.register(
            "tokens",
            "Tokens of settled calls, cached and reasoning ones within theirs",
            tokens.clone(),
        );
        let cost = Family::default();
        registry.register("cost_micro_credits", "What settled calls cost", cost.clone());
        let refused = Family::default();
        registry.register(
            "refused",
            "Requests that were refused before anything was sent, or got no reply",
            refused.clone(),
        );
        let failures = Family::default();
        registry.register(
            "provider_failures",
            "Attempts that failed at a provider",
            failures.clone(),
        );
        let connections = Gauge::default();
        registry.register("connections", "Connections open", connections.clone());
        let connections_refused = Counter::default();
        registry.register(
            "connections_refused",
            "Connections closed because there were too many",
            connections_refused.clone(),
        );
        Self {
            registry,
            calls,
            duration,
            tokens,
            cost,
            refused,
            failures,
            connections,
            connections_refused,
        }
    }
}

impl Metrics {
    /// Calls that ended so.
    pub fn calls(&self, labels: &CallLabels, outcome: Outcome) -> Counter {
        self.calls.get_or_create_owned(&OutcomeLabels {
            surface: labels.surface,
            model: labels.model.clone(),
            provider: labels.provider.clone(),
            outcome: outcome.to_string(),
        })
    }

    pub fn duration(&self, labels: &CallLabels) -> Histogram {
        self.duration.get_or_create_owned(labels)
    }

    /// In micro-credits.
    pub fn cost(&self, labels: &CallLabels) -> Counter {
        self.cost.get_or_create_owned(labels)
    }

    pub fn tokens(&self, labels: &CallLabels, direction: &'static str) -> Counter {
        self.tokens.get_or_create_owned(&TokenLabels {
            model: labels.model.clone(),
            provider: labels.provider.clone(),
            direction,
        })
    }

    pub fn refused(&self, code: &'static str) {
        self.refused.get_or_create(&CodeLabel { code }).inc();
    }

    pub fn provider_failed(&self, provider: &str, reason: &'static str) {
        let labels = FailureLabels {
            provider: provider.to_owned(),
            reason,
        };
        self.failures.get_or_create(&labels).inc();
    }

    /// The OpenMetrics text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}
