//! The fake provider as a program: the upstream of benchmarks, and something to point a gateway at.
//!
//! `cargo run --release -p creel-testkit --example provider -- --listen 127.0.0.1:9100 --pieces 20`

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use creel_testkit::provider::{Reply, listen, serve};

/// Speaks OpenAI's chat completions and Anthropic's messages, and says the same thing to everybody.
#[derive(Parser)]
struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Threads, each with a listener of its own
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// What to say, word by word
    #[arg(long, conflicts_with_all = ["pieces", "piece_bytes"])]
    text: Option<String>,
    /// Pieces of the text
    #[arg(long, default_value_t = 20)]
    pieces: usize,
    /// Bytes of each piece
    #[arg(long, default_value_t = 5)]
    piece_bytes: usize,
    /// Milliseconds before each piece
    #[arg(long)]
    pace_ms: Option<u64>,
    /// Call this tool after the text, with `{}`
    #[arg(long)]
    tool: Option<String>,
    /// Refuse everything with this status
    #[arg(long)]
    status: Option<u16>,
}

impl Args {
    fn reply(&self) -> Reply {
        if let Some(status) = self.status {
            return Reply::status(status);
        }
        let piece = format!("{} ", "x".repeat(self.piece_bytes.saturating_sub(1)));
        let mut reply = match &self.text {
            Some(text) => Reply::text(text),
            None => Reply::pieces(std::iter::repeat_n(piece.as_str(), self.pieces)),
        };
        if let Some(tool) = &self.tool {
            reply = reply.and_tool_call(tool, "{}");
        }
        match self.pace_ms {
            Some(ms) => reply.paced(Duration::from_millis(ms)),
            None => reply,
        }
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut address = args.listen;
    let mut threads = Vec::new();
    for _ in 0..args.threads.max(1) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            listen(address, true).with_context(|| format!("cannot listen on {address}"))?
        };
        address = listener.local_addr()?;
        let reply = args.reply();
        threads.push(thread::spawn(move || runtime.block_on(serve(listener, reply))));
    }
    println!("listening on http://{address} (OpenAI-style base URL http://{address}/v1)");
    for thread in threads {
        thread.join().expect("serving does not panic");
    }
    Ok(())
}
