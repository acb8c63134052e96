//! What the host lets an instance have, found out by trying it in a process that ends at once.

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::sandbox::Order;

/// Whether an instance can have mounts of its own; else why not, in a line.
pub async fn own_mounts(creel: &Path) -> Result<(), String> {
    match run(creel, &Order::TryMounts).await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(said(&output)),
        Err(error) => Err(format!("cannot start {}: {error}", creel.display())),
    }
}

async fn run(creel: &Path, order: &Order) -> io::Result<Output> {
    let mut child = Command::new(creel)
        .arg("sandbox-exec")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let text = serde_json::to_vec(order).map_err(io::Error::other)?;
    let mut pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    pipe.write_all(&text).await?;
    drop(pipe);
    child.wait_with_output().await
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().next_back().unwrap_or("it does not say why");
    last.trim_start_matches("creel: ").to_owned()
}
