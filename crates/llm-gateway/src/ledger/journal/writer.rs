//! The end of the journal that grows.
//!
//! A record is encoded into a buffer under one lock, and written by whoever gets the second lock first, together with all
//! that others put there meanwhile: under load, many records are one write(2). (A thread that serves many calls lets those that
//! begin or end in the same turn put theirs first; see [`Writer::written`] and [`Writer::ended`].) What is written survives `kill -9`;
//! [`Writer::sync`] makes it survive a power cut, and comes before anything is told to the books.
//!
//! A write that fails leaves the file as it was, as far as a reader can see: the end only moves when all is written.
//! Settlements stay in the buffer and are tried again with the next write; a reservation is taken back and refused.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use creel_records::ledger::{Position, RequestId, Settlement};

use super::{JournalError, record, segment};
use crate::ledger::call::{Bound, Call};

/// The buffer that is kept when a burst is over.
const KEPT: usize = 1 << 20;

pub struct Writer {
    dir: PathBuf,
    segment_bytes: u64,
    max_bytes: u64,
    pending: Mutex<Pending>,
    /// How many of the bytes that were ever put are in the file. Changed by whoever has the tail.
    written: AtomicU64,
    tail: Mutex<Tail>,
}

/// Where a record ends among all bytes that were ever put.
#[derive(Clone, Copy, Debug)]
#[must_use = "the record is not written yet"]
pub struct Ticket(u64);

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// How many bytes were ever handed to `bytes`.
    put: u64,
    /// The reservation records of calls in flight: a new segment begins with them.
    open: HashMap<RequestId, Box<[u8]>>,
}

struct Tail {
    file: File,
    end: Position,
    /// Where the segment began to grow: behind the reservations that were carried over.
    begun: u64,
    /// Bytes of older segments.
    older: u64,
    /// Older segments that a power cut may still undo.
    unsynced: Vec<File>,
    /// A power cut may still undo the name of a segment.
    name_unsynced: bool,
    /// The buffer that is swapped with `Pending::bytes`: neither is allocated again and again.
    batch: Vec<u8>,
}

impl Writer {
    /// Begins segment `number`, which must not exist.
    pub fn begin(dir: PathBuf, number: u64, segment_bytes: u64, max_bytes: u64) -> Result<Self, JournalError> {
        let file = create(&dir, number, &[])?;
        Ok(Self {
            segment_bytes,
            max_bytes,
            pending: Mutex::default(),
            written: AtomicU64::new(0),
            tail: Mutex::new(Tail {
                file,
                end: Position {
                    segment: number,
                    offset: segment::FIRST,
                },
                begun: segment::FIRST,
                older: 0,
                unsynced: Vec::new(),
                name_unsynced: true,
                batch: Vec::new(),
            }),
            dir,
        })
    }

    /// Puts a call that is about to be sent into the buffer. It is in the journal, and may be sent, when
    /// [`written`](Self::written) has said so of the ticket.
    pub fn reserve(&self, call: &Call, bound: &Bound, at: i64) -> Ticket {
        let mut pending = self.pending();
        let Pending { bytes, put, open } = &mut *pending;
        let before = bytes.len();
        record::reserve(bytes, call, bound, at);
        *put += (bytes.len() - before) as u64;
        open.insert(call.request, bytes[before..].into());
        Ticket(*put)
    }

    /// Writes the buffer, unless somebody did so meanwhile. On an error the call is not in the journal and must not be sent.
    pub fn written(&self, request: RequestId, ticket: Ticket) -> Result<(), JournalError> {
        if self.written.load(Ordering::Acquire) >= ticket.0 {
            return Ok(());
        }
        let mut tail = self.tail();
        let room = tail.older + tail.end.offset < self.max_bytes;
        let result = match room {
            true => self.write(&mut tail, ticket.0),
            false => Err(JournalError::Full { max: self.max_bytes }),
        };
        if result.is_err() && self.written.load(Ordering::Acquire) < ticket.0 {
            // Still under the lock: nobody writes it meanwhile. What others put behind it is theirs.
            self.pending().retract(request);
        }
        result
    }

    /// Puts the end of a call into the buffer. Never lost while this process lives; it survives the process when [`ended`](Self::ended) has said so
    /// of the ticket.
    pub fn settle(&self, settlement: &Settlement) -> Ticket {
        self.put(settlement.request, |bytes| record::settle(bytes, settlement))
    }

    /// As [`settle`](Self::settle), for a call that was not sent.
    pub fn release(&self, request: RequestId) -> Ticket {
        self.put(request, |bytes| record::release(bytes, request))
    }

    fn put(&self, request: RequestId, encode: impl FnOnce(&mut Vec<u8>)) -> Ticket {
        let mut pending = self.pending();
        let before = pending.bytes.len();
        encode(&mut pending.bytes);
        pending.put += (pending.bytes.len() - before) as u64;
        pending.open.remove(&request);
        Ticket(pending.put)
    }

    /// Writes the buffer, unless somebody did so meanwhile. What cannot be written now is written later.
    pub fn ended(&self, ticket: Ticket) -> Result<(), JournalError> {
        if self.written.load(Ordering::Acquire) >= ticket.0 {
            return Ok(());
        }
        self.write(&mut self.tail(), ticket.0)
    }

