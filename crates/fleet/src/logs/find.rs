//! Lines of a log, found from its end: what is asked for is mostly what was written last.

use std::io;
use std::path::Path;

use super::backwards::Backwards;
use super::{LogQuery, MAX_HELD, files, moment, redact};
use crate::Token;

/// The most that is read for one question; logs that are rotated are smaller.
const MAX_READ: u64 = 256 << 20;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Oldest first.
    pub lines: Vec<String>,
    /// Whether there may be older ones: the question ended before the log did.
    pub more: bool,
    /// Where in the log the last whole line ends, for whoever follows.
    pub(super) end: u64,
    /// Bytes that were read to find them.
    pub(super) bytes_read: u64,
}

/// The last `lines` lines, read from the end. A log that does not exist is empty.
pub fn tail(path: &Path, lines: usize, token: Option<&Token>) -> io::Result<Vec<String>> {
    Ok(find(path, &LogQuery::tail(lines), token)?.lines)
}

/// The lines that are asked for, without the token. A log that does not exist is empty.
pub fn find(path: &Path, query: &LogQuery, token: Option<&Token>) -> io::Result<Found> {
    let mut backwards = Backwards::open(&files(path))?;
    let end = backwards.end();
    let mut answer = Answer::to(query);
    let mut more = false;
    loop {
        if answer.is_full() || backwards.bytes_read() > MAX_READ {
            more = true;
            break;
        }
        let Some(line) = backwards.next()? else {
            answer.accept_undated();
            break;
        };
        let text = String::from_utf8_lossy(&line);
        let text = redact(text.trim_end_matches('\r'), token);
        match query.since_ms.map(|since| (moment::of(&line), since)) {
            None => answer.accept(text),
            Some((Some(at), since)) if at < since => break,
            Some((Some(_), _)) => {
                answer.accept_undated();
                answer.accept(text);
            }
            Some((None, _)) => answer.wait(text),
        }
    }
    Ok(Found {
        lines: answer.lines(),
        more,
        end,
        bytes_read: backwards.bytes_read(),
    })
}

/// Lines as they are found, newest first.
struct Answer<'a> {
    query: &'a LogQuery,
    lines: Vec<String>,
    /// Those that tell no time, until an older one does.
    undated: Vec<String>,
    bytes: u64,
}

