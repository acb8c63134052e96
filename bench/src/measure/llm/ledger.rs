//! What a call costs the ledger alone: reserve, note, settle, on books in SQLite, journal and all. The room itself is called, without HTTP.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use creel_llm_gateway::ledger::{Billing, Call, CallTag, JournalConfig, Ledger, Micros, Outcome, RequestId, Usage};
use creel_records::ledger::{Credits as _, EntryKind, NewGrant};
use creel_records::{DatabaseUrl, SqlRecords};
use tokio::runtime::Builder;

/// CPU time of one call on the thread that makes it, in microseconds: the mean of so many.
pub async fn cpu_us(calls: u32, home: &Path) -> anyhow::Result<f64> {
    let directory = home.join("ledger");
    std::fs::create_dir_all(&directory)?;
    // A thread of its own, and runtimes of its own.
    tokio::task::spawn_blocking(move || of_calls(calls, &directory)).await?
}

fn of_calls(calls: u32, directory: &Path) -> anyhow::Result<f64> {
    // The books have another thread, so that its work is told apart from that of the calls.
    let books = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ledger = books.block_on(open(directory))?;
    let tag = CallTag {
        user: "alice".into(),
        instance: "alice-claw".into(),
        key: "k1".into(),
        provider: "openai".into(),
        model: "gpt-4o-mini".into(),
    };
    let call = || Call {
        request: RequestId::new(),
        tag: tag.clone(),
        billing: Billing::Credits,
        reserve: Micros(1_000),
        prompt: Micros(10),
        prompt_tokens: 10,
        day_limit: Some(Micros::LARGEST),
        month_limit: None,
    };
    let data_plane = Builder::new_current_thread().enable_all().build()?;
    data_plane.block_on(async {
        for _ in 0..1_000 {
            ledger.reserve(call()).await?.release();
        }
        let before = thread_cpu_ns()?;
        for _ in 0..calls {
            let mut reservation = ledger.reserve(call()).await?;
            reservation.note(Usage::default(), Micros(10));
            reservation.settle(Outcome::Done, Usage::default(), Micros(500));
        }
        let used = thread_cpu_ns()? - before;
        ledger.close().await;
        Ok(used / f64::from(calls) / 1e3)
    })
}

/// With credits for all of them.
async fn open(directory: &Path) -> anyhow::Result<Ledger> {
    let store = SqlRecords::open(&DatabaseUrl::file(directory.join("creel.db"))).await?;
    let grant = NewGrant {
        account: "alice".into(),
        amount: Micros::LARGEST,
        kind: EntryKind::Grant,
        expires_at: None,
        note: None,
        request: None,
    };
    store.grant(&grant).await?;
    Ok(Ledger::open(JournalConfig::new(directory.join("journal")), Arc::new(store)).await?)
}

/// How long this thread has run: <https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat>.
fn thread_cpu_ns() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split(' ').next().context("schedstat tells a number first")?;
    Ok(first.parse()?)
}