    /// Writes what is left in the buffer.
    pub fn flush(&self) -> Result<(), JournalError> {
        let ticket = self.pending().put;
        self.ended(Ticket(ticket))
    }

    /// Writes what is in the buffer, unless somebody wrote everything up to the ticket meanwhile.
    fn write(&self, tail: &mut Tail, ticket: u64) -> Result<(), JournalError> {
        if self.written.load(Ordering::Acquire) >= ticket {
            return Ok(());
        }
        let put = {
            let mut pending = self.pending();
            std::mem::swap(&mut pending.bytes, &mut tail.batch);
            pending.put
        };
        if let Err(error) = tail.append() {
            self.pending().restore(&mut tail.batch);
            return Err(JournalError::io(&self.dir, error));
        }
        self.written.store(put, Ordering::Release);
        if tail.end.offset - tail.begun >= self.segment_bytes
            && let Err(error) = self.rotate(tail)
        {
            tracing::warn!(%error, "the journal goes on in its old segment");
        }
        Ok(())
    }

    /// Goes on in a new segment that begins with the reservations in flight, so that older segments are needed no more
    /// once they are in the books.
    fn rotate(&self, tail: &mut Tail) -> Result<(), JournalError> {
        let mut pending = self.pending();
        // Under both locks: only what the old segment has is carried over.
        std::mem::swap(&mut pending.bytes, &mut tail.batch);
        if let Err(error) = tail.append() {
            pending.restore(&mut tail.batch);
            return Err(JournalError::io(&self.dir, error));
        }
        self.written.store(pending.put, Ordering::Release);
        let number = tail.end.segment + 1;
        let open: Vec<u8> = pending.open.values().flatten().copied().collect();
        let file = create(&self.dir, number, &open)?;
        tail.older += tail.end.offset;
        let old = std::mem::replace(&mut tail.file, file);
        tail.unsynced.push(old);
        tail.name_unsynced = true;
        tail.end = Position {
            segment: number,
            offset: segment::FIRST + open.len() as u64,
        };
        tail.begun = tail.end.offset;
        Ok(())
    }

    /// Where the last whole record ends.
    pub fn end(&self) -> Position {
        self.tail().end
    }

    /// Makes everything up to the end that it returns survive a power cut.
    pub fn sync(&self) -> Result<Position, JournalError> {
        let fail = |error| JournalError::io(&self.dir, error);
        let (mut files, name_unsynced, end) = {
            let mut tail = self.tail();
            let current = tail.file.try_clone().map_err(fail)?;
            let mut files = std::mem::take(&mut tail.unsynced);
            files.push(current);
            (files, std::mem::take(&mut tail.name_unsynced), tail.end)
        };
        // From the oldest: what a failure leaves unsynced is tried again.
        while let Some(file) = files.first() {
            if let Err(error) = file.sync_data() {
                files.pop();
                let mut tail = self.tail();
                files.append(&mut tail.unsynced);
                tail.unsynced = files;
                tail.name_unsynced |= name_unsynced;
                return Err(fail(error));
            }
            files.remove(0);
        }
        // Only after a new segment: a sync commits the file system's own journal, and writes of calls wait for that.
        if name_unsynced && let Err(error) = File::open(&self.dir).and_then(|dir| dir.sync_all()) {
            self.tail().name_unsynced = true;
            return Err(fail(error));
        }
        Ok(end)
    }

    /// Older segments were removed; what is left of them, in bytes.
    pub fn older_left(&self, bytes: u64) {
        self.tail().older = bytes;
    }

    /// Calls in flight.
    pub fn open(&self) -> usize {
        self.pending().open.len()
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().expect("no holder of the lock panics")
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().expect("no holder of the lock panics")
    }
}

impl Tail {
    /// Writes the batch behind the end. On an error the end stays where it is, and the batch as well.
    fn append(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(&self.batch, self.end.offset) {
            // What was written of it is no record of anything. If this fails too, the next write goes over it.
            let _ = self.file.set_len(self.end.offset);
            return Err(error);
        }
        self.end.offset += self.batch.len() as u64;
        self.batch.clear();
        self.batch.shrink_to(KEPT);
        Ok(())
    }
}

impl Pending {
    /// Puts a batch that could not be written back in front of what was put meanwhile.
    fn restore(&mut self, batch: &mut Vec<u8>) {
        batch.append(&mut self.bytes);
        std::mem::swap(&mut self.bytes, batch);
    }

    /// Takes the reservation of a call out of what is to be written.
    fn retract(&mut self, request: RequestId) {
        let Some(bytes) = self.open.remove(&request) else {
            return;
        };
        let found = self.bytes.windows(bytes.len()).position(|window| window == &*bytes);
        if let Some(at) = found {
            self.bytes.drain(at..at + bytes.len());
            // `put` stays: tickets count what was ever put, and the last write settles them all.
        }
    }
}

fn create(dir: &std::path::Path, number: u64, open: &[u8]) -> Result<File, JournalError> {
    let path = segment::path(dir, number);
    let fail = |error: io::Error| JournalError::io(&path, error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(fail)?;
    if let Err(error) = file.write_all_at(&[segment::MAGIC, open].concat(), 0) {
        // Not begun: the next attempt makes it anew.
        let _ = std::fs::remove_file(&path);
        return Err(fail(error));
    }
    Ok(file)
}
