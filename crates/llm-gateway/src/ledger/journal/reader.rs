//! The end of the journal that the banker reads, on its way into the books.

use std::fs::File;
use std::path::PathBuf;

use creel_records::ledger::{Position, Settlement};

use super::record;
use super::segment::{self, End};
use super::{JournalError, opened};

pub struct Reader {
    dir: PathBuf,
    at: Position,
    file: Option<(u64, File)>,
}

impl Reader {
    /// Goes on at a position of the books.
    pub fn new(dir: PathBuf, at: Position) -> Self {
        Self { dir, at, file: None }
    }

    /// The next settlements, `limit` at most, and the position behind them. `end` is where the journal ends by now.
    /// Reading goes on there with the next call.
    pub fn read(&mut self, end: Position, limit: usize) -> Result<(Vec<Settlement>, Position), JournalError> {
        let mut settlements = Vec::new();
        while self.at < end && settlements.len() < limit {
            let last = self.at.segment == end.segment;
            if !self.open()? {
                // In the books and removed, or never made.
                self.at = Position {
                    segment: self.at.segment + 1,
                    offset: segment::FIRST,
                };
                continue;
            }
            let Some((_, file)) = &self.file else { break };
            let path = segment::path(&self.dir, self.at.segment);
            let fail = |error| JournalError::io(&path, error);
            let until = if last {
                end.offset
            } else {
                file.metadata().map_err(fail)?.len()
            };
            let from = self.at.offset.max(segment::FIRST);
            let (at, stop) = segment::read(file, from, until, record::settled, |settled| {
                settlements.extend(settled);
                settlements.len() < limit
            })
            .map_err(fail)?;
            self.at.offset = at;
            match stop {
                End::Broken(why) => return Err(JournalError::damaged(&path, at, why)),
                End::Reached if !last && at >= until => {
                    self.at = Position {
                        segment: self.at.segment + 1,
                        offset: segment::FIRST,
                    };
                }
                End::Reached => {}
            }
        }
        Ok((settlements, self.at))
    }

    /// Everything before it has been read.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Goes back to a position: what was read since did not get into the books.
    pub fn back_to(&mut self, at: Position) {
        self.at = at;
    }

    /// Opens the segment of the position. `false`: there is none.
    fn open(&mut self) -> Result<bool, JournalError> {
        if self.file.as_ref().is_none_or(|(number, _)| *number != self.at.segment) {
            let file = opened(&segment::path(&self.dir, self.at.segment))?;
            self.file = file.map(|file| (self.at.segment, file));
        }
        Ok(self.file.is_some())
    }
}
