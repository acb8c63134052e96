//! `creel deploy render …`: what it writes is accepted by whom it is for, and works.

#![expect(clippy::unwrap_used, reason = "tests")]

mod behind_nginx;
mod composed;
mod elsewhere;
mod instances;
mod render;
mod watched;

use std::process::Output;

use creel_tests::up::Builder;
use tempfile::TempDir;

/// A directory to render into.
fn place() -> (TempDir, impl Fn(&str) -> String) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_owned();
    (directory, move |name: &str| path.join(name).display().to_string())
}

/// `creel deploy render …`, which must succeed; what it printed.
async fn rendered(creel: &Builder, arguments: &[&str]) -> String {
    let output = render(creel, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn render(creel: &Builder, arguments: &[&str]) -> Output {
    creel.creel(&[&["deploy", "render"], arguments].concat()).await
}

/// Runs the program that the file is for, and gives all that it said.
async fn judged(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .env("OPENCLAW_SERVICE_TOKEN", "x")
        .output()
        .await;
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: run scripts/setup test"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