impl<'a> Answer<'a> {
    fn to(query: &'a LogQuery) -> Self {
        Self {
            query,
            lines: Vec::new(),
            undated: Vec::new(),
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= self.query.tail || self.bytes > MAX_HELD
    }

    fn accept(&mut self, line: String) {
        if self.query.finds(&line) {
            self.bytes += line.len() as u64;
            self.lines.push(line);
        }
    }

    /// It is as old as the next one that tells.
    fn wait(&mut self, line: String) {
        // More than are wanted cannot be shown, whatever their age.
        if self.undated.len() < self.query.tail && self.query.finds(&line) {
            self.bytes += line.len() as u64;
            self.undated.push(line);
        }
    }

    fn accept_undated(&mut self) {
        self.lines.append(&mut self.undated);
    }

    fn lines(mut self) -> Vec<String> {
        self.lines.truncate(self.query.tail);
        self.lines.reverse();
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::super::{BLOCK, aside, log};
    use super::*;

    fn since(text: &str) -> Option<i64> {
        moment::of(text.as_bytes())
    }

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let (_dir, path, mut file) = log();
        for number in 0..50_000 {
            writeln!(file, "line {number} 张").unwrap();
        }
        assert_eq!(tail(&path, 2, None).unwrap(), ["line 49998 张", "line 49999 张"]);
        assert_eq!(tail(&path, 20_000, None).unwrap().len(), 20_000);
        let all = find(&path, &LogQuery::tail(100_000), None).unwrap();
        assert_eq!((all.lines.len(), all.more), (50_000, false));
        assert_eq!(tail(&path, 0, None).unwrap().len(), 0);
        assert!(tail(Path::new("/nonexistent"), 5, None).unwrap().is_empty());
    }

    #[test]
    fn what_was_put_aside_still_belongs_to_it() {
        let (_dir, path, mut file) = log();
        std::fs::write(aside(&path, 1), "2026-01-01T00:00:01Z one\n2026-01-01T00:00:02Z two\n").unwrap();
        writeln!(file, "2026-01-01T00:00:03Z three").unwrap();
        let query = LogQuery {
            since_ms: since("2026-01-01T00:00:02Z"),
            ..LogQuery::tail(9)
        };
        let found = find(&path, &query, None).unwrap();
        assert_eq!(found.lines, ["2026-01-01T00:00:02Z two", "2026-01-01T00:00:03Z three"]);
        assert!(!found.more);
    }

    #[test]
    fn a_line_without_a_time_is_as_old_as_the_one_before_it() {
        let (_dir, path, mut file) = log();
        writeln!(file, "2026-01-01T00:00:01Z old\n    at old (x.js:1)").unwrap();
        writeln!(
            file,
            "2026-01-01T08:00:09+08:00 new\n    at new (x.js:2)\n    at New (x.js:3)"
        )
        .unwrap();
        let query = LogQuery {
            since_ms: since("2026-01-01T00:00:02Z"),
            ..LogQuery::tail(9)
        };
        let lines = find(&path, &query, None).unwrap().lines;
        assert_eq!(
            lines,
            [
                "2026-01-01T08:00:09+08:00 new",
                "    at new (x.js:2)",
                "    at New (x.js:3)"
            ]
        );
        let query = LogQuery {
            search: Some("AT NEW".to_owned()),
            tail: 1,
            ..query
        };
        let found = find(&path, &query, None).unwrap();
        assert_eq!(
            (found.lines, found.more),
            (vec!["    at New (x.js:3)".to_owned()], true)
        );
    }

    #[test]
    fn a_token_neither_comes_out_nor_can_be_searched_for() {
        let (_dir, path, mut file) = log();
        let token = Token::mint().unwrap();
        writeln!(file, "started with {}", token.expose()).unwrap();
        assert_eq!(tail(&path, 5, Some(&token)).unwrap(), ["started with ***"]);
        let query = LogQuery {
            search: Some(token.expose()[..8].to_owned()),
            ..LogQuery::tail(5)
        };
        assert!(find(&path, &query, Some(&token)).unwrap().lines.is_empty());
    }

    /// Of a gibibyte only the end is read, however it is asked for.
    #[test]
    fn a_gibibyte_is_not_read_to_show_its_end() {
        let (_dir, path, _) = log();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        // A hole: nobody reads it, or it would be counted.
        file.set_len(1 << 30).unwrap();
        std::io::Seek::seek(&mut file, io::SeekFrom::End(0)).unwrap();
        writeln!(file).unwrap();
        for second in 0..1_000 {
            writeln!(
                file,
                "2026-01-01T00:{:02}:{:02}Z line {second}",
                second / 60,
                second % 60
            )
            .unwrap();
        }
        let asked = |query: &LogQuery| {
            let found = find(&path, query, None).unwrap();
            assert!(
                found.bytes_read <= 2 * BLOCK,
                "{} bytes for {query:?}",
                found.bytes_read
            );
            found.lines
        };
        assert_eq!(asked(&LogQuery::tail(200)).len(), 200);
        let query = LogQuery {
            since_ms: since("2026-01-01T00:10:00Z"),
            ..LogQuery::tail(10_000)
        };
        assert_eq!(asked(&query).len(), 400);
        // What is nowhere is looked for in a bounded part of it.
        let query = LogQuery {
            search: Some("nowhere".to_owned()),
            ..LogQuery::tail(1)
        };
        let found = find(&path, &query, None).unwrap();
        assert!(found.lines.is_empty() && found.more);
        assert!(found.bytes_read <= MAX_READ + 2 * BLOCK, "{}", found.bytes_read);
    }
}
