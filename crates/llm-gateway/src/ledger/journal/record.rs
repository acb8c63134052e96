//! One record of the journal, as bytes: `length u32 | CRC-32 u32 | payload`, all little-endian. A payload begins with its
//! kind. What a reservation will be charged to is repeated in its settlement, so that settling needs nothing else.

use std::sync::Arc;

use creel_records::ledger::{Billing, Micros, Outcome, RequestId, Settlement, Usage};

use crate::ledger::call::{Bound, Call, CallTag, window_of};

/// Length and checksum.
pub const HEAD: usize = 8;
/// Longer is damage. Five texts of 64 KiB at most, and numbers.
const LONGEST: u32 = 512 << 10;

const RESERVE: u8 = 1;
const SETTLE: u8 = 2;
const RELEASE: u8 = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A call is about to be sent. As a settlement: what it is charged if this node dies now.
    Reserve(Settlement),
    Settle(Settlement),
    /// A call that was not sent after all.
    Release(RequestId),
}

/// What [`decode`] and [`settled`] found.
pub enum Found<R> {
    /// The record, and its length with the head.
    Whole(R, usize),
    /// Only the beginning of a record.
    Part,
    /// No record at all.
    Damage(&'static str),
}

/// The charge of a call that this node knows nothing of but that it was about to be sent: its prompt, by estimate.
pub fn reserve(out: &mut Vec<u8>, call: &Call, bound: &Bound, at: i64) {
    let (day, month) = window_of(bound);
    framed(out, |out| {
        out.push(RESERVE);
        let numbers = Numbers {
            request: call.request,
            billing: call.billing,
            day,
            month,
            reserved: call.reserve,
            cost: call.prompt,
            usage: Usage {
                prompt: call.prompt_tokens,
                estimated: true,
                ..Usage::default()
            },
            outcome: Outcome::Lost,
            at,
            latency_ms: 0,
        };
        numbers.put(out);
        put_tag(out, &call.tag);
    });
}

pub fn settle(out: &mut Vec<u8>, settlement: &Settlement) {
    framed(out, |out| {
        out.push(SETTLE);
        let numbers = Numbers {
            request: settlement.request,
            billing: settlement.billing,
            day: settlement.day,
            month: settlement.month,
            reserved: settlement.reserved,
            cost: settlement.cost,
            usage: settlement.usage,
            outcome: settlement.outcome,
            at: settlement.at,
            latency_ms: settlement.latency_ms,
        };
        numbers.put(out);
        for text in [
            &settlement.user,
            &settlement.instance,
            &settlement.key,
            &settlement.provider,
            &settlement.model,
        ] {
            put_text(out, text);
        }
    });
}

pub fn release(out: &mut Vec<u8>, request: RequestId) {
    framed(out, |out| {
        out.push(RELEASE);
        out.extend_from_slice(&request.0.to_le_bytes());
    });
}

fn framed(out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    payload(out);
    let body = &out[start + HEAD..];
    let length = u32::try_from(body.len()).expect("texts are bounded");
    let sum = crc32fast::hash(body);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEAD].copy_from_slice(&sum.to_le_bytes());
}

/// Reads the record at the beginning of `bytes`.
pub fn decode(bytes: &[u8]) -> Found<Record> {
    whole(bytes, Fields::record)
}

/// As [`decode`], for whoever wants settlements alone: other records are not looked into.
pub fn settled(bytes: &[u8]) -> Found<Option<Settlement>> {
    whole(bytes, |fields| match fields.0.first() {
        Some(&(RESERVE | RELEASE)) => Some(None),
        _ => fields.record().map(|record| match record {
            Record::Settle(settlement) => Some(settlement),
            Record::Reserve(_) | Record::Release(_) => None,
        }),
    })
}

fn whole<'a, R>(bytes: &'a [u8], read: impl FnOnce(Fields<'a>) -> Option<R>) -> Found<R> {
    let Some((head, rest)) = bytes.split_at_checked(HEAD) else {
        return Found::Part;
    };
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (length, sum) = (number(0), number(4));
    if length == 0 || length > LONGEST {
        return Found::Damage("a length that no record has");
    }
    let Some(body) = rest.get(..length as usize) else {
        return Found::Part;
    };
    if crc32fast::hash(body) != sum {
        return Found::Damage("a checksum that does not fit");
    }
    match read(Fields(body)) {
        Some(record) => Found::Whole(record, HEAD + body.len()),
        None => Found::Damage("fields that this version does not know"),
    }
}

/// Everything of a settlement but its texts.
struct Numbers {
    request: RequestId,
    billing: Billing,
    day: Option<i32>,
    month: Option<i32>,
    reserved: Micros,
    cost: Micros,
    usage: Usage,
    outcome: Outcome,
    at: i64,
    latency_ms: u64,
}

