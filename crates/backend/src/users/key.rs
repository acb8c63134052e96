//! The virtual key that a user's model calls are charged by. Gateways for many are handed it with the sync, and nobody else.

use creel_fleet::Sealer;
use creel_http::Problem;
use creel_llm_gateway::VirtualKey;
use creel_records::{KeyRecord, KeyTerms, RecordsError, UserKey, now_ms};
use creel_session::UserId;

use crate::error::records_problem;
use crate::state::Backend;

/// What goes to gateways for a key that cannot be opened here. It opens nothing, so the user's model calls are refused; without any, they would be
/// charged to the gateway itself.
pub const OPENS_NOTHING: &str = "sk-creel-sealed-with-another-master-key";

/// Makes the user's key where there is none that can be opened here. Whoever gives a user a token calls this first, so that both go out with the
/// next sync.
pub async fn ensure(backend: &Backend, user: &UserId) -> Result<(), Problem> {
    let records = &backend.records;
    let known = records.user_keys(&[user.as_str().to_owned()]).await;
    match known.map_err(records_problem)?.get(user.as_str()) {
        Some(key) if open(&backend.llm.sealer, key).is_some() => return Ok(()),
        Some(key) => {
            tracing::warn!(%user, "the user's model key does not open with this home's secrets/master.key; they get another");
            records.revoke_llm_key(&key.key).await.map_err(records_problem)?;
            records.delete_user_key(user.as_str()).await.map_err(records_problem)?;
        }
        None => {}
    }
    let key = VirtualKey::mint().map_err(|error| failed(&error))?;
    let id = format!("{user}-{}", hex::encode(&key.hash()[..8]));
    let sealed = backend.llm.sealer.seal_text(&purpose(user.as_str()), key.expose());
    let record = KeyRecord {
        id: id.clone(),
        sha256: key.hash(),
        hint: key.hint(),
        user: Some(user.as_str().to_owned()),
        instance: None,
        terms: KeyTerms::default(),
        created_at: now_ms(),
        expires_at: None,
        revoked_at: None,
    };
    let handed = UserKey {
        user: user.as_str().to_owned(),
        key: id,
        sealed: sealed.map_err(|error| failed(&error))?,
    };
    records.insert_llm_key(&record).await.map_err(records_problem)?;
    backend.llm.refresh.now().await;
    match records.insert_user_key(&handed).await {
        Ok(()) => Ok(()),
        // Another was faster; nobody has ours.
        Err(RecordsError::Taken { .. }) => records
            .revoke_llm_key(&record.id)
            .await
            .map(drop)
            .map_err(records_problem),
        Err(error) => Err(records_problem(error)),
    }
}

/// The key itself; `None` if another home's control plane has sealed it.
pub fn open(sealer: &Sealer, key: &UserKey) -> Option<String> {
    sealer.open_text(&purpose(&key.user), &key.sealed)
}

fn purpose(user: &str) -> String {
    format!("model key of user {user}")
}

fn failed(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "a user's model key cannot be made");
    Problem::internal()
}
