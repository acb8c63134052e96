//! Looks after a gateway for many users, and tells when something needs a person: in the log, by a webhook, in the metrics. Told once when it
//! begins and once when it is over.

use std::collections::BTreeMap;
use std::time::Duration;

use creel_config::{MultiTenant, Secret};
use creel_http::rfc3339;
use serde::Serialize;
use serde_json::json;

use super::clock::now_ms;
use super::cloud::{client, innermost};
use super::memory::resident_bytes;
use crate::routes::State;

/// A receiver that takes longer is not waited for.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    pub alert: &'static str,
    /// A line for people.
    pub message: String,
    pub value: u64,
    pub threshold: u64,
}

/// What it looks at.
#[derive(Clone, Copy, Debug)]
struct Measures {
    memory_bytes: u64,
    active_users: u64,
    sync_failures: u64,
}

/// All kinds there are.
pub const KINDS: [&str; 3] = ["memory", "active_users", "sync_failures"];

fn alerts(settings: &MultiTenant, measures: Measures) -> BTreeMap<&'static str, Alert> {
    let monitor = &settings.monitor;
    let most = u64::from(settings.max_cached_users);
    let percent = measures.active_users * 100 / most;
    let memory = Alert {
        alert: KINDS[0],
        message: format!(
            "the gateway takes {} MB of memory, more than {}",
            measures.memory_bytes >> 20,
            monitor.memory_bytes >> 20
        ),
        value: measures.memory_bytes,
        threshold: monitor.memory_bytes,
    };
    let active = Alert {
        alert: KINDS[1],
        message: format!(
            "{} users are active, {percent} % of maxCachedUsers ({most})",
            measures.active_users
        ),
        value: percent,
        threshold: u64::from(monitor.active_users_percent),
    };
    let failures = Alert {
        alert: KINDS[2],
        message: format!(
            "{} syncs with the Cloud Backend failed in a row",
            measures.sync_failures
        ),
        value: measures.sync_failures,
        threshold: u64::from(monitor.sync_failures),
    };
    let raised = [
        (memory.value > memory.threshold, memory),
        // Not by the percentage: it is rounded down.
        (measures.active_users * 100 > active.threshold * most, active),
        // The threshold is a count: three in a row are enough.
        (failures.value >= failures.threshold, failures),
    ];
    let raised = raised.into_iter().filter(|(is_raised, _)| *is_raised);
    raised.map(|(_, alert)| (alert.alert, alert)).collect()
}

/// Looks again and again, for as long as the gateway runs.
pub async fn run(gateway: State) {
    let Some(tenants) = gateway.tenants.clone() else { return };
    while let Some(settings) = gateway.setup.load().config.multi_tenant.clone() {
        tokio::time::sleep(settings.monitor.interval).await;
        let measures = Measures {
            memory_bytes: resident_bytes(),
            active_users: tenants.cache.len() as u64,
            sync_failures: u64::from(tenants.syncing.status().failures),
        };
        let now = if settings.monitor.enabled {
            alerts(&settings, measures)
        } else {
            BTreeMap::new()
        };
        let before = std::mem::replace(&mut *tenants.alerts.lock().expect("no holder panics"), now.clone());
        for kind in KINDS {
            if let Some(metrics) = &gateway.metrics.tenants {
                metrics.alert(kind, now.contains_key(kind));
            }
            match (before.get(kind), now.get(kind)) {
                (None, Some(alert)) => {
                    let Alert {
                        message,
                        value,
                        threshold,
                        ..
                    } = alert;
                    tracing::warn!(alert = kind, value, threshold, "alert: {message}");
                    tell(&gateway, &settings, alert, "raised");
                }
                (Some(alert), None) => {
                    tracing::info!(alert = kind, "alert is over");
                    tell(&gateway, &settings, alert, "resolved");
                }
                _ => {}
            }
        }
    }
}

/// Posts to the webhook, where there is one; nobody waits for it.
fn tell(gateway: &State, settings: &MultiTenant, alert: &Alert, state: &'static str) {
    let Some(webhook) = &settings.monitor.webhook else {
        return;
    };
    let body = json!({
        "alert": alert.alert,
        "state": state,
        "message": alert.message,
        // What chat platforms' webhooks show.
        "text": format!("{state}: {}", alert.message),
        "value": alert.value,
        "threshold": alert.threshold,
        "instance_id": gateway.setup.load().config.instance_id,
        "at": rfc3339(now_ms()),
    });
    let url = Secret::expose(webhook).to_owned();
    tokio::spawn(async move {
        let sent = async {
            let client = client(url.starts_with("https://"))?;
            let request = client.post(url).timeout(WEBHOOK_TIMEOUT).json(&body);
            request.send().await?.error_for_status()
        };
        if let Err(error) = sent.await {
            // Not the address: it may carry a secret.
            let error = innermost(&error.without_url());
            tracing::warn!(error, "the webhook of the monitor was not told");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MultiTenant {
        let text = "{multiTenant: {enabled: true, cloudBackendUrl: 'http://b', serviceToken: 's', maxCachedUsers: 10}}";
        let nothing = BTreeMap::<String, String>::new();
        let loaded = creel_config::check(text, std::path::Path::new("openclaw.json"), &nothing).unwrap();
        loaded.config.multi_tenant.unwrap()
    }

    #[test]
    fn over_the_thresholds_and_not_at_them() {
        let quiet = Measures {
            memory_bytes: 512 << 20,
            active_users: 8,
            sync_failures: 2,
        };
        assert!(alerts(&settings(), quiet).is_empty());
        let settings_of_many = MultiTenant {
            max_cached_users: 1_000,
            ..settings()
        };
        let hardly = Measures {
            active_users: 801,
            ..quiet
        };
        assert_eq!(alerts(&settings_of_many, hardly).len(), 1, "80.1 % is over 80 %");
        let loud = Measures {
            memory_bytes: (512 << 20) + 1,
            active_users: 9,
            sync_failures: 3,
        };
        let raised: Vec<_> = alerts(&settings(), loud).into_keys().collect();
        assert_eq!(raised, ["active_users", "memory", "sync_failures"]);
    }
}
