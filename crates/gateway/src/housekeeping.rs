//! What a death left behind: half a last line of a transcript. And what nobody needs any more: lease files of sessions that are long quiet, and answers kept for an idempotency key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use creel_session::{SessionKey, UserId};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::auth::owner;
use crate::routes::State;
use crate::sessions::HIDDEN_PREFIX;

/// How long a client may come back with the same idempotency key, where it named no session.
const KEPT: Duration = Duration::from_secs(24 * 3600);
const PACE: Duration = Duration::from_secs(3600);
/// Not at the start, when others wait for an answer.
const FIRST: Duration = Duration::from_secs(600);

/// Tidies every hour, for as long as the gateway runs.
pub async fn run(gateway: State) {
    // Many users have many files: theirs are repaired when they are next written to.
    if gateway.tenants.is_none() {
        match gateway.sessions.repair(&owner()).await {
            Ok(0) => {}
            Ok(repaired) => tracing::info!(
                repaired,
                "transcripts that ended in the middle of a line are whole again"
            ),
            Err(error) => tracing::warn!(%error, "transcripts are not looked at"),
        }
    }
    let mut hours = interval_at(Instant::now() + FIRST, PACE);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        if let Some(leases) = &gateway.leases
            && let Err(error) = leases.prune(KEPT).await
        {
            tracing::warn!(%error, "old leases are not tidied away");
        }
        forget_answers(&gateway).await;
    }
}

async fn forget_answers(gateway: &State) {
    match &gateway.tenants {
        Some(tenants) => {
            for user in tenants.loaded() {
                forget_answers_of(gateway, user).await;
            }
        }
        None => forget_answers_of(gateway, owner()).await,
    }
}

async fn forget_answers_of(gateway: &State, user: UserId) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let oldest = now.saturating_sub(KEPT).as_millis() as u64;
    let sessions = gateway.sessions.list(&user).await.unwrap_or_default();
    for session in sessions {
        if session.id.as_str().starts_with(HIDDEN_PREFIX) && session.updated_at < oldest {
            let key = SessionKey::new(user.clone(), session.id);
            // Somebody has come back for it.
            if gateway.agent.is_active(&key) {
                continue;
            }
            if let Err(error) = gateway.agent.forget(&key).await {
                tracing::warn!(session = %key, %error, "an old answer is not tidied away");
            }
        }
    }
}
