//! What a service says, brought into the instance's own log, a look at a time: the client follows a log for a terminal alone.
//!
//! How far we have read is noted beside the log: whoever comes after this control plane reads on from there.

use std::io::Write as _;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::calls::Place;
use super::client::Client;
use crate::directory::InstanceDirectory;

/// The deployment and the time of the last line that is in the log, relative to the directory.
const READ: &str = "logs/read";
const MAX_READ: u64 = 256;

pub struct Log {
    directory: InstanceDirectory,
    deployment: String,
    /// RFC 3339; empty before the first line.
    seen: String,
}

impl Log {
    pub fn of(directory: InstanceDirectory, deployment: &str) -> Self {
        let noted = directory.read(READ, MAX_READ).ok().flatten().unwrap_or_default();
        let noted = noted.split_once(' ').filter(|(of, _)| *of == deployment);
        Self {
            seen: noted.map(|(_, at)| at.trim().to_owned()).unwrap_or_default(),
            deployment: deployment.to_owned(),
            directory,
        }
    }

    /// Brings what is new. A look that fails is made up for by the next one.
    pub async fn bring(&mut self, client: &Client, place: &Place) {
        let since = Some(self.seen.as_str()).filter(|seen| !seen.is_empty());
        match client.logs(place, &self.deployment, "--deployment", since).await {
            Ok(said) => {
                let text = self.take(&said);
                self.keep(&text);
            }
            Err(trouble) => tracing::debug!(deployment = self.deployment, ?trouble, "its log cannot be read now"),
        }
    }

    /// The end of the log of its building, where that failed.
    pub async fn bring_build(&self, client: &Client, place: &Place) {
        match client.logs(place, &self.deployment, "--build", None).await {
            Ok(said) => self.keep(&lines(&said).map(|(_, message)| message + "\n").collect::<String>()),
            Err(trouble) => tracing::debug!(deployment = self.deployment, ?trouble, "no log of its building"),
        }
    }

    /// What is new of it, as text.
    fn take(&mut self, said: &str) -> String {
        let mut text = String::new();
        let seen = moment(&self.seen);
        for (at, message) in lines(said) {
            // Several may be of the same time.
            if moment(&at) > seen {
                text.push_str(&message);
                text.push('\n');
                if moment(&at) > moment(&self.seen) {
                    self.seen = at;
                }
            }
        }
        text
    }

    fn keep(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let note = || {
            let note = format!("{} {}\n", self.deployment, self.seen);
            std::fs::write(self.directory.root().join(READ), note)
        };
        let kept = self
            .directory
            .open_log()
            .and_then(|mut log| log.write_all(text.as_bytes()));
        if let Err(error) = kept.and_then(|()| note()) {
            tracing::warn!(path = %self.directory.log().display(), %error, "cannot write the log");
        }
    }
}

/// Times and messages of what the client prints, an object a line.
fn lines(said: &str) -> impl Iterator<Item = (String, String)> {
    said.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        Some((
            line["timestamp"].as_str()?.to_owned(),
            line["message"].as_str()?.to_owned(),
        ))
    })
}

fn moment(at: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(at, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_comes_once_however_often_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let directory = InstanceDirectory::new(dir.path().join("a"));
        directory.make_directory("logs").unwrap();
        let said = r#"{"message":"one","timestamp":"2026-01-01T00:00:00.1Z","level":"info"}
no json
{"timestamp":"2026-01-01T00:00:00.100000001Z","message":"two"}
{"timestamp":"2026-01-01T00:00:00.100000001Z","message":"and more of it"}
"#;
        let mut log = Log::of(directory.clone(), "d-1");
        let all = "one\ntwo\nand more of it\n";
        assert_eq!(log.take(said), all);
        assert_eq!(log.take(said), "");
        log.keep(all);
        let mut next = Log::of(directory.clone(), "d-1");
        assert_eq!(next.take(said), "", "the next control plane reads on");
        assert_eq!(
            Log::of(directory, "d-2").take(said),
            all,
            "another deployment's log is another"
        );
    }
}
