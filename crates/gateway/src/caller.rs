//! Whom a request is from.

use std::sync::Arc;

use creel_session::UserId;
use tokio_util::sync::CancellationToken;

use crate::profile::Profile;
use crate::tenants::Seat;

/// The user that a request was authenticated as, and all that the request may touch. `guard` puts it into the request; everything
/// after it reaches a user's things through it and through nothing else.
#[derive(Clone)]
pub struct Caller {
    pub user: UserId,
    pub profile: Arc<Profile>,
    /// Cancelled when what the caller has under way must end.
    pub stop: CancellationToken,
    /// Their place among the users of a gateway for many.
    pub seat: Option<Arc<Seat>>,
}
