//! What the client has against a call, sorted by what has to be done about it. It says so in words for people alone
//! (its `src/errors.rs`, `src/util/reporter.rs`), and exits with 1.

use std::path::PathBuf;

use serde_json::Value;

use super::client::OLDEST;
use crate::FleetError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Missing {
        program: PathBuf,
    },
    Old {
        version: String,
    },
    /// Nobody is signed in, or not any more.
    SignedOut(String),
    /// There is no such project any more.
    Gone,
    /// Railway does not answer; what is there is not known.
    Away(String),
    Refused(String),
}

/// What is said where nobody is signed in.
const SIGNED_OUT: [&str; 5] = [
    "Unauthorized",
    "Not signed in",
    "Invalid RAILWAY_",
    "login is no longer valid",
    "Login state is corrupt",
];
/// What is said of a project that is not there.
const GONE: [&str; 2] = ["Project not found", "Project is deleted"];
/// What is said where Railway cannot be reached, or cannot answer now.
const AWAY: [&str; 7] = [
    "Failed to fetch",
    "error sending request",
    "being ratelimited",
    "Couldn't refresh your session",
    "dns error",
    "timed out",
    "connection closed",
];

impl Trouble {
    /// What was said on both of its streams.
    pub fn told(arguments: &[&str], stdout: &str, stderr: &str) -> Self {
        // With --json some commands say it on the first.
        let json = serde_json::from_str::<Value>(stdout).ok();
        let said = json.as_ref().and_then(|json| json["error"].as_str()).unwrap_or(stderr);
        let has = |marks: &[&str]| marks.iter().any(|mark| said.contains(mark));
        let said = line(said);
        if has(&SIGNED_OUT) {
            return Self::SignedOut(said);
        }
        // `delete` looks for the project by its name or id.
        let is_deleting = arguments.first() == Some(&"delete");
        if has(&GONE) || (is_deleting && said.starts_with("Project ") && said.contains("not found")) {
            return Self::Gone;
        }
        let words = if matches!(arguments, ["service" | "variable", ..]) {
            2
        } else {
            1
        };
        let command = arguments[..words.min(arguments.len())].join(" ");
        let said = format!("`railway {command}`: {said}");
        if has(&AWAY) {
            Self::Away(said)
        } else {
            Self::Refused(said)
        }
    }

    pub fn reason(&self) -> String {
        let [major, minor, patch] = OLDEST;
        match self {
            Self::Missing { program } => format!(
                "the client `{}` is not installed; install it (https://docs.railway.com/guides/cli) where creel runs, then run \
                 `railway login`, or give creel RAILWAY_API_TOKEN",
                program.display()
            ),
            Self::Old { version } => format!(
                "the client `railway` is {version}, and creel needs {major}.{minor}.{patch} or newer; run `railway upgrade`"
            ),
            Self::SignedOut(said) => format!(
                "the client `railway` is not signed in ({said}); run `railway login` as the user that runs creel, or give creel \
                 RAILWAY_API_TOKEN"
            ),
            Self::Gone => {
                "the project is not on Railway any more, or of an account that the client is not signed in to"
                    .to_owned()
            }
            Self::Away(said) => format!("Railway cannot be asked: {said}"),
            Self::Refused(said) => said.clone(),
        }
    }
}

impl From<Trouble> for FleetError {
    fn from(trouble: Trouble) -> Self {
        let reason = trouble.reason();
        match trouble {
            Trouble::Away(_) => Self::Away { reason },
            _ => Self::Driver {
                driver: creel_records::Driver::Railway,
                reason,
            },
        }
    }
}

/// Its first lines, in one, and not too long.
pub fn line(said: &str) -> String {
    const LONGEST: usize = 300;
    let lines = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('>'));
    let joined = lines.take(3).collect::<Vec<_>>().join(" ");
    joined.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_sorted_by_what_helps() {
        let told = |arguments: &[&str], stderr: &str| Trouble::told(arguments, "", stderr);
        assert!(matches!(
            told(&["whoami"], "Unauthorized. Please login with `railway login`\n"),
            Trouble::SignedOut(_)
        ));
        assert_eq!(
            told(
                &["service", "list"],
                "Project not found. Run `railway link` to connect to a project.\n"
            ),
            Trouble::Gone
        );
        assert_eq!(told(&["delete"], "Project \"p-1\" not found\n"), Trouble::Gone);
        let away = told(
            &["up", ".", "--detach"],
            "Failed to fetch: error sending request for url (https://x/)\n\nCaused by:\n  0",
        );
        assert!(
            matches!(&away, Trouble::Away(said) if said.starts_with("`railway up`: Failed to fetch")),
            "{away:?}"
        );
        let refused = told(
            &["variable", "set", "--stdin"],
            "> Select a service x\nEmpty value provided via stdin\n",
        );
        assert_eq!(
            refused.reason(),
            "`railway variable set`: Empty value provided via stdin"
        );
        let json = Trouble::told(
            &["up"],
            r#"{"error":"Not signed in.","code":"NOT_AUTHENTICATED","hint":null}"#,
            "",
        );
        assert!(
            json.reason().contains("(Not signed in.); run `railway login`"),
            "{json:?}"
        );
    }
}
