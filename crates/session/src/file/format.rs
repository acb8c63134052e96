//! The lines of a transcript's file: reading them, forgiving what a death or a power cut did to the end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::title_of;
use crate::{Entry, SessionId, SessionInfo, Transcript};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub v: u32,
    pub id: SessionId,
    /// Milliseconds since the Unix epoch.
    pub created_at: u64,
}

pub(super) const VERSION: u32 = 1;

/// A transcript in memory.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub info: SessionInfo,
    /// `None`: too large to keep; the rest is enough to append without reading it all again.
    pub entries: Option<Arc<Vec<Arc<Entry>>>>,
    pub newest_epoch: u64,
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Parsed {
    /// `None`: not even a whole header.
    pub content: Option<Content>,
    /// Where the good lines end. What is beyond was never acknowledged.
    pub good_len: usize,
    /// The last line is whole, only its line break is missing.
    pub unterminated: bool,
    /// Lines in the middle that are no entries of this version, left where they are.
    pub skipped: usize,
}

impl Content {
    pub fn new(header: &Header) -> Self {
        let info = SessionInfo {
            id: header.id.clone(),
            title: String::new(),
            created_at: header.created_at,
            updated_at: header.created_at,
            messages: 0,
        };
        Self {
            info,
            entries: Some(Arc::default()),
            newest_epoch: 0,
        }
    }

    pub fn push(&mut self, entry: Entry) {
        if self.info.title.is_empty() {
            self.info.title = title_of(&entry.body).unwrap_or_default();
        }
        self.info.updated_at = entry.at;
        self.info.messages += 1;
        self.newest_epoch = self.newest_epoch.max(entry.epoch);
        if let Some(entries) = &mut self.entries {
            // Copied only if somebody is reading it right now; the entries themselves are shared.
            Arc::make_mut(entries).push(Arc::new(entry));
        }
    }

    /// What a reader gets; `None` if the entries are not here.
    pub fn transcript(&self) -> Option<Transcript> {
        let entries = Arc::clone(self.entries.as_ref()?);
        Some(Transcript {
            info: self.info.clone(),
            newest_epoch: self.newest_epoch,
            entries,
        })
    }
}

/// Reads the lines of a file.
///
/// # Errors
/// Words for a person: the file is of a later version, or is no transcript.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, String> {
    let mut parsed = Parsed {
        content: None,
        good_len: 0,
        unterminated: false,
        skipped: 0,
    };
    let Some((header, rest)) = header(bytes)? else {
        return Ok(parsed);
    };
    let mut content = Content::new(&header);
    let mut end = bytes.len() - rest.len();
    parsed.good_len = end;
    parsed.unterminated = bytes[end - 1] != b'\n';
    // Broken lines at the very end are what a death or a power cut leaves. Before a good line they are somebody's
    // damage, and stay for somebody to look at.
    let mut broken = 0;
    for line in lines(rest) {
        end += line.len();
        match Line::read(line) {
            Line::Broken => {
                broken += 1;
                continue;
            }
            Line::Entry(entry) => content.push(entry),
            Line::Unknown { epoch } => {
                content.newest_epoch = content.newest_epoch.max(epoch);
                broken += 1;
            }
        }
        parsed.skipped += std::mem::take(&mut broken);
        parsed.good_len = end;
        parsed.unterminated = !line.ends_with(b"\n");
    }
    content.info.messages += parsed.skipped as u64;
    parsed.content = Some(content);
    Ok(parsed)
}

/// What a list shows of a file, without reading every line: the same as [`parse`] would say. `None`: not even a whole
/// header.
///
/// # Errors
/// As [`parse`].
pub(super) fn summarize(bytes: &[u8]) -> Result<Option<SessionInfo>, String> {
    let Some((header, mut rest)) = header(bytes)? else {
        return Ok(None);
    };
    let mut info = Content::new(&header).info;
    for line in lines(rest).rev() {
        match Line::read(line) {
            Line::Entry(entry) => {
                info.updated_at = entry.at;
                break;
            }
            Line::Unknown { .. } => info.messages += 1,
            Line::Broken if info.messages == 0 => {}
            Line::Broken => info.messages += 1,
        }
        rest = &rest[..rest.len() - line.len()];
    }
    let whole_lines = rest.iter().filter(|byte| **byte == b'\n').count();
    let last_line = usize::from(rest.last().is_some_and(|byte| *byte != b'\n'));
    info.messages += (whole_lines + last_line) as u64;
    info.title = lines(rest)
        .find_map(|line| title_of(&Line::read(line).entry()?.body))
        .unwrap_or_default();
    Ok(Some(info))
}

fn lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}

/// The first line, and what comes after it. `None`: it is not all there.
fn header(bytes: &[u8]) -> Result<Option<(Header, &[u8])>, String> {
    let Some(line) = lines(bytes).next() else {
        return Ok(None);
    };
    let rest = &bytes[line.len()..];
    match serde_json::from_slice::<Header>(line) {
        Ok(header) if header.v == VERSION => return Ok(Some((header, rest))),
        Err(_) if !line.ends_with(b"\n") || bytes.iter().all(|byte| *byte == 0) => return Ok(None),
        Ok(_) | Err(_) => {}
    }
    let version = serde_json::from_slice::<serde_json::Value>(line)
        .ok()
        .and_then(|value| value["v"].as_u64());
    Err(match version {
        Some(version) if version > u64::from(VERSION) => {
            format!("written by a later version of Creel (format {version}); upgrade to read it")
        }
        _ => "its first line is no transcript header".to_owned(),
    })
}

