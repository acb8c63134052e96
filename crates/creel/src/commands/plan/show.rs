//! A plan, as people read it: what comes out, then what was assumed.

use serde_json::Value;

use crate::{output, size};

pub fn capacity(plan: &Value) {
    let (shared, own, machine) = (&plan["shared"], &plan["own"], &plan["machine"]);
    output::line(&format!("{} users at the same time", plan["users"]));
    output::line(&format!(
        "  sharing gateways   {} to {} of {} cores and {} each; Redis: {}",
        shared["gateways"]["low"],
        shared["gateways"]["high"],
        shared["cpus"],
        bytes(&shared["memory_bytes"]),
        text(&shared["redis"])
    ));
    output::line(&format!(
        "  an instance each   {} and {:.2} cores in all, on {} machines of {} cores and {}",
        bytes(&own["memory_bytes"]),
        own["cpus"].as_f64().unwrap_or_default(),
        own["machines"],
        machine["cpus"],
        bytes(&machine["memory_bytes"])
    ));
    output::line(&format!(
        "  on one machine     {} instances; {} ends first",
        own["on_one_machine"],
        text(&own["bound_by"])
    ));
    assumed(plan);
}

pub fn cost(plan: &Value) {
    let dollars = |value: &Value| format!("{:.2}", value.as_f64().unwrap_or_default());
    let range = |range: &Value| format!("{}-{}", dollars(&range["low"]), dollars(&range["high"]));
    let usual = plan["usual"].as_array().into_iter().flatten();
    let row = |way: &str, instances: &Value, each: String, total: String| {
        vec![way.to_owned(), instances.to_string(), each, total]
    };
    let mut rows: Vec<Vec<String>> = usual
        .map(|one| {
            row(
                "Railway, as is usual",
                &one["instances"],
                range(&one["each"]),
                range(&one["total"]),
            )
        })
        .collect();
    let (railway, instances) = (&plan["railway"], &plan["instances"]);
    let by_use = row(
        "Railway, by use",
        instances,
        dollars(&railway["each"]),
        dollars(&railway["total"]),
    );
    rows.push(by_use);
    if let Some(own) = plan.get("own") {
        let way = format!("machines of your own: {}", own["machines"]);
        rows.push(row(&way, instances, dollars(&own["each"]), dollars(&own["total"])));
    }
    output::table(&["WHERE", "INSTANCES", "USD A MONTH EACH", "USD A MONTH"], &rows);
    assumed(plan);
}

fn assumed(plan: &Value) {
    output::line("assumed:");
    for assumption in plan["assumptions"].as_array().into_iter().flatten() {
        output::line(&format!("  - {}", text(assumption)));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn bytes(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".to_owned(), size::show)
}
