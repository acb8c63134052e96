//! A count of tokens as somebody else wrote it: whatever it is, reading it does not fail.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// No model reads or writes so many tokens in one call; the largest contexts are a tenth of it.
pub const IMPLAUSIBLE: u64 = 10_000_000;

/// `None` where there is no believable count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(pub Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient).map(Self)
    }
}

/// The count itself, for serde's `deserialize_with`.
pub fn believable<'de, D: Deserializer<'de>>(member: D) -> Result<Option<u64>, D::Error> {
    Count::deserialize(member).map(|count| count.0)
}

struct Lenient;

impl<'de> Visitor<'de> for Lenient {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<u64>, E> {
        Ok((value <= IMPLAUSIBLE).then_some(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Option<u64>, E> {
        Ok(u64::try_from(value).ok().filter(|value| *value <= IMPLAUSIBLE))
    }

    /// Some providers write `12.0`.
    fn visit_f64<E>(self, value: f64) -> Result<Option<u64>, E> {
        let whole = value.fract() == 0.0 && (0.0..=IMPLAUSIBLE as f64).contains(&value);
        Ok(whole.then_some(value as u64))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<u64>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<u64>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_count_is_one() {
        for (written, count) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("12.0", Some(12)),
            ("-12", None),
            ("12.5", None),
            ("1e300", None),
            ("99999999999999999999999", None),
            ("10000001", None),
            ("null", None),
            ("\"12\"", None),
            ("true", None),
            ("[1,[2]]", None),
            ("{\"a\":{\"b\":1}}", None),
        ] {
            assert_eq!(serde_json::from_str::<Count>(written).unwrap().0, count, "{written}");
        }
    }
}
