//! A log as it grows.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream;

use super::{LogLines, LogQuery, MAX_HELD, aside, find, redact};
use crate::Token;

/// How often a followed log is looked at; nobody looks at one that is not followed.
const LOOK: Duration = Duration::from_millis(200);

/// The lines that are asked for, then those that are added and searched for, until the stream is dropped.
pub fn follow(path: PathBuf, query: LogQuery, token: Option<Token>) -> io::Result<LogLines> {
    let found = find(&path, &query, token.as_ref())?;
    let follower = Follower {
        path,
        at: found.end,
        query,
        token,
    };
    let first = stream::once(async move { found.lines });
    let rest = stream::unfold(follower, |mut follower| async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let added = follower.read_added();
            if !added.is_empty() {
                return Some((added, follower));
            }
        }
    });
    Ok(Box::pin(stream::StreamExt::chain(first, rest)))
}

struct Follower {
    path: PathBuf,
    /// Where the first byte is that was not given out yet.
    at: u64,
    query: LogQuery,
    token: Option<Token>,
}

impl Follower {
    /// Whole lines since the last time; what cannot be read now is read later.
    fn read_added(&mut self) -> Vec<String> {
        let Ok(size) = fs::metadata(&self.path).map(|metadata| metadata.size()) else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        if size < self.at {
            // It was put aside: first what was left of it there.
            let aside = aside(&self.path, 1);
            let _ = self.read_from(&aside, &mut lines);
            self.at = 0;
        }
        if size > self.at {
            let path = self.path.clone();
            let _ = self.read_from(&path, &mut lines);
        }
        lines
    }

    fn read_from(&mut self, path: &Path, lines: &mut Vec<String>) -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        file.take(MAX_HELD).read_to_end(&mut bytes)?;
        let full = bytes.len() as u64 == MAX_HELD;
        let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            // A line longer than all that is ever read at once: given out in pieces.
            None if full => bytes.len(),
            None => 0,
        };
        let text = String::from_utf8_lossy(&bytes[..whole]);
        let shown = text.lines().map(|line| redact(line, self.token.as_ref()));
        lines.extend(shown.filter(|line| self.query.finds(line)));
        self.at += whole as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures_util::StreamExt as _;

    use super::super::{log, rotate};
    use super::*;

    #[tokio::test]
    async fn what_is_added_follows_in_whole_lines_across_a_rotation() {
        let (_dir, path, mut file) = log();
        write!(file, "one\ntwo\nunfin").unwrap();
        let mut lines = follow(path.clone(), LogQuery::tail(1), None).unwrap();
        assert_eq!(lines.next().await.unwrap(), ["two"]);
        writeln!(file, "ished").unwrap();
        assert_eq!(lines.next().await.unwrap(), ["unfinished"]);
        writeln!(file, "last before").unwrap();
        assert!(rotate(&path, 20).unwrap());
        writeln!(file, "first").unwrap();
        assert_eq!(lines.next().await.unwrap(), ["last before", "first"]);
    }

    #[tokio::test]
    async fn who_searches_sees_of_what_is_added_what_they_search_for() {
        let (_dir, path, mut file) = log();
        writeln!(file, "an error\nnothing").unwrap();
        let query = LogQuery {
            search: Some("error".to_owned()),
            ..LogQuery::tail(9)
        };
        let mut lines = follow(path, query, None).unwrap();
        assert_eq!(lines.next().await.unwrap(), ["an error"]);
        writeln!(file, "nothing\nanother Error\nnothing").unwrap();
        assert_eq!(lines.next().await.unwrap(), ["another Error"]);
    }
}
