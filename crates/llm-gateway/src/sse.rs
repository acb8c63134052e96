//! Cuts a stream of server-sent events at the events' ends, so that each can be looked at, forwarded or left out whole:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Lines end with LF or CRLF, as every provider writes them.
//!
//! Chunks that hold whole events, which is how providers send them, are handed on without a copy.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;

/// Holds back the piece of an event whose end has not come yet.
#[derive(Default)]
pub struct Splitter {
    rest: Vec<u8>,
}

impl Splitter {
    /// The events that are whole with this chunk, one after the other; often all of the chunk.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.rest.is_empty() {
            let end = last_end(&chunk, 0);
            if end < chunk.len() {
                self.rest.extend_from_slice(&chunk[end..]);
            }
            return chunk.slice(..end);
        }
        // An end may begin in what was there before.
        let from = self.rest.len().saturating_sub(2);
        self.rest.extend_from_slice(&chunk);
        let end = last_end(&self.rest, from);
        if end == 0 {
            return Bytes::new();
        }
        let rest = self.rest.split_off(end);
        Bytes::from(std::mem::replace(&mut self.rest, rest))
    }

    /// Bytes held back.
    pub fn held(&self) -> usize {
        self.rest.len()
    }

    /// What was held back when the stream ended: an event whose last blank line is missing, or half an event.
    pub fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.rest).into()
    }
}

/// Behind the last blank line that ends at `from` or later, or 0.
fn last_end(bytes: &[u8], from: usize) -> usize {
    let tail = &bytes[from..];
    let lf = memmem::rfind(tail, b"\n\n").map_or(0, |at| from + at + 2);
    // A CRLF file has no "\n\n"; a mixed one has whichever comes last.
    let crlf = if lf == bytes.len() {
        0
    } else {
        memmem::rfind(tail, b"\n\r\n").map_or(0, |at| from + at + 3)
    };
    lf.max(crlf)
}

/// The events of [`Splitter::push`], each with its blank line.
pub fn events(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (event, rest) = bytes.split_at(first_end(bytes));
        bytes = rest;
        Some(event)
    })
}

fn first_end(bytes: &[u8]) -> usize {
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'\n', &bytes[from..]) {
        let next = from + at + 1;
        match &bytes[next..] {
            [b'\n', ..] => return next + 1,
            [b'\r', b'\n', ..] => return next + 2,
            _ => from = next,
        }
    }
    bytes.len()
}

/// A stream may begin with a byte order mark, which belongs to no line.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The data of an event: its `data` lines joined with LF, or `None` where it has none (a comment, a ping) or says nothing.
pub fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut found: Option<Cow<'_, [u8]>> = None;
    let event = event.strip_prefix(MARK).unwrap_or(event);
    for line in event.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(value) = line.strip_prefix(b"data:") else {
            continue;
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        found = Some(match found {
            None => Cow::Borrowed(value),
            Some(before) => {
                let mut joined = before.into_owned();
                joined.push(b'\n');
                joined.extend_from_slice(value);
                Cow::Owned(joined)
            }
        });
    }
    found.filter(|data| !data.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": ping\n\ndata: {\"a\":1}\n\nevent: x\r\ndata: one\r\ndata:two\r\n\r\ndata: [DONE]\n\n";

    fn split(piece: usize) -> (Vec<String>, String) {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for chunk in STREAM.as_bytes().chunks(piece) {
            let whole = splitter.push(Bytes::copy_from_slice(chunk));
            found.extend(events(&whole).map(|event| String::from_utf8(event.to_vec()).unwrap()));
        }
        (found, String::from_utf8(splitter.finish().to_vec()).unwrap())
    }

    #[test]
    fn events_are_whole_whatever_the_chunks() {
        for piece in 1..STREAM.len() {
            let (found, rest) = split(piece);
            assert_eq!((found.len(), rest.as_str()), (4, ""), "by {piece}: {found:?}");
            assert_eq!(found.concat(), STREAM);
        }
    }

    #[test]
    fn a_chunk_of_whole_events_is_not_copied() {
        let chunk = Bytes::from_static(STREAM.as_bytes());
        let whole = Splitter::default().push(chunk.clone());
        assert_eq!((whole.as_ptr(), whole.len()), (chunk.as_ptr(), chunk.len()));
    }

    #[test]
    fn the_data_of_events() {
        let all: Vec<_> = events(STREAM.as_bytes())
            .map(|event| data(event).map(Cow::into_owned))
            .collect();
        let text = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(all, [None, text("{\"a\":1}"), text("one\ntwo"), text("[DONE]")]);
    }

    #[test]
    fn a_byte_order_mark_hides_nothing_and_no_data_is_nothing() {
        assert_eq!(data(b"\xef\xbb\xbfdata: a\n\n").as_deref(), Some(&b"a"[..]));
        for event in ["data:\n\n", "data: \n\n", "event: ping\ndata:\r\n\r\n"] {
            assert_eq!(data(event.as_bytes()), None, "{event:?}");
        }
    }

    #[test]
    fn half_an_event_is_held_back() {
        let mut splitter = Splitter::default();
        assert_eq!(
            splitter.push(Bytes::from_static(b"data: a\n\ndata: b\n")),
            "data: a\n\n"
        );
        assert_eq!(splitter.held(), 8);
        assert_eq!(splitter.finish(), "data: b\n");
    }
}
