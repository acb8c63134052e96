//! npm, as the control plane runs it, and how an instance that runs it reaches the same registry.

use std::io;
use std::process::Stdio;

use creel_config::Secret;
use tokio::process::Command;

/// What of the control plane's environment says how npm reaches its registry.
const WAY_OUT: [&str; 10] = [
    "npm_config_registry",
    "npm_config_fetch_retries",
    "npm_config_fetch_timeout",
    "NODE_EXTRA_CA_CERTS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// How patient npm is with a question, unless the environment says otherwise: by itself it tries for up to a quarter of an hour
/// (<https://docs.npmjs.com/cli/v11/using-npm/config#fetch-timeout>), and an instance waits for the answer. Times are in milliseconds.
const PATIENCE: [(&str, &str); 3] = [
    ("npm_config_fetch_timeout", "30000"),
    ("npm_config_fetch_retries", "1"),
    ("npm_config_fetch_retry_mintimeout", "1000"),
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
    for (name, value) in PATIENCE {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    match command.output().await {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(format!(
            "npm {} failed ({}): {}; once the registry can be reached (npm_config_registry names another), start the instance again",
            args.join(" "),
            output.status,
            reason(&output.stderr)
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

/// What went wrong, of all that npm said, in one line: its code and the reason, without what it advises.
pub fn reason(said: &[u8]) -> String {
    const PARTS: usize = 3;
    const LONGEST: usize = 400;
    let text = String::from_utf8_lossy(said);
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("npm error").unwrap_or(line).trim());
    let is_detail = |line: &str| {
        ["errno ", "syscall ", "address ", "port ", "A complete log"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    // `network This is a problem related to network connectivity.`
    let is_advice = |line: &str| line.starts_with("network ") && !line.starts_with("network timeout");
    let told = lines.filter(|line| !line.is_empty() && *line != "network" && !is_detail(line) && !is_advice(line));
    let told = told.take(PARTS).collect::<Vec<_>>().join(" | ");
    match told.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &told[..end]),
        None => told,
    }
}

/// What npm names as the cause of a failure (`npm error code EINTEGRITY`), of the lines that somebody printed who ran it.
pub fn cause(said: &[String]) -> Option<String> {
    const NAMED: &str = "npm error code ";
    let line = said.iter().rev().find_map(|line| line.split_once(NAMED))?;
    let code = line.1.split_whitespace().next()?;
    Some(match code {
        "EINTEGRITY" => format!("what the registry sent is not what was vouched for ({code})"),
        code => format!("npm failed with {code}"),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_told_and_not_what_may_be_done() {
        let said = "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\nnpm error FetchError: request to \
                    http://h/p failed, reason: \nnpm error network This is a problem related to network connectivity.\nnpm error \
                    network\nnpm error A complete log of this run can be found in: /x\n";
        let told = "code ECONNREFUSED | FetchError: request to http://h/p failed, reason:";
        assert_eq!(reason(said.as_bytes()), told);
        let late =
            "npm error code FETCH_ERROR\nnpm error errno FETCH_ERROR\nnpm error network timeout at: http://h/p\n";
        assert_eq!(
            reason(late.as_bytes()),
            "code FETCH_ERROR | network timeout at: http://h/p"
        );
        assert_eq!(reason("張".repeat(500).as_bytes()).chars().count(), 401);
    }

    #[test]
    fn the_last_cause_that_npm_names_is_taken() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let said = lines(
            "npm install failed: npm error code E500\nnpm error 500 out of order\nnpm error code EINTEGRITY\nnpm error x",
        );
        assert!(cause(&said).is_some_and(|cause| cause.ends_with("vouched for (EINTEGRITY)")));
        assert_eq!(cause(&said[..2]).as_deref(), Some("npm failed with E500"));
        assert_eq!(cause(&lines("all is well\nnpm error code ")), None);
    }
}
