//! Whose credits may be asked for. Somebody need not be registered to have some: a virtual key, or a grant, is enough.

use creel_http::Problem;
use creel_records::RecordsError;
use creel_records::ledger::{UsageBy, UsageQuery};
use creel_session::UserId;

use crate::error::records_problem;
use crate::state::Backend;

const DAY_MS: i64 = 86_400_000;

/// # Errors
/// 404: nobody is called so, and the books and the virtual keys have never heard of them.
pub async fn known(backend: &Backend, id: &UserId) -> Result<(), Problem> {
    if is_known(backend, id.as_str()).await.map_err(records_problem)? {
        return Ok(());
    }
    Err(Problem::not_found(format!(
        "there is no user \"{id}\", and no credits, virtual key or usage under this name"
    )))
}

/// Whether somebody is registered under this name, or a virtual key is theirs: credits of any other name are spent by nobody.
pub async fn can_spend(backend: &Backend, id: &str) -> Result<bool, RecordsError> {
    if backend.records.user(id).await?.is_some() {
        return Ok(true);
    }
    let keys = backend.records.llm_keys().await?;
    Ok(keys.iter().any(|key| key.user.as_deref() == Some(id)))
}

async fn is_known(backend: &Backend, id: &str) -> Result<bool, RecordsError> {
    let records = &backend.records;
    if !records.entries(id, None, 1).await?.is_empty() || can_spend(backend, id).await? {
        return Ok(true);
    }
    // What costs nothing makes no entry.
    let ever = UsageQuery {
        by: UsageBy::Model,
        from: 0,
        to: (creel_records::now_ms().div_euclid(DAY_MS) + 1) * DAY_MS,
        account: Some(id.to_owned()),
    };
    Ok(!records.usage(&ever).await?.is_empty())
}
