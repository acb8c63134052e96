//! What every store of leases promises.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Lease, LeaseError};

/// Who holds a lease, as the store sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub holder: String,
    pub epoch: u64,
    /// Until the store may give it to somebody else.
    pub remaining: Duration,
}

/// A store of leases.
///
/// Names and holders are 1 to 200 characters without control characters. Every implementation passes the
/// `conformance` suite. An error never means ownership.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Takes the lease if nobody holds it. `None`: somebody does, be it the same `holder`, for two tasks of one
    /// process exclude each other too. The epoch is larger than any before on this name, and larger than `floor`: the newest
    /// epoch that what the lease protects has seen, 0 where that is not known. A store that has forgotten its epochs is
    /// thus no reason to be refused for good.
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration, floor: u64) -> Result<Option<Lease>, LeaseError>;

    /// Extends the lease by its TTL from now. `false`: it is lost (ran out, or was taken), and must not be used again.
    async fn renew(&self, lease: &mut Lease) -> Result<bool, LeaseError>;

    /// Gives the lease back, so that another can take it at once. Does nothing if it is already lost.
    async fn release(&self, lease: Lease) -> Result<(), LeaseError>;

    /// Who holds it now, or `None` if nobody does.
    async fn inspect(&self, name: &str) -> Result<Option<Holder>, LeaseError>;

    /// Takes the lease from whoever holds it: an operator's last resort. `false` if nobody held it. The old holder's
    /// next [`renew`](Self::renew) answers `false`; until then only its epoch protects what it writes to.
    async fn force_release(&self, name: &str) -> Result<bool, LeaseError>;
}
