//! The fake model provider, as a process of its own: the same for all.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use creel_testkit::provider::{Reply, listen, serve};

use crate::client::Connection;
use crate::process::Process;

/// What it says, so many times, in as many pieces.
pub const WORD: &str = "word ";
pub const WORDS: usize = 20;

/// Half of the machine: the other half is for what is measured, and for whoever asks.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get().div_ceil(2))
}

/// The role: answers until it is killed.
pub fn run(port: u16, threads: usize) -> anyhow::Result<()> {
    let answer = move || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = listen(([127, 0, 0, 1], port).into(), threads > 1)?;
            serve(listener, Reply::pieces([WORD; WORDS])).await;
            Ok(())
        })
    };
    let others: Vec<_> = (1..threads).map(|_| std::thread::spawn(answer)).collect();
    answer()?;
    others
        .into_iter()
        .try_for_each(|other| other.join().expect("an answer does not panic"))
}

/// Starts it, and waits until it answers.
pub async fn start(port: u16, threads: usize, home: &Path) -> anyhow::Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["provider", &port.to_string(), &threads.to_string()]);
    let process = Process::start(&mut command, &home.join("provider.log"))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while Connection::open(port).await.is_err() {
        anyhow::ensure!(Instant::now() < deadline, "the fake provider does not answer");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(process)
}
