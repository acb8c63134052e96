//! `make bench`: Creel beside its peers, in one run, on one machine, before one fake model provider.
//!
//! Prints a table with the bars of the design and writes everything measured to `bench/results/`. Figures compare within a
//! run, not between machines: two cores carry client, gateway and provider alike. All of it runs in a network namespace
//! with nothing but loopback where that is allowed, since upstream tries to reach the world.

mod client;
mod crowd;
mod host;
mod measure;
mod memory;
mod namespace;
mod peers;
mod process;
mod provider;
mod report;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Parser, Subcommand};

use measure::{Installed, Measurement};

/// The whole run; what takes longer is broken.
const LIMIT: Duration = Duration::from_secs(12 * 60);

#[derive(Parser)]
#[command(about = "Measures Creel beside its peers")]
struct Args {
    /// The binary to measure (release build)
    #[arg(long, default_value = "target/release/creel")]
    creel: PathBuf,
    #[command(flatten)]
    installed: Installed,
    /// Measure only this; repeat for more
    #[arg(long, value_enum)]
    only: Vec<Measurement>,
    /// Fewer rounds, fewer instances: for a look, not for a claim
    #[arg(long)]
    quick: bool,
    /// Where the JSON goes
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Be the fake model provider
    #[command(hide = true)]
    Provider {
        port: u16,
        /// Threads that answer
        #[arg(default_value_t = 1)]
        threads: usize,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(Role::Provider { port, threads }) = args.role {
        provider::run(port, threads)?;
        return Ok(ExitCode::SUCCESS);
    }
    let network = namespace::enter()?;
    // Dropping the run stops every process that it started.
    runtime.block_on(async {
        tokio::select! {
            result = run(args, network) => result,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            () = tokio::time::sleep(LIMIT) => bail!("gave up after {} minutes", LIMIT.as_secs() / 60),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn run(args: Args, network: &'static str) -> anyhow::Result<()> {
    let host = host::describe(network)?;
    let bench = measure::Bench::start(&args.creel, args.installed, args.quick).await?;
    let (rows, samples) = measure::all(&bench, &args.only).await?;
    let report = report::Report {
        host,
        quick: args.quick,
        versions: bench.versions(),
        rows,
        samples,
    };
    report.print();
    report.save(&args.results)
}