impl Numbers {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request.0.to_le_bytes());
        out.push(match self.billing {
            Billing::Credits => 0,
            Billing::Metered => 1,
        });
        out.push(match self.outcome {
            Outcome::Done => 0,
            Outcome::Cut => 1,
            Outcome::Failed => 2,
            Outcome::Lost => 3,
        });
        out.push(u8::from(self.usage.estimated));
        // No window is that far away.
        out.extend_from_slice(&self.day.unwrap_or(i32::MIN).to_le_bytes());
        out.extend_from_slice(&self.month.unwrap_or(i32::MIN).to_le_bytes());
        for number in [self.reserved.0, self.cost.0, self.at] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let Usage {
            prompt,
            completion,
            cached,
            reasoning,
            estimated: _,
        } = self.usage;
        for number in [prompt, completion, cached, reasoning, self.latency_ms] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

fn put_tag(out: &mut Vec<u8>, tag: &CallTag) {
    for text in [&tag.user, &tag.instance, &tag.key, &tag.provider, &tag.model] {
        put_text(out, text);
    }
}

/// A text of at most 64 KiB; a longer one is cut.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(usize::from(u16::MAX))];
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The rest of a payload.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn record(mut self) -> Option<Record> {
        let record = match self.byte()? {
            RESERVE => Record::Reserve(self.settlement()?),
            SETTLE => Record::Settle(self.settlement()?),
            RELEASE => Record::Release(RequestId(u128::from_le_bytes(self.bytes()?))),
            _ => return None,
        };
        self.0.is_empty().then_some(record)
    }

    fn settlement(&mut self) -> Option<Settlement> {
        let request = RequestId(u128::from_le_bytes(self.bytes()?));
        let billing = match self.byte()? {
            0 => Billing::Credits,
            1 => Billing::Metered,
            _ => return None,
        };
        let outcome = match self.byte()? {
            0 => Outcome::Done,
            1 => Outcome::Cut,
            2 => Outcome::Failed,
            3 => Outcome::Lost,
            _ => return None,
        };
        let estimated = self.byte()? == 1;
        let (day, month) = (self.window()?, self.window()?);
        let (reserved, cost, at) = (Micros(self.signed()?), Micros(self.signed()?), self.signed()?);
        let usage = Usage {
            prompt: self.number()?,
            completion: self.number()?,
            cached: self.number()?,
            reasoning: self.number()?,
            estimated,
        };
        Some(Settlement {
            request,
            billing,
            day,
            month,
            reserved,
            cost,
            usage,
            outcome,
            at,
            latency_ms: self.number()?,
            user: self.text()?,
            instance: self.text()?,
            key: self.text()?,
            provider: self.text()?,
            model: self.text()?,
        })
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn signed(&mut self) -> Option<i64> {
        self.bytes().map(i64::from_le_bytes)
    }

    /// `Some(None)`: no such window.
    fn window(&mut self) -> Option<Option<i32>> {
        let window = i32::from_le_bytes(self.bytes()?);
        Some((window != i32::MIN).then_some(window))
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let length = u16::from_le_bytes(self.bytes()?);
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn settlement() -> Settlement {
        Settlement {
            request: RequestId::new(),
            billing: Billing::Metered,
            user: "张三".into(),
            instance: "".into(),
            key: "k".into(),
            provider: "openai".into(),
            model: "gpt".into(),
            day: Some(-3),
            month: None,
            reserved: Micros(5),
            cost: Micros(i64::MAX),
            usage: Usage {
                prompt: 1,
                completion: u64::MAX,
                cached: 3,
                reasoning: 4,
                estimated: true,
            },
            outcome: Outcome::Failed,
            at: -1,
            latency_ms: 9,
        }
    }

    #[test]
    fn a_record_comes_back_and_every_damage_is_noticed() {
        let mut bytes = Vec::new();
        settle(&mut bytes, &settlement());
        let wanted = decode(&bytes);
        let Found::Whole(Record::Settle(found), length) = wanted else {
            panic!("no settlement")
        };
        assert_eq!(
            (found.user.as_ref(), found.cost, length),
            ("张三", Micros(i64::MAX), bytes.len())
        );
        assert_eq!(
            (found.day, found.month, found.usage),
            (Some(-3), None, settlement().usage)
        );
        for cut in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..cut]), Found::Part), "{cut}");
        }
        for byte in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[byte] ^= 1 << bit;
                assert!(!matches!(decode(&damaged), Found::Whole(..)), "byte {byte}, bit {bit}");
            }
        }
    }

    #[test]
    fn settlements_alone_are_found_among_all_records() {
        let mut bytes = Vec::new();
        release(&mut bytes, RequestId::new());
        let first = bytes.len();
        settle(&mut bytes, &settlement());
        assert!(matches!(settled(&bytes), Found::Whole(None, length) if length == first));
        let Found::Whole(Some(found), _) = settled(&bytes[first..]) else {
            panic!("no settlement")
        };
        assert_eq!(found.user.as_ref(), "张三");
        bytes[HEAD] = 9;
        assert!(matches!(settled(&bytes), Found::Damage(_)));
    }

    #[test]
    fn a_text_without_end_is_cut_at_a_character() {
        let mut bytes = Vec::new();
        let long: Arc<str> = "€".repeat(100_000).into();
        settle(
            &mut bytes,
            &Settlement {
                user: long.clone(),
                ..settlement()
            },
        );
        let Found::Whole(Record::Settle(found), _) = decode(&bytes) else {
            panic!("no settlement")
        };
        assert!(long.starts_with(found.user.as_ref()) && found.user.len() == 65_535);
    }
}
