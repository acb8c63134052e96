//! npm, as the control plane runs it, and how an instance that runs it reaches the same registry.

use std::io;
use std::process::Stdio;

use creel_config::Secret;
use tokio::process::Command;

/// What of the control plane's environment says how npm reaches its registry.
const WAY_OUT: [&str; 8] = [
    "npm_config_registry",
    "NODE_EXTRA_CA_CERTS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// Asks npm, and gives what it printed.
///
/// # Errors
/// What it said, in a line, and what to do.
pub async fn ask(args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("npm");
    command
        .args(args)
        .args(["--no-update-notifier", "--loglevel=error"])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    scrub(&mut command);
    match command.output().await {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(format!(
            "npm {} failed ({}): {}; once the registry can be reached (npm_config_registry names another), start the instance again",
            args.join(" "),
            output.status,
            last_lines(&output.stderr)
        )),
        Err(error) => Err(cannot_start(&error)),
    }
}

/// Packages run programs while they are installed; none of them needs a provider's key or Creel's tokens.
pub fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CREEL_") || text.starts_with("OPENCLAW_") || text.ends_with("_API_KEY") {
            command.env_remove(&name);
        }
    }
}

/// The end of what it said, in one line.
pub fn last_lines(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let last: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .rev()
        .take(3)
        .collect();
    last.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

pub fn cannot_start(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "npm is not in PATH; install Node.js with npm, or point CREEL_OPENCLAW_CACHE at a directory \
                                    that holds node_modules/node and node_modules/openclaw"
                .to_owned()
        }
        _ => format!("npm cannot be started: {error}"),
    }
}

/// Variables by which npm in an instance reaches the registry. An address with somebody's name and password in it stays here.
pub fn way_out() -> Vec<(String, Secret)> {
    let set = WAY_OUT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    set.filter(|(_, value)| !value.contains('@'))
        .map(|(name, value)| (name, Secret::new(value)))
        .collect()
}
