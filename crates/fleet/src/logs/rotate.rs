//! Keeping a log small.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::{BLOCK, KEPT, aside};

/// Puts the log aside (`gateway.log.1` to `.3`) if it has grown past `max` bytes. Lines written in the instant between
/// copying and cutting are lost; there is no such instant unless the log has just grown by megabytes. Of one that has grown past
/// twice that since the last look, the beginning is lost: what is kept must be bounded, whatever an instance writes.
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
    let mut reader = &log;
    if size > 2 * max {
        skip_to_line(&log, size - 2 * max)?;
    }
    // A second look takes what came in meanwhile; one that writes faster than it is copied loses the rest.
    let mut room = 2 * max;
    for _ in 0..2 {
        room -= io::copy(&mut (&mut reader).take(room), &mut copy)?;
    }
    log.set_len(0)?;
    Ok(true)
}

/// Moves to the beginning of the first line after this byte, if that is near.
fn skip_to_line(mut log: &File, from: u64) -> io::Result<()> {
    log.seek(SeekFrom::Start(from))?;
    let mut rest = Vec::new();
    BufReader::new(log.take(BLOCK)).read_until(b'\n', &mut rest)?;
    log.seek(SeekFrom::Start(from + rest.len() as u64))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::{files, log, tail};
    use super::*;

    #[test]
    fn a_large_log_is_put_aside_and_the_oldest_forgotten() {
        let (_dir, path, mut file) = log();
        for round in 0..6 {
            writeln!(file, "round {round} {}", "x".repeat(100)).unwrap();
            assert!(rotate(&path, 60).unwrap());
            assert!(!rotate(&path, 60).unwrap());
        }
        writeln!(file, "after").unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "after\n",
            "an appending writer goes on at the start"
        );
        let kept: Vec<_> = (1..=KEPT)
            .map(|number| fs::read_to_string(aside(&path, number)).unwrap())
            .collect();
        assert!(kept[0].starts_with("round 5") && kept[2].starts_with("round 3"));
        assert!(!aside(&path, KEPT + 1).exists());
        let lines = tail(&path, 2, None).unwrap();
        assert!(lines[0].starts_with("round 5") && lines[1] == "after", "{lines:?}");
    }

    #[test]
    fn what_is_kept_is_bounded_whatever_is_written() {
        const MAX: u64 = 1 << 10;
        let (_dir, path, mut file) = log();
        for _ in 0..5 {
            for number in 0..2_000 {
                writeln!(file, "line {number:04}").unwrap();
            }
            assert!(rotate(&path, MAX).unwrap());
        }
        let kept: u64 = files(&path)
            .iter()
            .filter_map(|path| fs::metadata(path).ok())
            .map(|found| found.len())
            .sum();
        assert!(kept <= MAX * (2 * u64::from(KEPT) + 1), "{kept}");
        let text = fs::read_to_string(aside(&path, 1)).unwrap();
        assert!(text.starts_with("line ") && text.ends_with("line 1999\n"), "{text}");
    }
}
