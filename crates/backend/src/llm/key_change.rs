//! A change of a virtual key's terms: what is absent stays, `null` lifts a limit (JSON Merge Patch,
//! <https://www.rfc-editor.org/rfc/rfc7396>; `models` and `aliases` are replaced as a whole).

use std::collections::BTreeMap;

use creel_http::Problem;
use creel_records::KeyRecord;
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
    /// 422: a limit, an amount or a time that is none. The record may be half changed then, and is not to be kept.
    pub fn apply(self, record: &mut KeyRecord) -> Result<(), Problem> {
        let terms = &mut record.terms;
        if let Some(models) = self.models {
            terms.models = models;
        }
        if let Some(aliases) = self.aliases {
            terms.aliases = aliases.unwrap_or_default();
        }
        if let Some(per_minute) = self.requests_per_minute {
            terms.requests_per_minute = limit("requests_per_minute", per_minute)?;
        }
        if let Some(per_minute) = self.tokens_per_minute {
            terms.tokens_per_minute = limit("tokens_per_minute", per_minute)?;
        }
        if let Some(amount) = self.day_budget {
            terms.day_budget = budget("day_budget", amount.as_deref())?;
        }
        if let Some(amount) = self.month_budget {
            terms.month_budget = budget("month_budget", amount.as_deref())?;
        }
        if let Some(group) = self.group {
            terms.group = group;
        }
        if let Some(at) = self.expires_at {
            record.expires_at = at.as_deref().map(expiry::at).transpose()?;
        }
        Ok(())
    }
}
