//! Server-sent events, as <https://html.spec.whatwg.org/multipage/server-sent-events.html> has them, cut out of chunks
//! that end anywhere: within a line, a CRLF or a character.
//!
//! Each byte is looked at once, also when they come one by one. An event is handed out with the blank line that ends it.
//! `id` and `retry` are read over (no provider resumes a stream), and so is `event` (both APIs repeat it in their data).

use memchr::memchr2;

const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];

/// Cuts a byte stream into events.
#[derive(Default)]
pub struct Parser {
    buffer: Vec<u8>,
    /// Where the present line begins.
    line: usize,
    /// From here on nothing was looked at yet.
    seen: usize,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    /// The first line, which may begin with a byte order mark, is over.
    begun: bool,
    /// The data lines of the present event, joined with LF.
    data: Vec<u8>,
    has_data: bool,
    /// The data was handed out; the next event begins empty.
    given: bool,
    /// There were lines, and one of them at least belongs to the format.
    lines: bool,
    valid: bool,
}

impl Parser {
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.drain(..self.line);
        self.seen -= self.line;
        self.line = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// The data of the next complete event.
    pub fn next(&mut self) -> Option<&[u8]> {
        if std::mem::take(&mut self.given) {
            self.data.clear();
            self.has_data = false;
        }
        while let Some((begin, end)) = self.next_line() {
            if begin == end {
                if self.has_data {
                    self.given = true;
                    return Some(&self.data);
                }
                continue;
            }
            let line = &self.buffer[begin..end];
            let line = if self.begun {
                line
            } else {
                line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
            };
            self.begun = true;
            self.lines = true;
            self.valid =
                self.valid || line.first() == Some(&b':') || FIELDS.iter().any(|name| field(line, name).is_some());
            if let Some(value) = field(line, b"data") {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = true;
            }
        }
        None
    }

    /// Whatever came, it was not server-sent events.
    pub fn is_garbage(&self) -> bool {
        self.lines && !self.valid
    }

    /// Where the next whole line is, without its end.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        if self.after_cr && self.seen < self.buffer.len() {
            self.after_cr = false;
            if self.buffer[self.seen] == b'\n' {
                self.seen += 1;
                self.line = self.seen;
            }
        }
        let Some(length) = memchr2(b'\n', b'\r', &self.buffer[self.seen..]) else {
            self.seen = self.buffer.len();
            return None;
        };
        let (begin, end) = (self.line, self.seen + length);
        self.after_cr = self.buffer[end] == b'\r';
        self.seen = end + 1;
        self.line = self.seen;
        Some((begin, end))
    }
}

/// The value of a field of that name, less the one space that may precede it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest.split_first() {
        None => Some(rest),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.push(chunk);
            while let Some(data) = parser.next() {
                events.push(String::from_utf8(data.to_vec()).unwrap());
            }
        }
        events
    }

    const STREAM: &str = "\u{FEFF}: a comment\nevent: x\ndata: 你好\n\nid: 1\r\ndata:one\r\ndata: two\r\n\r\n: ping\n\n\
                          retry: 5\rdata\rdata:  three\r\rdatabase: no\n\ndata: [DONE]\n\n";
    const EVENTS: [&str; 4] = ["你好", "one\ntwo", "\n three", "[DONE]"];

    #[test]
    fn cuts_events_whatever_the_line_ends() {
        assert_eq!(events([STREAM.as_bytes()]), EVENTS);
    }

    #[test]
    fn chunks_may_end_anywhere() {
        assert_eq!(events(STREAM.as_bytes().chunks(1)), EVENTS);
        for split in 0..STREAM.len() {
            let (a, b) = STREAM.as_bytes().split_at(split);
            assert_eq!(events([a, b]), EVENTS, "split at {split}");
        }
    }

    #[test]
    fn an_event_is_out_with_its_blank_line_and_not_before() {
        let mut parser = Parser::default();
        parser.push(b"data: a\n");
        assert_eq!(parser.next(), None);
        assert_eq!(parser.next(), None);
        parser.push(b"\n");
        assert_eq!(parser.next(), Some(&b"a"[..]));
        assert_eq!(parser.next(), None);
    }

    #[test]
    fn knows_what_is_no_event_stream() {
        for (text, garbage) in [
            ("", false),
            ("<html>\n", true),
            ("\u{1}\u{2}\n{}\n", true),
            (": ping\n", false),
            ("x\ndata: 1\n", false),
        ] {
            let mut parser = Parser::default();
            parser.push(text.as_bytes());
            while parser.next().is_some() {}
            assert_eq!(parser.is_garbage(), garbage, "{text:?}");
        }
    }

    #[test]
    fn a_carriage_return_ends_the_event_without_waiting_for_more() {
        let mut parser = Parser::default();
        parser.push(b"data: a\r\n\r");
        assert_eq!(parser.next(), Some(&b"a"[..]));
        parser.push(b"\ndata: b\r\n\r\n");
        assert_eq!(parser.next(), Some(&b"b"[..]));
        assert_eq!(parser.next(), None);
    }
}
