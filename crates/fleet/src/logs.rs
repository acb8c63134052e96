//! An instance's log: the end of it, what is added to it, and keeping it small.
//!
//! The instance writes to `logs/gateway.log` itself (a file, not a pipe: it must survive the control plane). So the file is
//! read, never owned: it is bounded by copying it aside and cutting it to nothing, and appending writers go on at its start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, stream};

use crate::Token;

/// Lines of a log, as they come.
pub type LogLines = Pin<Box<dyn Stream<Item = Vec<String>> + Send>>;

/// A log is put aside when it is larger than this.
pub const MAX_BYTES: u64 = 10 << 20;
/// How many that were put aside are kept.
const KEPT: u32 = 3;
/// The most that is read to find the last lines.
const MAX_TAIL: u64 = 8 << 20;
const BLOCK: u64 = 64 << 10;
/// How often a followed log is looked at; nobody looks at one that is not followed.
const LOOK: Duration = Duration::from_millis(200);

/// The last `lines` lines, read from the end. A log that does not exist is empty.
pub fn tail(path: &Path, lines: usize, token: Option<&Token>) -> io::Result<Vec<String>> {
    Ok(tail_with_end(path, lines, token)?.0)
}

fn tail_with_end(path: &Path, lines: usize, token: Option<&Token>) -> io::Result<(Vec<String>, u64)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let end = file.metadata()?.len();
    // From the end on. Each is looked at once: what a log holds is the instance's to say, and all others wait meanwhile.
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let (mut start, mut breaks) = (end, 0);
    // One more than asked for: the line break that ends the line before the first wanted one.
    while start > 0 && end - start < MAX_TAIL && breaks <= lines {
        let size = BLOCK.min(start);
        start -= size;
        let mut block = vec![0; size as usize];
        file.read_exact_at(&mut block, start)?;
        breaks += block.iter().filter(|byte| **byte == b'\n').count();
        blocks.push(block);
    }
    blocks.reverse();
    let bytes = blocks.concat();
    // A line that is still being written is left to whoever follows.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let unfinished = (bytes.len() - whole) as u64;
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let mut found: Vec<String> = text.lines().rev().take(lines).map(|line| redact(line, token)).collect();
    found.reverse();
    Ok((found, end - unfinished))
}

/// The last `lines` lines, then what is added, until the stream is dropped.
pub fn follow(path: PathBuf, lines: usize, token: Option<Token>) -> io::Result<LogLines> {
    let (first, at) = tail_with_end(&path, lines, token.as_ref())?;
    let follower = Follower { path, at, token };
    let first = stream::once(async move { first });
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

/// Everything that is in it now, in batches.
pub fn whole(path: PathBuf, token: Option<Token>) -> io::Result<LogLines> {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Box::pin(stream::empty())),
        Err(error) => return Err(error),
    };
    let end = file.metadata()?.len();
    let reader = BufReader::with_capacity(BLOCK as usize, file.take(end));
    Ok(Box::pin(stream::unfold(reader, move |mut reader| {
        let lines = read_batch(&mut reader, token.as_ref());
        async move { (!lines.is_empty()).then_some((lines, reader)) }
    })))
}

/// About a block of whole lines; none at the end, and where it cannot be read any more.
fn read_batch(reader: &mut impl BufRead, token: Option<&Token>) -> Vec<String> {
    let (mut lines, mut read) = (Vec::new(), 0);
    while read < BLOCK {
        let mut line = Vec::new();
        match reader.by_ref().take(MAX_TAIL).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(bytes) => read += bytes as u64,
        }
        let text = String::from_utf8_lossy(&line);
        lines.push(redact(text.trim_end_matches(['\n', '\r']), token));
    }
    lines
}

struct Follower {
    path: PathBuf,
    /// Where the first byte is that was not given out yet.
    at: u64,
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
        file.take(MAX_TAIL).read_to_end(&mut bytes)?;
        let full = bytes.len() as u64 == MAX_TAIL;
        let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            // A line longer than all that is ever read at once: given out in pieces.
            None if full => bytes.len(),
            None => 0,
        };
        let text = String::from_utf8_lossy(&bytes[..whole]);
        lines.extend(text.lines().map(|line| redact(line, self.token.as_ref())));
        self.at += whole as u64;
        Ok(())
    }
}

