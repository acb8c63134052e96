//! What Prometheus reads at `/metrics` and `/api/v1/metrics`.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::tenants::TenantMetrics;

/// Upper bounds in seconds: from an answer out of memory to a long turn with tools.
const LATENCY: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// The pattern, never the path: a path would make one series for each session.
    pub route: String,
    pub method: &'static str,
    pub status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    model: String,
    direction: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToolLabels {
    tool: String,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TurnLabel {
    result: &'static str,
}

pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabel, Histogram>,
    turns: Family<TurnLabel, Counter>,
    tokens: Family<TokenLabels, Counter>,
    tool_calls: Family<ToolLabels, Counter>,
    active_sessions: Gauge,
    /// `None`: the gateway of one user.
    pub tenants: Option<Box<TenantMetrics>>,
    pub connections: Gauge,
    pub refused: Counter<u64, AtomicU64>,
}

impl Metrics {
    pub fn new(instance_id: &str, multi_tenant: bool) -> Self {
        let mut registry = Registry::with_prefix("creel_gateway");
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        let latency = Family::<RouteLabel, Histogram>::new_with_constructor(|| Histogram::new(LATENCY));
        registry.register_with_unit(
            "request_duration",
            "Time until a request was answered in full",
            Unit::Seconds,
            latency.clone(),
        );
        let turns = Family::default();
        registry.register(
            "turns",
            "Turns taken, by result: ok, replayed, or the code of the error",
            turns.clone(),
        );
        let tokens = Family::default();
        registry.register(
            "tokens",
            "Tokens that models read (input) and wrote (output)",
            tokens.clone(),
        );
        let tool_calls = Family::default();
        registry.register("tool_calls", "Tool calls ended", tool_calls.clone());
        let active_sessions = Gauge::default();
        registry.register(
            "active_sessions",
            "Sessions with a turn running or waiting",
            active_sessions.clone(),
        );
        let connections = Gauge::default();
        registry.register("connections", "Connections open", connections.clone());
        let refused = Counter::default();
        registry.register(
            "connections_refused",
            "Connections refused over the limit",
            refused.clone(),
        );
        let labels = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("instance", instance_id.to_owned()),
        ];
        registry.register("build", "What is running", Info::new(labels));
        let tenants = multi_tenant.then(|| Box::new(TenantMetrics::new(&mut registry)));
        Self {
            tenants,
            registry,
            requests,
            latency,
            turns,
            tokens,
            tool_calls,
            active_sessions,
            connections,
            refused,
        }
    }

    pub fn request(&self, labels: RequestLabels, took: Duration) {
        let route = RouteLabel {
            route: labels.route.clone(),
        };
        self.latency.get_or_create(&route).observe(took.as_secs_f64());
        self.requests.get_or_create(&labels).inc();
    }

    pub fn turn(&self, result: &'static str) {
        self.turns.get_or_create(&TurnLabel { result }).inc();
    }

    pub fn tokens(&self, model: &str, input: u64, output: u64) {
        for (direction, count) in [("input", input), ("output", output)] {
            self.tokens
                .get_or_create(&TokenLabels {
                    model: model.to_owned(),
                    direction,
                })
                .inc_by(count);
        }
    }

    pub fn tool_call(&self, tool: &str, status: &'static str) {
        self.tool_calls
            .get_or_create(&ToolLabels {
                tool: tool.to_owned(),
                status,
            })
            .inc();
    }

    /// The OpenMetrics text format. `active_sessions` is read at this moment.
    pub fn render(&self, active_sessions: usize) -> String {
        self.active_sessions.set(active_sessions as i64);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_many_users_is_not_there_for_one() {
        let (one, many) = (Metrics::new("i", false), Metrics::new("i", true));
        assert!(one.tenants.is_none() && many.tenants.is_some());
        assert!(!one.render(0).contains("users") && many.render(0).contains("creel_gateway_registered_users"));
    }
}
