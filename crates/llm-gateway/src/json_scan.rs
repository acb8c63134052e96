//! Finds one member of a JSON document that comes in pieces, without keeping the document.
//!
//! A reply of many megabytes (embeddings) is forwarded as it comes; only its `usage` is wanted. The scanner walks over the bytes
//! once, knows strings from structure, and keeps nothing but the wanted member's own bytes.

/// Of the wanted member, no more than this is kept: a usage object has some hundred bytes.
const KEPT: usize = 16 * 1024;

/// Looks for a member of the outermost object.
pub struct MemberScan {
    name: &'static [u8],
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Where in the outermost object we are.
    place: Place,
    /// The key that is being read, as far as it can still be the wanted one.
    key: Vec<u8>,
    value: Vec<u8>,
    found: bool,
    complete: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A string that begins here is a key.
    Key,
    /// In a value that is not wanted.
    Value,
    /// In the wanted value.
    Wanted,
}

impl MemberScan {
    pub fn new(name: &'static str) -> Self {
        Self {
            name: name.as_bytes(),
            depth: 0,
            in_string: false,
            escaped: false,
            place: Place::Key,
            key: Vec::new(),
            value: Vec::new(),
            found: false,
            complete: false,
        }
    }

    /// The outermost value is closed: the document is whole.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The member's JSON text, once it is whole. Of several of that name the last counts.
    pub fn value(&self) -> Option<&[u8]> {
        self.found.then_some(self.value.as_slice())
    }

    pub fn push(&mut self, chunk: &[u8]) {
        // Where the key or the value that is being read begins in this chunk.
        let mut from = 0;
        let mut at = 0;
        while at < chunk.len() {
            if self.in_string {
                at += self.string(&chunk[at..]);
                continue;
            }
            match chunk[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth == 1 {
                        from = at + 1;
                    }
                }
                b'}' | b']' => {
                    if self.depth == 1 {
                        self.end_member(&chunk[from..at]);
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.complete = self.complete || self.depth == 0;
                }
                b':' if self.depth == 1 && self.place == Place::Key => {
                    self.end_key(&chunk[from..at]);
                    from = at + 1;
                }
                b',' if self.depth == 1 => {
                    self.end_member(&chunk[from..at]);
                    from = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        self.keep(&chunk[from..]);
    }

    /// Takes bytes of a string; how many.
    fn string(&mut self, bytes: &[u8]) -> usize {
        if std::mem::take(&mut self.escaped) {
            return 1;
        }
        let Some(end) = memchr::memchr2(b'"', b'\\', bytes) else {
            return bytes.len();
        };
        self.escaped = bytes[end] == b'\\';
        self.in_string = self.escaped;
        end + 1
    }

    fn end_key(&mut self, rest: &[u8]) {
        self.keep(rest);
        let key = self.key.trim_ascii_end();
        let wanted = key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\"")) == Some(self.name);
        self.place = if wanted { Place::Wanted } else { Place::Value };
        if wanted {
            self.value.clear();
            self.found = false;
        }
    }

    fn end_member(&mut self, rest: &[u8]) {
        self.keep(rest);
        if self.place == Place::Wanted {
            self.found = self.value.len() < KEPT;
        }
        self.key.clear();
        self.place = Place::Key;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let (kept, most, bytes) = match self.place {
            Place::Wanted => (&mut self.value, KEPT, bytes),
            // With its quotes, and one byte more of a longer one.
            Place::Key if self.key.is_empty() => (&mut self.key, self.name.len() + 3, bytes.trim_ascii_start()),
            Place::Key => (&mut self.key, self.name.len() + 3, bytes),
            Place::Value => return,
        };
        let room = most.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, piece: usize) -> (Option<String>, bool) {
        let mut scan = MemberScan::new("usage");
        for chunk in document.as_bytes().chunks(piece) {
            scan.push(chunk);
        }
        let value = scan.value().map(|value| String::from_utf8(value.to_vec()).unwrap());
        (value.map(|value| value.trim().to_owned()), scan.is_complete())
    }

    #[test]
    fn only_the_outermost_member_counts() {
        for (document, expected) in [
            (r#"{"usage":{"a":1}}"#, Some(r#"{"a":1}"#)),
            (
                r#"{"x":{"usage":1},"usage" : {"a":[1,{"b":"}"}]} ,"y":2}"#,
                Some(r#"{"a":[1,{"b":"}"}]}"#),
            ),
            (r#"{"x":"\"usage\":7","z":[{"usage":3}]}"#, None),
            (r#"{"usage":null,"usage":5}"#, Some("5")),
            (r#"{"usages":1,"usag":2,"the usage":3}"#, None),
            (r#"{"text":"usage","k":"\\"}"#, None),
            (r#"{"usage":"a\"b,c"}"#, Some(r#""a\"b,c""#)),
            (r#"[{"usage":1}]"#, None),
            (r#"  {            "usage"             :      5}  "#, Some("5")),
            (r#"{"usage s":1,"usage\"":2}"#, None),
        ] {
            for piece in [1, 2, 3, 7, 1000] {
                let (value, complete) = found(document, piece);
                assert_eq!((value.as_deref(), complete), (expected, true), "{document} by {piece}");
            }
        }
    }

    #[test]
    fn a_document_that_breaks_off_is_not_complete() {
        let document = r#"{"a":{"b":1},"usage":{"c":2}"#;
        let (value, complete) = found(document, 1);
        assert_eq!((value, complete), (None, false));
    }

    #[test]
    fn a_member_too_large_is_not_kept() {
        let document = format!(r#"{{"usage":"{}"}}"#, "x".repeat(2 * KEPT));
        assert_eq!(found(&document, 1000), (None, true));
    }
}