/// A gateway does not log its token; a plugin might.
fn redact(line: &str, token: Option<&Token>) -> String {
    match token {
        Some(token) if line.contains(token.expose()) => line.replace(token.expose(), "***"),
        _ => line.to_owned(),
    }
}

fn aside(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Puts the log aside (`gateway.log.1` to `.3`) if it has grown past `max` bytes. Lines written in the instant between
/// copying and cutting are lost; there is no such instant unless the log has just grown by megabytes.
pub fn rotate(path: &Path, max: u64) -> io::Result<bool> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if size <= max {
        return Ok(false);
    }
    for number in (1..KEPT).rev() {
        match fs::rename(aside(path, number), aside(path, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let log = OpenOptions::new().read(true).write(true).open(path)?;
    let mut copy = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(aside(path, 1))?;
    // A second look takes what came in meanwhile; one that writes faster than it is copied loses the rest.
    let mut reader = &log;
    for _ in 0..2 {
        let most = log.metadata()?.len();
        io::copy(&mut (&mut reader).take(most), &mut copy)?;
    }
    log.set_len(0)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures_util::StreamExt as _;

    use super::*;

    fn log() -> (tempfile::TempDir, PathBuf, File) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.log");
        let file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        (dir, path, file)
    }

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let (_dir, path, mut file) = log();
        for number in 0..50_000 {
            writeln!(file, "line {number} 张").unwrap();
        }
        assert_eq!(tail(&path, 2, None).unwrap(), ["line 49998 张", "line 49999 张"]);
        assert_eq!(tail(&path, 20_000, None).unwrap().len(), 20_000);
        assert_eq!(tail(&path, 100_000, None).unwrap().len(), 50_000);
        assert_eq!(tail(&path, 0, None).unwrap().len(), 0);
        assert!(tail(Path::new("/nonexistent"), 5, None).unwrap().is_empty());
    }

    #[test]
    fn a_token_does_not_come_out() {
        let (_dir, path, mut file) = log();
        let token = Token::mint().unwrap();
        writeln!(file, "started with {}", token.expose()).unwrap();
        assert_eq!(tail(&path, 5, Some(&token)).unwrap(), ["started with ***"]);
    }

    #[tokio::test]
    async fn the_whole_of_it_has_every_line_and_no_token() {
        let (_dir, path, mut file) = log();
        let token = Token::mint().unwrap();
        for number in 0..20_000 {
            writeln!(file, "{number} {}", token.expose()).unwrap();
        }
        write!(file, "unfinished").unwrap();
        let lines: Vec<String> = whole(path, Some(token)).unwrap().concat().await;
        assert_eq!(lines.len(), 20_001);
        assert_eq!((&*lines[19_999], &*lines[20_000]), ("19999 ***", "unfinished"));
        assert_eq!(whole("/nonexistent".into(), None).unwrap().count().await, 0);
    }

    #[tokio::test]
    async fn what_is_added_follows_in_whole_lines_across_a_rotation() {
        let (_dir, path, mut file) = log();
        write!(file, "one\ntwo\nunfin").unwrap();
        let mut lines = follow(path.clone(), 1, None).unwrap();
        assert_eq!(lines.next().await.unwrap(), ["two"]);
        writeln!(file, "ished").unwrap();
        assert_eq!(lines.next().await.unwrap(), ["unfinished"]);
        writeln!(file, "last before").unwrap();
        assert!(rotate(&path, 10).unwrap());
        writeln!(file, "first").unwrap();
        assert_eq!(lines.next().await.unwrap(), ["last before", "first"]);
    }

    #[test]
    fn a_large_log_is_put_aside_and_the_oldest_forgotten() {
        let (_dir, path, mut file) = log();
        for round in 0..6 {
            writeln!(file, "round {round} {}", "x".repeat(100)).unwrap();
            assert!(rotate(&path, 50).unwrap());
            assert!(!rotate(&path, 50).unwrap());
        }
        writeln!(file, "after").unwrap();
        assert_eq!(
            tail(&path, 9, None).unwrap(),
            ["after"],
            "an appending writer goes on at the start"
        );
        let kept: Vec<_> = (1..=KEPT)
            .map(|number| fs::read_to_string(aside(&path, number)).unwrap())
            .collect();
        assert!(kept[0].starts_with("round 5") && kept[2].starts_with("round 3"));
        assert!(!aside(&path, KEPT + 1).exists());
    }
}