/// A line after the first.
enum Line {
    Entry(Entry),
    /// JSON, but nothing that this version knows.
    Unknown {
        epoch: u64,
    },
    /// No JSON at all.
    Broken,
}

impl Line {
    fn read(line: &[u8]) -> Self {
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) => return Self::Entry(entry),
            Err(error) if !error.is_data() => return Self::Broken,
            Err(_) => {}
        }
        // An error of data stops at the first thing that does not fit: the rest may still be broken.
        match serde_json::from_slice::<serde_json::Value>(line) {
            Ok(value) => Self::Unknown {
                epoch: value["epoch"].as_u64().unwrap_or(0),
            },
            Err(_) => Self::Broken,
        }
    }

    fn entry(self) -> Option<Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Unknown { .. } | Self::Broken => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, Part};

    const HEADER: &str = "{\"v\":1,\"id\":\"s\",\"created_at\":5}\n";

    fn line(at: u64, text: &str) -> String {
        let body = Body::User {
            parts: vec![Part::Text { text: text.into() }],
        };
        let entry = Entry {
            at,
            turn: "t".into(),
            epoch: at,
            idempotency_key: None,
            body,
        };
        serde_json::to_string(&entry).unwrap() + "\n"
    }

    #[test]
    fn an_entry_is_one_readable_line() {
        assert_eq!(
            line(7, "hi\n"),
            "{\"at\":7,\"turn\":\"t\",\"epoch\":7,\"body\":{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"hi\\n\"}]}}\n"
        );
    }

    fn agree(bytes: &[u8]) {
        let parsed = parse(bytes).unwrap().content.map(|content| content.info);
        assert_eq!(summarize(bytes).unwrap(), parsed);
    }

    #[test]
    fn reads_what_is_whole() {
        let text = format!("{HEADER}{}{}", line(6, "  Hello\n there "), line(9, "more"));
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(
            (parsed.good_len, parsed.skipped, parsed.unterminated),
            (text.len(), 0, false)
        );
        let content = parsed.content.unwrap();
        assert_eq!(content.newest_epoch, 9);
        assert_eq!(content.transcript().unwrap().entries.len(), 2);
        let info = content.info;
        assert_eq!(
            (info.title.as_str(), info.created_at, info.updated_at, info.messages),
            ("Hello there", 5, 9, 2)
        );
        agree(text.as_bytes());
    }

    #[test]
    fn a_tail_cut_at_any_byte_costs_only_the_line_it_is_in() {
        let before = format!("{HEADER}{}", line(6, "kept"));
        let tail = line(9, "torn é");
        for cut in 0..tail.len() {
            let mut bytes = before.clone().into_bytes();
            bytes.extend(&tail.as_bytes()[..cut]);
            let parsed = parse(&bytes).unwrap();
            // Without its line break only, the line is whole, and stays.
            let whole = cut == tail.len() - 1;
            assert_eq!(
                parsed.content.unwrap().info.messages,
                if whole { 2 } else { 1 },
                "cut at {cut}"
            );
            assert_eq!(
                parsed.good_len,
                if whole { bytes.len() } else { before.len() },
                "cut at {cut}"
            );
            assert_eq!(parsed.unterminated, whole);
            agree(&bytes);
        }
    }

    #[test]
    fn a_header_cut_at_any_byte_is_no_session_yet() {
        for cut in 0..HEADER.len() - 1 {
            let parsed = parse(&HEADER.as_bytes()[..cut]).unwrap();
            assert!(parsed.content.is_none());
            assert_eq!(parsed.good_len, 0);
        }
        assert!(parse(&HEADER.as_bytes()[..HEADER.len() - 1]).unwrap().unterminated);
    }

    #[test]
    fn a_tail_of_zeros_after_a_power_cut_is_dropped() {
        let before = format!("{HEADER}{}", line(6, "kept"));
        let mut bytes = before.clone().into_bytes();
        bytes.extend([0; 64]);
        bytes.extend(b"\n\0\0\n");
        assert_eq!(parse(&bytes).unwrap().good_len, before.len());
        agree(&bytes);
        assert!(parse(&[0; 64]).unwrap().content.is_none());
    }

    #[test]
    fn damage_in_the_middle_and_lines_of_later_versions_stay() {
        let later = "{\"at\":7,\"turn\":\"t\",\"epoch\":30,\"body\":{\"role\":\"hologram\"}}\n";
        let text = format!("{HEADER}{}garbage\n{}{later}", line(6, "a"), line(9, "b"));
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!((parsed.good_len, parsed.skipped), (text.len(), 2));
        let content = parsed.content.unwrap();
        assert_eq!(
            (
                content.transcript().unwrap().entries.len(),
                content.info.messages,
                content.newest_epoch
            ),
            (2, 4, 30)
        );
        agree(text.as_bytes());
        agree(format!("{text}garbage\n{later}").as_bytes());
        agree(format!("{text}{later}garbage\nmore").as_bytes());
        agree(HEADER.as_bytes());
    }

    #[test]
    fn what_is_no_transcript_is_not_touched() {
        let later = parse(b"{\"v\":2,\"id\":\"s\"}\n").unwrap_err();
        assert!(later.contains("later version of Creel (format 2)"), "{later}");
        for text in ["hello\n", "[]\n", "{}\n{}\n", "\n\n", &line(1, "x")] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
