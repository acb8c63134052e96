//! What may not be so, however the call itself reads: a secret where others see it, a call from where it does harm.

use std::fs::{self, File, TryLockError};
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use super::account::Account;
use super::usage::Called;

/// Those that make or take away something: two at a time would make two of it.
const LOCKED: [&str; 6] = ["init", "add", "volume add", "up", "redeploy", "delete"];
/// Those that write down or send the directory that they are run in.
const IN_DIRECTORY: [&str; 4] = ["init", "link", "add", "up"];
/// Shorter values are no secrets, and stand in many places.
const SHORTEST: usize = 8;

/// What its standard input holds; read once.
pub fn input() -> String {
    let mut input = String::new();
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        // One that cannot be read holds nothing.
        let _ = stdin.lock().read_to_string(&mut input);
    }
    input
}

pub fn violations(account: &Account, arguments: &[String], called: Option<&Called>, input: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is_secret = |text: &str| {
        account
            .secrets
            .iter()
            .any(|secret| secret.len() >= SHORTEST && text.contains(secret))
    };
    if arguments.iter().any(|argument| is_secret(argument)) {
        found.push("a secret stands in its arguments".to_owned());
    }
    for (name, value) in std::env::vars() {
        let is_of_others = name.starts_with("CREEL_") || name.starts_with("OPENCLAW_") || name.ends_with("_API_KEY");
        if is_of_others || is_secret(&value) {
            found.push(format!("it is told {name}, which is none of its business"));
        }
    }
    if std::env::var("RAILWAY_NO_AUTO_UPDATE").is_err() {
        found.push("it may replace itself".to_owned());
    }
    if std::io::stdin().is_terminal() {
        found.push("it could ask a person".to_owned());
    }
    let Some(called) = called else { return found };
    let command = called.command.as_str();
    if !called.has("--stdin") && !input.is_empty() {
        found.push(format!("`{command}` is given what it does not read"));
    }
    let there = std::env::current_dir().unwrap_or_default();
    if IN_DIRECTORY.contains(&command) && !there.ends_with("railway") {
        found.push(format!("`{command}` is run in {}", there.display()));
    }
    if LOCKED.contains(&command) && !is_locked() {
        found.push(format!("`{command}` is run without the instance's lock"));
    }
    if command == "up" {
        for entry in fs::read_dir(&there).into_iter().flatten().flatten() {
            if fs::read_to_string(entry.path()).is_ok_and(|text| is_secret(&text)) {
                found.push(format!("a secret stands in {}, which is sent", entry.path().display()));
            }
        }
    }
    found
}

/// Whether its standard input is the lock of an instance, and somebody holds that.
fn is_locked() -> bool {
    let Ok(path) = fs::read_link("/proc/self/fd/0") else {
        return false;
    };
    let file = File::options().write(true).open(&path);
    let is_named = path.file_name() == Some(Path::new("railway.lock").as_os_str());
    is_named && file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}
