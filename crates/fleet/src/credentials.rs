//! What an instance is handed of its own to ask models with, anew at every start.

use async_trait::async_trait;
use creel_config::Secret;

use crate::InstanceId;

/// Makes the credentials of one instance. Whoever opens the fleet gives it; the fleet does not know what they are good for.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Variables for this start, stronger than those that every instance gets. Those of earlier starts need not be good any more.
    ///
    /// # Errors
    /// Why there are none, for the log and for whoever looks at the instance: it does not start without.
    async fn of(&self, instance: &InstanceId) -> Result<Vec<(String, Secret)>, String>;

    /// The instance is being removed: what it was handed is to be void. Asked again if the removal is.
    ///
    /// # Errors
    /// Why that cannot be had: the instance is not removed then.
    async fn revoke(&self, instance: &InstanceId) -> Result<(), String>;
}
