//! What an instance is called and what it may use: what of that can be, and changing it. And what becomes
//! of it when it has nothing to do.

use std::ops::RangeInclusive;

use creel_records::{Driver, Idle, InstanceChange};

use super::Fleet;
use crate::actor::Command;
use crate::driver::Limits;
use crate::{FleetError, Instance, InstanceId, procfs};

/// What to change; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct ChangeInstance {
    pub name: Option<String>,
    pub idle: Option<Idle>,
    /// From the next start on. `Some(None)` takes its own limit away: then the default of its runtime holds.
    pub memory_limit_bytes: Option<Option<u64>>,
    /// From the next start on. `Some(None)` takes the limit away.
    pub cpus: Option<Option<f64>>,
}

impl Fleet {
    /// Changes an instance, all of it or nothing.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] names what cannot be; [`FleetError::NotFound`], [`FleetError::Records`].
    pub async fn change(&self, id: &InstanceId, change: ChangeInstance) -> Result<Instance, FleetError> {
        let driver = self.handle(id)?.instance.borrow().driver;
        if let Some(name) = &change.name {
            check_name(name)?;
        }
        let limits = Limits {
            memory_bytes: change.memory_limit_bytes.flatten(),
            cpus: change.cpus.flatten(),
        };
        check_limits(&limits)?;
        self.can_limit(driver, &limits)?;
        if let Some(idle) = change.idle {
            check_idle(driver, idle)?;
        }
        let change = InstanceChange {
            name: change.name,
            memory_bytes: change.memory_limit_bytes,
            cpus: change.cpus,
            idle: change.idle,
            ..InstanceChange::default()
        };
        let change = Box::new(change);
        self.ask(id, |done| Command::Change { change, done }).await?;
        self.get(id).ok_or_else(|| FleetError::NotFound(id.clone()))
    }

    /// A limit that cannot be kept is refused, not forgotten.
    pub(super) fn can_limit(&self, driver: Driver, limits: &Limits) -> Result<(), FleetError> {
        match self.shared.drivers.of(driver).missing(limits).first() {
            None => Ok(()),
            Some(field) => {
                let reason = self.shared.drivers.of(driver).why_missing();
                Err(FleetError::invalid(field, reason))
            }
        }
    }
}

/// What an instance's memory may be limited to, in bytes: less keeps it from starting, more is no limit.
pub const MEMORY_LIMITS: RangeInclusive<u64> = 16 << 20..=64 << 40;

/// Refuses what no driver could keep.
pub(super) fn check_limits(limits: &Limits) -> Result<(), FleetError> {
    if limits.memory_bytes.is_some_and(|bytes| !MEMORY_LIMITS.contains(&bytes)) {
        return Err(FleetError::invalid(
            "memory_limit_bytes",
            "must be between 16m and 65536g",
        ));
    }
    // More than there are is no limit, and an engine refuses it when the instance is started.
    let cores = procfs::cores().unwrap_or(1024);
    if limits
        .cpus
        .is_some_and(|cpus| !(0.01..=f64::from(cores)).contains(&cpus))
    {
        let reason = format!("must be between 0.01 and {cores}, the cores of this host");
        return Err(FleetError::invalid("cpus", reason));
    }
    Ok(())
}

/// Refuses to judge what nobody here can see.
pub(super) fn check_idle(driver: Driver, idle: Idle) -> Result<(), FleetError> {
    if driver != Driver::Railway || idle == Idle::Always {
        return Ok(());
    }
    let reason = "must be \"always\" on Railway: requests go to its domain, and creel does not see whether there are any; Railway's own app \
                  sleeping (serverless) is switched on in its dashboard";
    Err(FleetError::invalid("idle", reason))
}

pub(super) fn check_name(name: &str) -> Result<(), FleetError> {
    if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(FleetError::invalid("name", "must be 1 to 100 characters on one line"));
    }
    Ok(())
}
