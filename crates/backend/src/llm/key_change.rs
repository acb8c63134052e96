//! A change of a virtual key's terms: what is absent stays, `null` lifts a limit (JSON Merge Patch,
//! <https://www.rfc-editor.org/rfc/rfc7396>; `models` and `aliases` are replaced as a whole).

use std::collections::BTreeMap;

use creel_http::Problem;
use creel_records::KeyChange;
use serde::Deserialize;

use super::keys::{budget, limit};
use crate::expiry;
use crate::merge_patch::{Given, given};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    #[serde(deserialize_with = "given")]
    models: Given<Vec<String>>,
    #[serde(deserialize_with = "given")]
    aliases: Given<BTreeMap<String, String>>,
    #[serde(deserialize_with = "given")]
    requests_per_minute: Given<u64>,
    #[serde(deserialize_with = "given")]
    tokens_per_minute: Given<u64>,
    #[serde(deserialize_with = "given")]
    day_budget: Given<String>,
    #[serde(deserialize_with = "given")]
    month_budget: Given<String>,
    #[serde(deserialize_with = "given")]
    group: Given<String>,
    #[serde(deserialize_with = "given")]
    expires_at: Given<String>,
}

impl Change {
    /// # Errors
    /// 422: a limit, an amount or a time that is none, or nothing at all.
    pub fn parse(self) -> Result<KeyChange, Problem> {
        let change = KeyChange {
            models: self.models,
            aliases: self.aliases.map(Option::unwrap_or_default),
            requests_per_minute: parsed(self.requests_per_minute, |given| limit("requests_per_minute", given))?,
            tokens_per_minute: parsed(self.tokens_per_minute, |given| limit("tokens_per_minute", given))?,
            day_budget: parsed(self.day_budget, |given| budget("day_budget", given.as_deref()))?,
            month_budget: parsed(self.month_budget, |given| budget("month_budget", given.as_deref()))?,
            group: self.group,
            expires_at: parsed(self.expires_at, |given| given.as_deref().map(expiry::at).transpose())?,
        };
        if change == KeyChange::default() {
            return Err(Problem::unprocessable(
                "nothing to change: give models, aliases, requests_per_minute, tokens_per_minute, day_budget, month_budget, group or \
                 expires_at",
            ));
        }
        Ok(change)
    }
}

/// A member that is given, as it is recorded.
fn parsed<T, U>(
    given: Given<T>,
    parse: impl FnOnce(Option<T>) -> Result<Option<U>, Problem>,
) -> Result<Given<U>, Problem> {
    given.map(parse).transpose()
}
