//! What was changed of a container behind our back, a line each. It is shown, and never undone: whoever did it may have meant it.

use serde_json::Value;

use super::names;

/// Compares a container as it is with what it was made as.
pub fn of(inspected: &Value, name: &str, network: &str) -> Vec<String> {
    let mut drift = Vec::new();
    let host = &inspected["HostConfig"];
    let label = inspected["Config"]["Labels"][names::MADE_WITH]
        .as_str()
        .unwrap_or_default();
    let made: Value = serde_json::from_str(label).unwrap_or(Value::Null);
    for (field, what) in [
        ("Memory", "memory limit (bytes)"),
        ("NanoCpus", "processor limit (billionths)"),
        ("PidsLimit", "limit of processes"),
    ] {
        let (was, is) = (&made[field], &host[field]);
        // Null where there is none.
        if !was.is_null() && was.as_u64().unwrap_or(0) != is.as_u64().unwrap_or(0) {
            drift.push(format!(
                "the container's {what} is {}, not {was}",
                is.as_u64().unwrap_or(0)
            ));
        }
    }
    let (was, is) = (&made["RestartPolicy"]["Name"], &host["RestartPolicy"]["Name"]);
    if was.is_string() && is.is_string() && was != is && is != "" {
        drift.push(format!("the container's restart policy is {is}, not {was}"));
    }
    if inspected["State"]["Paused"] == true {
        drift.push("the container is paused; `docker unpause` lets it go on".to_owned());
    }
    let called = inspected["Name"].as_str().unwrap_or_default().trim_start_matches('/');
    if called != name {
        drift.push(format!("the container is called \"{called}\", not \"{name}\""));
    }
    if let Some(networks) = inspected["NetworkSettings"]["Networks"].as_object() {
        for other in networks.keys().filter(|other| *other != network) {
            drift.push(format!("the container is on the network \"{other}\" too"));
        }
        if !networks.contains_key(network) {
            drift.push(format!("the container is not on its network \"{network}\""));
        }
    }
    drift
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container() -> Value {
        let made = json!({"Memory": 512, "NanoCpus": 0, "PidsLimit": 512, "RestartPolicy": {"Name": "no"}});
        json!({
            "Name": "/creel-1-alice",
            "State": {"Paused": false},
            "Config": {"Labels": {names::MADE_WITH: made.to_string()}},
            "HostConfig": made,
            "NetworkSettings": {"Networks": {"creel-1-alice": {}}},
        })
    }

    #[test]
    fn each_change_is_a_line() {
        let drift = |container: &Value| of(container, "creel-1-alice", "creel-1-alice");
        assert_eq!(drift(&container()), [""; 0]);
        let mut changed = container();
        changed["Name"] = json!("/bob");
        changed["State"]["Paused"] = json!(true);
        changed["HostConfig"] = json!({"Memory": 1024, "PidsLimit": null, "RestartPolicy": {"Name": "always"}});
        changed["NetworkSettings"]["Networks"] = json!({"bridge": {}});
        assert_eq!(
            drift(&changed),
            [
                "the container's memory limit (bytes) is 1024, not 512",
                "the container's limit of processes is 0, not 512",
                "the container's restart policy is \"always\", not \"no\"",
                "the container is paused; `docker unpause` lets it go on",
                "the container is called \"bob\", not \"creel-1-alice\"",
                "the container is on the network \"bridge\" too",
                "the container is not on its network \"creel-1-alice\"",
            ]
        );
    }
}
