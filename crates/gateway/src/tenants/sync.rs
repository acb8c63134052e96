//! Keeps up with the Cloud Backend: asks what changed, puts it away, and lets those know who are loaded.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use creel_session::UserId;
use tokio::time::MissedTickBehavior;

use super::Tenants;
use super::clock::now_ms;
use super::cloud::{LIMIT, SyncError};
use super::store::Progress;
use super::wire::Page;
use crate::routes::State;

/// How syncing goes.
#[derive(Clone, Debug, Default)]
pub struct SyncStatus {
    /// Milliseconds since the Unix epoch; it may be from before the gateway was started.
    pub last_success: Option<i64>,
    /// In a row, up to now.
    pub failures: u32,
    /// What the last one failed with.
    pub error: Option<String>,
}

/// What one sync did.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncReport {
    pub changed: usize,
    pub deleted: usize,
    pub pages: usize,
    /// Everything was listed anew.
    pub full: bool,
    pub took: Duration,
}

#[derive(Default)]
pub struct SyncState {
    /// Held while a sync runs: there is one at a time.
    pub progress: tokio::sync::Mutex<Progress>,
    status: Mutex<SyncStatus>,
}

impl SyncState {
    pub fn new(progress: Progress) -> Self {
        let status = SyncStatus {
            last_success: Some(progress.synced).filter(|at| *at > 0),
            ..SyncStatus::default()
        };
        Self {
            progress: tokio::sync::Mutex::new(progress),
            status: Mutex::new(status),
        }
    }

    pub fn status(&self) -> SyncStatus {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, SyncStatus> {
        self.status.lock().expect("no holder panics")
    }

    fn succeeded(&self) {
        *self.lock() = SyncStatus {
            last_success: Some(now_ms()),
            failures: 0,
            error: None,
        };
    }

    fn failed(&self, error: &SyncError) {
        let mut status = self.lock();
        status.failures += 1;
        status.error = Some(error.to_string());
    }
}

/// Syncs at once, then again and again, for as long as the gateway runs.
pub async fn run(gateway: State) {
    let Some(tenants) = gateway.tenants.clone() else { return };
    let mut interval = None;
    loop {
        let Some(settings) = gateway.setup.load().config.multi_tenant.clone() else {
            return;
        };
        // A changed interval begins anew.
        let (_, ticks) = match &mut interval {
            Some((every, ticks)) if *every == settings.sync_interval => (*every, ticks),
            _ => {
                let mut ticks = tokio::time::interval(settings.sync_interval);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                if interval.is_some() {
                    ticks.reset();
                }
                let (every, ticks) = interval.insert((settings.sync_interval, ticks));
                (*every, ticks)
            }
        };
        ticks.tick().await;
        // Its outcome is logged and counted.
        let _ = tenants.sync(&gateway).await;
    }
}

impl Tenants {
    /// Asks for all that changed. Those who come while a sync runs wait for it, and then ask again.
    ///
    /// # Errors
    /// Why it did not come to its end; the pages that came are used, and what else was known stays.
    pub async fn sync(&self, gateway: &State) -> Result<SyncReport, SyncError> {
        let mut progress = self.syncing.progress.lock().await;
        let started = Instant::now();
        let result = self.pages(gateway, &mut progress).await;
        if let Some(metrics) = &gateway.metrics.tenants {
            metrics.sync(if result.is_ok() { "ok" } else { "failed" });
        }
        match &result {
            Ok(report) => {
                self.syncing.succeeded();
                if report.changed + report.deleted > 0 {
                    let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
                    let SyncReport {
                        changed,
                        deleted,
                        pages,
                        full,
                        ..
                    } = *report;
                    tracing::info!(changed, deleted, pages, full, milliseconds, "users synced");
                }
            }
            Err(error) => {
                self.syncing.failed(error);
                let failures = self.syncing.status().failures;
                tracing::warn!(%error, failures, "sync failed; what was known stays");
            }
        }
        result.map(|report| SyncReport {
            took: started.elapsed(),
            ..report
        })
    }

    async fn pages(&self, gateway: &State, progress: &mut Progress) -> Result<SyncReport, SyncError> {
        let mut report = SyncReport::default();
        let mut limit = LIMIT;
        // Where this sync has been: a backend that leads it in a circle would keep it there for good.
        let mut places: HashSet<Option<String>> = HashSet::new();
        loop {
            let setup = gateway.setup.load_full();
            let Some(settings) = &setup.config.multi_tenant else {
                return Ok(report);
            };
            let since = progress.sync_token.as_deref();
            let (page, ahead) = match self.backend.changes(settings, since, limit).await {
                // A few with large configurations must not keep everybody else's changes away.
                Err(SyncError::TooLarge) if limit > 1 => {
                    limit = (limit / 8).max(1);
                    continue;
                }
                answer => answer?,
            };
            limit = (limit * 2).min(LIMIT);
            places.insert(progress.sync_token.clone());
            if page.has_more && places.contains(&Some(page.sync_token.clone())) {
                return Err(SyncError::Stuck);
            }
            if let Some(ahead) = ahead {
                self.clock.set(ahead);
                progress.ahead = ahead;
            }
            for refused in &page.refused {
                tracing::warn!(refused, "the Cloud Backend sent a user who is not as agreed; left out");
            }
            let (after, gone) = self.store.apply(progress, &page).await?;
            *progress = after;
            report.pages += 1;
            report.full |= page.full;
            report.changed += page.users.len();
            report.deleted += page.deleted.len() + gone.len();
            self.take_up(&page, &gone);
            if progress.complete {
                self.set_known();
            }
            if !page.has_more {
                return Ok(report);
            }
        }
    }

    /// Who is loaded and changed is made anew with the next request; what runs keeps what it began with. `gone` are those whom a listing
    /// that has ended did not have.
    fn take_up(&self, page: &Page, gone: &[UserId]) {
        let gone = || page.deleted.iter().chain(gone);
        let revoked = self.directory().change(gone(), &page.users);
        gone().for_each(|id| self.cache.end(id));
        for (user, revoked) in page.users.iter().zip(revoked) {
            if !user.active {
                self.cache.end(&user.id);
                continue;
            }
            if let Some(tenant) = self.cache.get(&user.id) {
                tenant.outdate();
                revoked.iter().for_each(|token| tenant.revoke(token));
            }
        }
    }
}
