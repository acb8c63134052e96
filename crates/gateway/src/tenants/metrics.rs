//! What Prometheus reads of a gateway for many users.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AlertLabel {
    alert: &'static str,
}

/// Gauges are set when they are read.
#[derive(Default)]
pub struct TenantMetrics {
    pub registered: Gauge,
    pub active: Gauge,
    pub turns_running: Gauge,
    pub turns_waiting: Gauge,
    syncs: Family<ResultLabel, Counter>,
    alerts: Family<AlertLabel, Gauge>,
}

impl TenantMetrics {
    pub fn new(registry: &mut Registry) -> Self {
        let new = Self::default();
        registry.register("registered_users", "Users of the service", new.registered.clone());
        registry.register("active_users", "Users who are loaded", new.active.clone());
        registry.register("turns_running", "Turns that run", new.turns_running.clone());
        registry.register(
            "turns_waiting",
            "Turns that wait for others to end",
            new.turns_waiting.clone(),
        );
        registry.register(
            "syncs",
            "Syncs with the Cloud Backend, by result: ok or failed",
            new.syncs.clone(),
        );
        registry.register("alert", "1 while something needs a person", new.alerts.clone());
        // There from the beginning: a rule that reads them must not depend on there having been an alert.
        for alert in super::monitor::KINDS {
            new.alert(alert, false);
        }
        new
    }

    pub fn alert(&self, alert: &'static str, raised: bool) {
        self.alerts.get_or_create(&AlertLabel { alert }).set(raised.into());
    }

    pub fn sync(&self, result: &'static str) {
        self.syncs.get_or_create(&ResultLabel { result }).inc();
    }
}
