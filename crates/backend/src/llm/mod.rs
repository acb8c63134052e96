//! `/api/llm`: what the LLM Gateway is set up with. It reads the records; here they are written.

mod currencies;
mod key_change;
mod keys;
mod models;
mod nodes;
mod prices;
mod providers;

pub use currencies::{list as list_currencies, put as put_currency, remove as remove_currency};
pub use keys::{change as change_key, list as list_keys, make as make_key, revoke as revoke_key};
pub use models::{list as list_models, put as put_model, remove as remove_model};
pub use nodes::{give_up as give_up_node, list as list_nodes};
pub use prices::{list as list_prices, list_groups, put as put_price, put_group, remove as remove_price, remove_group};
pub use providers::{list as list_providers, put as put_provider, remove as remove_provider};

use creel_fleet::Sealer;
use creel_http::Problem;
use creel_llm_gateway::Refresh;
use creel_records::ledger::Micros;

use crate::state::Backend;

/// What the backend needs besides the records.
pub struct LlmSetup {
    /// Seals providers' keys.
    pub sealer: Sealer,
    /// Providers that the environment of a gateway may name: they are in no records.
    pub of_environment: Vec<&'static str>,
    /// After each change: the gateway of this process knows it before whoever asked for it has the answer.
    pub refresh: Refresh,
}

/// Names of providers, models and groups: what can stand in a path and in a list.
fn name(text: &str) -> Result<&str, Problem> {
    let fine = !text.is_empty() && text.len() <= 200 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    match fine {
        true => Ok(text),
        false => Err(Problem::unprocessable("name: 1 to 200 characters without blanks")),
    }
}

/// Credits, written as a decimal.
fn credits(field: &str, text: &str) -> Result<Micros, Problem> {
    let amount: Micros = text
        .parse()
        .map_err(|error| Problem::unprocessable(format!("{field}: {error}")))?;
    if amount.is_negative() || amount > Micros::LARGEST {
        return Err(Problem::unprocessable(format!(
            "{field}: from 0 to {}",
            Micros::LARGEST
        )));
    }
    Ok(amount)
}

/// The decimal of so many millionths.
fn amount(micros: u64) -> String {
    Micros(i64::try_from(micros).unwrap_or(i64::MAX)).to_string()
}

/// Known to the gateway, and written down: what, its name, and what was done to it.
async fn changed(backend: &Backend, actor: &str, kind: &str, [what, name, done]: [&str; 3]) {
    backend.llm.refresh.now().await;
    let data = serde_json::json!({"name": name, "done": done});
    backend
        .activity
        .record(actor, kind, None, format!("{what} {name} {done}"), data)
        .await;
}

fn unknown(what: &str, name: &str) -> Problem {
    Problem::not_found(format!("there is no {what} \"{name}\""))
}
