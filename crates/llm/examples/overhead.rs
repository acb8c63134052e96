//! What a call costs beside the model: asks a fake provider on this machine, one call after another and 20 at a time.
//!
//! `cargo run --release -p creel-llm --example overhead`

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use creel_llm::{Api, Client, Message, Options, Request, Target};
use creel_testkit::provider::{Reply, listen, serve};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::runtime::{Builder, Runtime};

const CALLS: usize = 5_000;
const PIECES: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let address = provider()?;
    runtime()?.block_on(async {
        let client = Client::new(Options::default());
        let request = Request::of(vec![Message::user("Hello there")]);
        for (api, base) in [(Api::OpenaiCompletions, "/v1"), (Api::AnthropicMessages, "")] {
            let target = Target::new(api, format!("http://{address}{base}"), "m1");
            let mut times = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                times.push(call(&client, &target, &request).await?);
            }
            let begun = Instant::now();
            let calls = futures_util::stream::iter((0..CALLS).map(|_| call(&client, &target, &request)));
            calls.buffer_unordered(20).try_collect::<Vec<_>>().await?;
            let rate = CALLS as f64 / begun.elapsed().as_secs_f64();
            let of = |part: fn(&(Duration, Duration)) -> Duration, per_mille: usize| {
                let mut part: Vec<_> = times.iter().map(part).collect();
                part.sort();
                part[CALLS * per_mille / 1_000]
            };
            println!(
                "{api:?}, {PIECES} pieces: first event p50 {:?} p99 {:?}, whole reply p50 {:?} p99 {:?}, 20 at a time {rate:.0}/s",
                of(|time| time.0, 500),
                of(|time| time.0, 990),
                of(|time| time.1, 500),
                of(|time| time.1, 990),
            );
        }
        Ok(())
    })
}

/// The time to the first event, and to the last.
async fn call(client: &Client, target: &Target, request: &Request) -> Result<(Duration, Duration), creel_llm::Error> {
    let begun = Instant::now();
    let mut reply = client.stream(target, request).await?;
    let first = begun.elapsed();
    while reply.try_next().await?.is_some() {}
    Ok((first, begun.elapsed()))
}

/// Runs on a thread of its own, as the real one runs elsewhere.
fn provider() -> Result<SocketAddr, Box<dyn Error>> {
    let runtime = runtime()?;
    let listener = {
        let _inside = runtime.enter();
        listen(SocketAddr::from(([127, 0, 0, 1], 0)), false)?
    };
    let address = listener.local_addr()?;
    let reply = Reply::pieces(std::iter::repeat_n("hello ", PIECES));
    std::thread::spawn(move || runtime.block_on(serve(listener, reply)));
    Ok(address)
}

fn runtime() -> Result<Runtime, Box<dyn Error>> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
