//! What is set up, for people.

use serde_json::Value;

use crate::output;

/// The columns of each table: what stands above them, and the field.
const TABLES: [(&str, &[(&str, &str)]); 7] = [
    (
        "providers",
        &[
            ("NAME", "name"),
            ("STYLE", "style"),
            ("KEY", "has_key"),
            ("RESPONSES", "has_responses"),
            ("ANY MODEL", "any_model"),
            ("URL", "base_url"),
        ],
    ),
    (
        "models",
        &[
            ("NAME", "name"),
            ("STRATEGY", "strategy"),
            ("MAX OUTPUT", "max_output"),
            ("ROUTES", "routes"),
        ],
    ),
    (
        "prices",
        &[
            ("MODEL", "model"),
            ("CURRENCY", "currency"),
            ("INPUT", "input"),
            ("CACHED", "cached_input"),
            ("WRITTEN", "cache_write"),
            ("OUTPUT", "output"),
            ("CALL", "call"),
        ],
    ),
    ("currencies", &[("CODE", "code"), ("CREDITS", "credits")]),
    ("groups", &[("NAME", "name"), ("MULTIPLIER", "multiplier")]),
    (
        "keys",
        &[
            ("ID", "id"),
            ("KEY", "hint"),
            ("USER", "user"),
            ("INSTANCE", "instance"),
            ("MODELS", "models"),
            ("GROUP", "group"),
            ("REQUESTS/MIN", "requests_per_minute"),
            ("TOKENS/MIN", "tokens_per_minute"),
            ("DAY", "day_budget"),
            ("MONTH", "month_budget"),
            ("EXPIRES", "expires_at"),
            ("REVOKED", "revoked_at"),
        ],
    ),
    ("nodes", &[("NAME", "name"), ("SEEN", "seen_at"), ("HELD", "held")]),
];

pub fn print(table: &str, found: &Value) {
    let columns = TABLES
        .iter()
        .find(|(name, _)| *name == table)
        .map_or(&[][..], |(_, columns)| columns);
    let header: Vec<&str> = columns.iter().map(|(above, _)| *above).collect();
    let rows = found.as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = rows
        .map(|row| columns.iter().map(|(_, field)| cell(&row[field])).collect())
        .collect();
    output::table(&header, &rows);
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(item).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A model's name, or a route.
fn item(item: &Value) -> String {
    item.as_str().map_or_else(|| route(item), str::to_owned)
}

fn route(route: &Value) -> String {
    let text = |field: &str| route[field].as_str().unwrap_or_default();
    format!(
        "{}/{},weight={},priority={}",
        text("provider"),
        text("model"),
        route["weight"],
        route["priority"]
    )
}
