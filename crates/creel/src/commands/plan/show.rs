//! A plan, as people read it: what comes out, then what was assumed.

use serde_json::Value;

use crate::{output, size};

pub fn capacity(plan: &Value) {
    let (shared, own, machine) = (&plan["shared"], &plan["own"], &plan["machine"]);
    output::line(&format!("{} at the same time", output::count(&plan["users"], "user")));
    output::line(&format!(
        "  sharing gateways   {} of {} and {} each; Redis: {}",
        range(&shared["gateways"]),
        output::count(&shared["cpus"], "core"),
        bytes(&shared["memory_bytes"]),
        text(&shared["redis"])
    ));
    output::line(&format!(
        "  an instance each   {}{} and {:.2} cores in all, on {} of {} and {}",
        bytes(&own["memory_bytes"]),
        swap(&own["swap_bytes"]),
        own["cpus"].as_f64().unwrap_or_default(),
        output::count(&own["machines"], "machine"),
        output::count(&machine["cpus"], "core"),
        bytes(&machine["memory_bytes"])
    ));
    output::line(&format!(
        "  on one machine     {}; {} ends first",
        output::count(&own["on_one_machine"], "instance"),
        ended(&own["bound_by"])
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

/// `1`, or `2 to 3`
fn range(range: &Value) -> String {
    let (low, high) = (&range["low"], &range["high"]);
    if low == high {
        low.to_string()
    } else {
        format!("{low} to {high}")
    }
}

/// Said where there is some.
fn swap(swap: &Value) -> String {
    match swap.as_u64() {
        None | Some(0) => String::new(),
        Some(swap) => format!(", {} in swap", size::show(swap)),
    }
}

fn ended(what: &Value) -> &str {
    match text(what) {
        "cpus" => "processor time",
        what => what,
    }
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
