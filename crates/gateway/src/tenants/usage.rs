//! What one user takes of the gateway at this moment, and how much they may.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use creel_config::Quotas;
use creel_http::Problem;

use super::tenant::Tenant;
use super::workspaces::MOST_FILES;
use crate::rate::Bucket;

/// A workspace is not measured again before so much time has passed.
const MEASURE_PAUSE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Usage {
    requests: AtomicUsize,
    body_bytes: AtomicUsize,
    /// Bytes of the workspace, when it was last measured.
    disk: AtomicU64,
    measured: Mutex<Option<Instant>>,
    measuring: AtomicBool,
    rate: Mutex<Bucket>,
}

/// Bytes of a user's that are in memory, until this is dropped.
pub struct Held {
    tenant: Arc<Tenant>,
    bytes: usize,
}

/// A request of a user that is being answered. While there is one, the user stays loaded. A turn holds on to it too.
pub struct Seat {
    pub tenant: Arc<Tenant>,
    _body: Held,
}

impl Usage {
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Acquire)
    }

    pub fn disk(&self) -> u64 {
        self.disk.load(Ordering::Relaxed)
    }

    pub fn rate(&self, per_minute: u32) -> Result<(), Problem> {
        let admitted = self
            .rate
            .lock()
            .expect("no holder panics")
            .admit(per_minute, Instant::now());
        admitted.map_err(|wait| {
            let detail = format!("more than {per_minute} requests in a minute");
            Problem::too_many("rate_limited", detail, wait)
        })
    }

    /// Whether there is room for what a turn writes.
    pub fn has_room(&self, quotas: &Quotas) -> Result<(), Problem> {
        if self.disk() < quotas.disk_bytes {
            return Ok(());
        }
        let detail = match self.disk() {
            u64::MAX => format!("you have more than {MOST_FILES} files; delete sessions to make room"),
            bytes => {
                let most = quotas.disk_bytes;
                format!("your files take {bytes} bytes of {most}; delete sessions to make room")
            }
        };
        Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, "quota_exceeded", detail))
    }

    /// Whether it is time to measure; the one who is told so must call [`Usage::measured`].
    pub fn is_due(&self) -> bool {
        let measured = *self.measured.lock().expect("no holder panics");
        measured.is_none_or(|at| at.elapsed() >= MEASURE_PAUSE) && !self.measuring.swap(true, Ordering::AcqRel)
    }

    pub fn measured(&self, bytes: u64) {
        self.disk.store(bytes, Ordering::Relaxed);
        *self.measured.lock().expect("no holder panics") = Some(Instant::now());
        self.measuring.store(false, Ordering::Release);
    }
}

impl Seat {
    /// Takes a place for a request with a body of at most `body_bytes`.
    pub fn take(tenant: Arc<Tenant>, body_bytes: usize, quotas: &Quotas) -> Result<Self, Problem> {
        let usage = &tenant.usage;
        if usage.requests.load(Ordering::Acquire) >= quotas.requests as usize {
            let detail = format!(
                "{} of your requests are being answered; wait for one to end",
                quotas.requests
            );
            return Err(Problem::too_many("too_many_requests", detail, RETRY));
        }
        let body = Held::take(tenant.clone(), body_bytes, quotas)?;
        tenant.usage.requests.fetch_add(1, Ordering::AcqRel);
        Ok(Self { tenant, _body: body })
    }

    /// Takes memory for a transcript of so many bytes.
    pub fn hold(&self, bytes: u64, quotas: &Quotas) -> Result<Held, Problem> {
        Held::take(
            self.tenant.clone(),
            usize::try_from(bytes).unwrap_or(usize::MAX),
            quotas,
        )
    }
}

impl Held {
    fn take(tenant: Arc<Tenant>, bytes: usize, quotas: &Quotas) -> Result<Self, Problem> {
        let held = &tenant.usage.body_bytes;
        let all = held.load(Ordering::Acquire).saturating_add(bytes);
        // One alone is always let in: a body has a limit of its own, and so has a transcript.
        if all > quotas.body_bytes as usize && all > bytes {
            let detail = "your requests that are being answered are too large together; wait for one to end";
            return Err(Problem::too_many("too_many_bytes", detail, RETRY));
        }
        held.fetch_add(bytes, Ordering::AcqRel);
        Ok(Self { tenant, bytes })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.tenant.usage.body_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let usage = &self.tenant.usage;
        usage.requests.fetch_sub(1, Ordering::AcqRel);
        self.tenant.touch();
    }
}
