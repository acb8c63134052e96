//! What a container says, brought into the instance's own log, so that there is one view of logs whatever runs it.
//!
//! The engine keeps what was said while nobody listened. How far we have read is noted beside the log: whoever comes after this
//! control plane reads on from there. Docker tells times in nanoseconds, Podman in seconds: of those that are alike it is counted
//! how many were read.

use std::io::Write as _;

use futures_util::TryStreamExt as _;
use http_body_util::BodyExt as _;
use hyper::Method;

use super::engine::{Engine, EngineError};
use crate::directory::InstanceDirectory;

/// The container, and the position of the last message that is in the log. Relative to the directory.
const READ: &str = "logs/read";
const MAX_READ: u64 = 256;
/// Before each message: which stream it is of, and its length in the last four bytes.
const HEAD: usize = 8;

/// Copies until the container has ended, or the engine goes away.
pub async fn copy(engine: Engine, container: String, directory: InstanceDirectory) {
    if let Err(error) = follow(&engine, &container, &directory).await {
        tracing::debug!(container, ?error, "its log is not followed any more");
    }
}

async fn follow(engine: &Engine, container: &str, directory: &InstanceDirectory) -> Result<(), EngineError> {
    let noted = directory.read(READ, MAX_READ).ok().flatten().unwrap_or_default();
    let noted = noted.split_once(' ').filter(|(of, _)| *of == container);
    let mut reader = Reader::after(noted.and_then(|(_, position)| parse(position)).unwrap_or_default());
    let path = format!("/containers/{container}/logs?follow=1&stdout=1&stderr=1&timestamps=1");
    let response = engine.open(Method::GET, &path, None).await?;
    let mut body = response.into_body().into_data_stream();
    while let Ok(Some(piece)) = body.try_next().await {
        let text = reader.take(&piece);
        let (at, count) = &reader.read;
        let note = || std::fs::write(directory.root().join(READ), format!("{container} {at} {count}\n"));
        let kept = directory.open_log().and_then(|mut log| log.write_all(&text));
        if let Err(error) = kept.and_then(|()| note()) {
            tracing::warn!(path = %directory.log().display(), %error, "cannot write the log");
        }
    }
    Ok(())
}

/// The time of a message, and how many of the same time there were up to it.
type Position = (String, u64);

fn parse(noted: &str) -> Option<Position> {
    let (at, count) = noted.trim().split_once(' ')?;
    Some((at.to_owned(), count.parse().ok()?))
}

/// Makes lines of the engine's messages.
struct Reader {
    rest: Vec<u8>,
    /// Where the stream is. Engines write times so that they compare as texts.
    here: Position,
    /// That of the last message that is in the log.
    read: Position,
}

impl Reader {
    fn after(read: Position) -> Self {
        Self {
            rest: Vec::new(),
            here: Position::default(),
            read,
        }
    }

    /// What is new in a piece of the stream, without its times. A long line comes as several messages, each with a time.
    fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(piece);
        let mut text = Vec::with_capacity(piece.len());
        let mut taken = 0;
        while let Some(head) = self.rest.get(taken..taken + HEAD) {
            let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let Some(message) = self.rest.get(taken + HEAD..taken + HEAD + length) else {
                break;
            };
            taken += HEAD + length;
            let Some(space) = message.iter().position(|byte| *byte == b' ') else {
                continue;
            };
            let at = String::from_utf8_lossy(&message[..space]);
            if *at == *self.here.0 {
                self.here.1 += 1;
            } else {
                self.here = (at.into_owned(), 1);
            }
            if self.here > self.read {
                self.read = self.here.clone();
                text.extend_from_slice(&message[space + 1..]);
            }
        }
        self.rest.drain(..taken);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[1, 0, 0, 0], &length, text.as_bytes()].concat()
    }

    #[test]
    fn messages_become_lines_however_they_are_cut_and_none_twice() {
        let stream = [
            message("2026-01-01T00:00:00.000000001Z old\n"),
            message("2026-01-01T00:00:00.000000002Z one\n"),
            message("2026-01-01T00:00:00.000000003Z a long "),
            message("2026-01-01T00:00:00.000000004Z line\n"),
        ];
        let stream = stream.concat();
        for size in [1, 7, stream.len()] {
            let mut reader = Reader::after(("2026-01-01T00:00:00.000000001Z".into(), 1));
            let text: Vec<u8> = stream.chunks(size).flat_map(|piece| reader.take(piece)).collect();
            assert_eq!(String::from_utf8(text).unwrap(), "one\na long line\n");
            assert_eq!(reader.read, ("2026-01-01T00:00:00.000000004Z".into(), 1));
        }
    }

    #[test]
    fn what_was_said_at_the_same_time_is_counted() {
        let messages = |seconds: &[u32]| -> Vec<u8> {
            let said = seconds.iter().enumerate();
            said.flat_map(|(number, at)| message(&format!("2026-01-01T00:00:0{at}Z {number}\n")))
                .collect()
        };
        let mut reader = Reader::after(Position::default());
        assert_eq!(reader.take(&messages(&[1, 1, 2])), b"0\n1\n2\n");
        // As the next control plane is told it, from the beginning.
        let mut reader = Reader::after(parse("2026-01-01T00:00:02Z 1\n").unwrap());
        assert_eq!(reader.take(&messages(&[1, 1, 2, 2, 3])), b"3\n4\n");
    }
}
