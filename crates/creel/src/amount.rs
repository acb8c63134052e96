//! Amounts of credits and limits, as people give them. They are looked at where they are typed, so that a refusal names the option.

use std::num::NonZeroU64;

use creel_records::ledger::Micros;
use serde::Serialize;

/// A limit that may be lifted. Serialized, it is null then, as the API has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Limit<T>(Option<T>);

/// Credits from 0 on: a price. The decimal goes on as it was given, and is exact.
pub fn price(text: &str) -> Result<String, String> {
    amount(text, Micros::ZERO).map_err(|()| format!("give credits from 0 to {}", such_as()))
}

/// Credits that are some.
pub fn grant(text: &str) -> Result<String, String> {
    amount(text, Micros(1)).map_err(|()| format!("give credits above 0, up to {}", such_as()))
}

/// Credits of a day or a month, or none.
pub fn budget(text: &str) -> Result<Limit<String>, String> {
    limit(text, |text| amount(text, Micros::ZERO).ok())
        .ok_or_else(|| format!("give credits from 0 to {}, or none", such_as()))
}

/// Requests or tokens of a minute, or none.
pub fn per_minute(text: &str) -> Result<Limit<NonZeroU64>, &'static str> {
    limit(text, |text| text.parse().ok()).ok_or("give a whole number of at least 1, or none")
}

fn limit<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Limit<T>> {
    match text {
        "none" => Some(Limit(None)),
        text => parse(text).map(|limit| Limit(Some(limit))),
    }
}

fn amount(text: &str, least: Micros) -> Result<String, ()> {
    let amount: Micros = text.parse().map_err(drop)?;
    match (least..=Micros::LARGEST).contains(&amount) {
        true => Ok(text.to_owned()),
        false => Err(()),
    }
}

fn such_as() -> String {
    format!("{}, such as 10 or 0.000001 (six decimals at most)", Micros::LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_decimals_within_bounds() {
        for text in ["0", "10", "2.5", "0.000001", "1000000000"] {
            assert_eq!(price(text).as_deref(), Ok(text));
            assert_eq!(budget(text), Ok(Limit(Some(text.to_owned()))));
        }
        for text in [
            "-1",
            "-0.000001",
            "abc",
            "1e400",
            "NaN",
            "inf",
            "",
            "0.0000001",
            "1000000001",
        ] {
            assert!(
                price(text).is_err() && grant(text).is_err() && budget(text).is_err(),
                "{text}"
            );
        }
        assert!(grant("0").is_err() && grant("0.000001").is_ok());
    }

    #[test]
    fn none_lifts_a_limit_and_nothing_is_none_of_its_own() {
        assert_eq!(serde_json::json!(budget("none").unwrap()), serde_json::Value::Null);
        assert_eq!(serde_json::json!(per_minute("5").unwrap()), 5);
        for text in ["0", "-1", "many", "1.5", "1e400", "99999999999999999999", ""] {
            assert!(per_minute(text).is_err(), "{text}");
        }
    }
}
