//! What a call costs the ledger: reserve, note, settle, on books in SQLite, journal and all.
//!
//! `cargo run --release -p creel-llm-gateway --example ledger_cost [CALLS]`

use std::sync::Arc;
use std::time::Instant;

use creel_llm_gateway::ledger::{Billing, Call, CallTag, JournalConfig, Ledger, Micros, Outcome, RequestId, Usage};
use creel_records::ledger::{Credits as _, EntryKind, NewGrant};
use creel_records::{DatabaseUrl, SqlRecords};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let calls: u32 = std::env::args().nth(1).map_or(Ok(200_000), |text| text.parse())?;
    let dir = tempfile::TempDir::new()?;
    // The books have a thread of their own, so that its work is told apart from that of the calls.
    let books = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let ledger = books.block_on(async {
        let store = SqlRecords::open(&DatabaseUrl::file(dir.path().join("creel.db"))).await?;
        let grant = NewGrant {
            account: "alice".into(),
            amount: Micros::LARGEST,
            kind: EntryKind::Grant,
            expires_at: None,
            note: None,
            request: None,
        };
        store.grant(&grant).await?;
        Ok::<_, Failure>(Ledger::open(JournalConfig::new(dir.path().join("journal")), Arc::new(store)).await?)
    })?;
    let tag = CallTag {
        user: "alice".into(),
        instance: "alice-claw".into(),
        key: "k1".into(),
        provider: "openai".into(),
        model: "gpt-4o-mini".into(),
    };
    let data_plane = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    data_plane.block_on(async {
        let call = || Call {
            request: RequestId::new(),
            tag: tag.clone(),
            billing: Billing::Credits,
            reserve: Micros(1000),
            prompt: Micros(10),
            day_limit: Some(Micros::LARGEST),
            month_limit: None,
        };
        for _ in 0..1000 {
            ledger.reserve(call()).await?.release();
        }
        let (began, cpu) = (Instant::now(), thread_cpu()?);
        for _ in 0..calls {
            let mut reservation = ledger.reserve(call()).await?;
            reservation.note(Usage::default(), Micros(10));
            reservation.settle(Outcome::Done, Usage::default(), Micros(500));
        }
        let (cpu, wall) = (thread_cpu()? - cpu, began.elapsed().as_nanos() as f64);
        let each = f64::from(calls);
        println!(
            "{calls} calls: {:.0} ns of CPU a call, {:.0} ns by the clock",
            cpu / each,
            wall / each
        );
        let behind = Instant::now();
        ledger.close().await;
        let all = began.elapsed().as_secs_f64();
        println!(
            "in the books {:.1} s later: {:.0} calls/s in all",
            behind.elapsed().as_secs_f64(),
            each / all
        );
        Ok(())
    })
}

/// Nanoseconds that this thread has run, from `/proc/thread-self/schedstat`
/// (<https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat>).
fn thread_cpu() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}
