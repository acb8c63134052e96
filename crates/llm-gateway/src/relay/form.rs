//! What a reply is written as: what of each piece goes to the client, and what it tells of the usage.

use bytes::{Bytes, BytesMut};

use super::broken::{Broken, GARBAGE};
use crate::json_scan::MemberScan;
use crate::meter::Meter;
use crate::sse::{self, Splitter};
use crate::style::Style;
use crate::translate::StreamTranslator;
use crate::usage::{Reported, Seen, StreamReader};

/// One event may not be larger: nobody's is, and it is kept in memory.
const LARGEST_EVENT: usize = 8 * 1024 * 1024;

/// What the reply is written as, and what becomes of it.
pub enum Form {
    /// One JSON document, passed as it is.
    Document(MemberScan),
    /// Events, passed as they are; without the one that only tells the usage, if the client did not ask for it.
    Events {
        splitter: Splitter,
        reader: StreamReader,
        hide_usage: bool,
    },
    /// Events, told again in the client's style.
    Translated {
        splitter: Splitter,
        reader: StreamReader,
        translator: Box<dyn StreamTranslator>,
    },
}

/// What becomes of a piece.
pub struct Passed {
    /// What the client gets; empty if it must wait for the next piece.
    pub out: Bytes,
    /// The reply is whole, and its usage is told.
    pub end: bool,
}

impl Form {
    /// Meters a piece of a provider of this style.
    pub fn piece(&mut self, chunk: Bytes, meter: &mut Meter, provider: Style) -> Result<Passed, Broken> {
        let mut end = false;
        let out = match self {
            Self::Document(scan) => {
                scan.push(&chunk);
                meter.tally().document(&chunk);
                meter.sees(Seen::Event);
                end = scan.is_complete();
                if end && let Some(usage) = scan.value() {
                    let reported = Reported::parse(provider, usage);
                    meter.tally().report(reported);
                }
                chunk
            }
            Self::Events {
                splitter,
                reader,
                hide_usage,
            } => {
                let whole = splitter.push(chunk.clone());
                let shown = pass(&whole, *reader, meter, &mut end, *hide_usage);
                too_large(splitter)?;
                if *hide_usage { shown } else { chunk }
            }
            Self::Translated {
                splitter,
                reader,
                translator,
            } => {
                let whole = splitter.push(chunk);
                too_large(splitter)?;
                let mut out = Vec::with_capacity(whole.len() + whole.len() / 2);
                for data in sse::events(&whole).filter_map(sse::data) {
                    let seen = reader.read(&data, meter.tally());
                    end |= meter.sees(seen);
                    translator.event(&data, &mut out).map_err(|_| GARBAGE)?;
                }
                out.into()
            }
        };
        Ok(Passed { out, end })
    }

    /// Meters what is left when the provider's body has ended.
    pub fn rest(&mut self, meter: &mut Meter) -> Passed {
        let mut end = false;
        let mut out = Bytes::new();
        match self {
            Self::Document(_) => {}
            Self::Events {
                splitter,
                reader,
                hide_usage,
            } => {
                // Some providers leave out the last blank line.
                let rest = splitter.finish();
                let shown = pass(&rest, *reader, meter, &mut end, *hide_usage);
                if *hide_usage {
                    out = shown;
                }
            }
            Self::Translated {
                splitter,
                reader,
                translator,
            } => {
                let rest = splitter.finish();
                let mut told = Vec::new();
                for data in sse::events(&rest).filter_map(sse::data) {
                    let seen = reader.read(&data, meter.tally());
                    end |= meter.sees(seen);
                    // Half an event: the stream's end says enough.
                    let _ = translator.event(&data, &mut told);
                }
                translator.end(&mut told);
                out = told.into();
            }
        }
        Passed { out, end }
    }

    /// What becomes of bytes behind the end: blank lines, a second marker.
    pub fn behind_the_end(&self, chunk: Bytes) -> Bytes {
        match self {
            Self::Document(_) | Self::Events { .. } => chunk,
            Self::Translated { .. } => Bytes::new(),
        }
    }

    pub fn is_document(&self) -> bool {
        matches!(self, Self::Document(_))
    }
}

fn too_large(splitter: &Splitter) -> Result<(), Broken> {
    if splitter.held() > LARGEST_EVENT {
        Err(GARBAGE)
    } else {
        Ok(())
    }
}

/// Meters whole events, and gives those that are to be shown: all of them, in most pieces, without a copy.
fn pass(whole: &Bytes, reader: StreamReader, meter: &mut Meter, end: &mut bool, hide_usage: bool) -> Bytes {
    let mut kept: Option<BytesMut> = None;
    let mut at = 0;
    for event in sse::events(whole) {
        let seen = sse::data(event).map(|data| reader.read(&data, meter.tally()));
        *end |= seen.is_some_and(|seen| meter.sees(seen));
        if seen == Some(Seen::UsageOnly) && hide_usage {
            kept.get_or_insert_with(|| BytesMut::from(&whole[..at]));
        } else if let Some(kept) = &mut kept {
            kept.extend_from_slice(event);
        }
        at += event.len();
    }
    kept.map_or_else(|| whole.clone(), BytesMut::freeze)
}
