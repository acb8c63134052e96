//! The lines of a log and of what was put aside of it, the newest first, a block at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::BLOCK;

/// A longer line comes in pieces: what a log holds is the instance's to say.
const LONGEST: usize = 1 << 20;

pub struct Backwards {
    /// The older files, oldest first. Opened with the first: one that is put aside meanwhile stays what it was.
    older: Vec<File>,
    file: Option<File>,
    /// What lies before this byte of the file was not read.
    start: u64,
    /// What was read and not given out: the end of a line, unless it is the beginning of the file.
    held: Vec<u8>,
    /// How much of `held`, from its beginning, was not searched for a line break.
    unsearched: usize,
    /// Whether a line ends at the end of `held`.
    has_line: bool,
    /// Where in the first file the last whole line ends. What follows is still being written.
    end: u64,
    /// Bytes read so far.
    read: u64,
}

impl Backwards {
    /// Of these files, newest first; those that are not there are empty.
    pub fn open(files: &[PathBuf]) -> io::Result<Self> {
        let mut opened = Vec::with_capacity(files.len());
        for path in files {
            match File::open(path) {
                Ok(file) => opened.push(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => opened.push(None),
                Err(error) => return Err(error),
            }
        }
        let newest = (!opened.is_empty()).then(|| opened.remove(0)).flatten();
        let mut backwards = Self {
            older: opened.into_iter().rev().flatten().collect(),
            file: None,
            start: 0,
            held: Vec::new(),
            unsearched: 0,
            has_line: false,
            end: 0,
            read: 0,
        };
        if let Some(file) = newest {
            backwards.begin(file)?;
            backwards.skip_unfinished()?;
        }
        Ok(backwards)
    }

    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The next older line; `None` before the oldest.
    pub fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if !self.has_line {
                let Some(file) = self.older.pop() else { return Ok(None) };
                self.begin(file)?;
                self.skip_last_break()?;
                continue;
            }
            if let Some(at) = self.last_break() {
                let line = self.held.split_off(at + 1);
                self.held.truncate(at);
                self.unsearched = self.held.len();
                return Ok(Some(line));
            }
            if self.start == 0 {
                self.has_line = false;
                return Ok(Some(std::mem::take(&mut self.held)));
            }
            if self.held.len() >= LONGEST {
                return Ok(Some(std::mem::take(&mut self.held)));
            }
            self.read_block()?;
        }
    }

    fn begin(&mut self, file: File) -> io::Result<()> {
        self.start = file.metadata()?.len();
        self.file = Some(file);
        self.held.clear();
        self.unsearched = 0;
        self.has_line = self.start > 0;
        Ok(())
    }

    /// A line that is still being written is left to whoever follows.
    fn skip_unfinished(&mut self) -> io::Result<()> {
        while self.has_line {
            if let Some(at) = self.last_break() {
                self.end = self.start + at as u64 + 1;
                self.held.truncate(at);
                self.unsearched = at;
                return Ok(());
            }
            if self.start == 0 {
                self.has_line = false;
            } else {
                // Only its length counts.
                self.held.clear();
                self.read_block()?;
            }
        }
        Ok(())
    }

    /// What was put aside ends with a line break, or with what is left of a line.
    fn skip_last_break(&mut self) -> io::Result<()> {
        if self.has_line {
            self.read_block()?;
            if self.held.last() == Some(&b'\n') {
                self.held.pop();
                self.unsearched = self.held.len();
            }
        }
        Ok(())
    }

    fn last_break(&mut self) -> Option<usize> {
        let found = self.held[..self.unsearched].iter().rposition(|byte| *byte == b'\n');
        if found.is_none() {
            self.unsearched = 0;
        }
        found
    }

    fn read_block(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let size = BLOCK.min(self.start);
        let mut block = vec![0; size as usize];
        self.start -= size;
        match file.read_exact_at(&mut block, self.start) {
            // Cut to nothing since it was opened: what there was of it is aside.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                (self.start, self.has_line) = (0, false);
                self.held.clear();
                return Ok(());
            }
            read => read?,
        }
        self.read += size;
        self.unsearched = block.len();
        block.append(&mut self.held);
        self.held = block;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::{files, log};
    use super::*;

    fn all(path: &std::path::Path) -> Vec<String> {
        let mut lines = Backwards::open(&files(path)).unwrap();
        std::iter::from_fn(|| lines.next().unwrap().map(|line| String::from_utf8(line).unwrap())).collect()
    }

    #[test]
    fn lines_come_from_the_newest_to_the_oldest_file() {
        let (_dir, path, mut file) = log();
        assert_eq!(all(&path), [""; 0]);
        write!(file, "three\n\nfour\nunfin").unwrap();
        std::fs::write(super::super::aside(&path, 1), "one\ntwo\n").unwrap();
        std::fs::write(super::super::aside(&path, 3), "zero").unwrap();
        assert_eq!(all(&path), ["four", "", "three", "two", "one", "zero"]);
        let lines = Backwards::open(&files(&path)).unwrap();
        assert_eq!(lines.end(), "three\n\nfour\n".len() as u64);
    }

    #[test]
    fn a_line_across_blocks_is_whole_and_one_without_end_comes_in_pieces() {
        let (_dir, path, mut file) = log();
        let long = "x".repeat(3 * BLOCK as usize + 7);
        write!(file, "first\n{long}\nlast\n").unwrap();
        assert_eq!(all(&path), ["last", &long, "first"]);
        let (_dir, path, mut file) = log();
        writeln!(file, "{}", "y".repeat(LONGEST * 2)).unwrap();
        let pieces = all(&path);
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= LONGEST + BLOCK as usize));
        assert_eq!(pieces.concat().len(), LONGEST * 2);
    }
}
